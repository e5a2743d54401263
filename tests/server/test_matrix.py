"""Every route x every role x two tenants: who is let in, and that nobody reaches into another's.

A route without an entry in `MATRIX` fails here, and so does an entry without a route. An entry says
what the route asks of its caller, by hand: the description that servers give of themselves is only
held against it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from plugins.api import Api
from plugins.attester import new_jwk, ready, small_node, upload
from plugins.models import SignedModel, in_registry
from plugins.people import People, Person

from lotabots.access import PERMISSIONS
from lotabots.appraisal import POLICY_TEXTS
from lotabots.evidence import ReferenceFiles
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio

OWN_POLICY = POLICY_TEXTS["demo"].replace("name: demo", "name: own")
PUBLIC, ANYONE = "nobody in particular", "any caller with a valid token"

MATRIX: Mapping[str, str] = {
    "GET /.well-known/jwks.json": PUBLIC,
    "GET /.well-known/lotabots-ca": PUBLIC,
    "GET /v1/attestations": "attestation.read",
    "POST /v1/attestations": "attestation.submit",
    "GET /v1/attestations/{attestation_id}": "attestation.read",
    "GET /v1/attestations/{attestation_id}/inputs": "attestation.read",
    "GET /v1/attestations/{attestation_id}/result": "attestation.read",
    "GET /v1/audit/checkpoint": PUBLIC,
    "GET /v1/audit/entries": "audit.read",
    "POST /v1/audit/erasures": "audit.erase",
    "GET /v1/audit/keys": PUBLIC,
    "GET /v1/audit/receipts/{entry}": "audit.read",
    "GET /v1/audit/tile/{path}": PUBLIC,
    "POST /v1/challenges": "challenge.create",
    "GET /v1/config": "config.read",
    "PUT /v1/config/{key}": "config.write",
    "DELETE /v1/config/{key}": "config.write",
    "POST /v1/deliveries/{delivery_id}/replay": "webhook.write",
    "GET /v1/events": "event.read",
    "GET /v1/fleet": "node.read",
    "POST /v1/fleet/reappraisals": "policy.read",
    "POST /v1/enrolment-tokens": "node.write",
    "POST /v1/enrolments": PUBLIC,
    "POST /v1/enrolments/{enrolment_id}/activation": PUBLIC,
    "GET /v1/identity/jwks.json": PUBLIC,
    "POST /v1/login": PUBLIC,
    "POST /v1/login/invitation": PUBLIC,
    "GET /v1/login/oidc": PUBLIC,
    "GET /v1/login/oidc/callback": PUBLIC,
    "POST /v1/login/refresh": PUBLIC,
    "GET /v1/me": ANYONE,
    "GET /v1/me/codes": ANYONE,
    "POST /v1/me/codes": ANYONE,
    "POST /v1/me/codes/confirm": ANYONE,
    "POST /v1/me/codes/recovery": ANYONE,
    "POST /v1/me/codes/remove": ANYONE,
    "GET /v1/me/consents": ANYONE,
    "POST /v1/me/consents": ANYONE,
    "GET /v1/me/keys": ANYONE,
    "POST /v1/me/keys": ANYONE,
    "DELETE /v1/me/keys/{key_id}": ANYONE,
    "POST /v1/me/logout": ANYONE,
    "POST /v1/me/password": ANYONE,
    "GET /v1/me/personal-data": ANYONE,
    "DELETE /v1/me/sessions": ANYONE,
    "GET /v1/me/sessions": ANYONE,
    "DELETE /v1/me/sessions/{session_id}": ANYONE,
    "GET /v1/model-policies": "policy.read",
    "POST /v1/model-policies": "policy.write",
    "GET /v1/model-policies/{policy}": "policy.read",
    "POST /v1/model-policies/{policy}/activate": "policy.write",
    "GET /v1/models": "model.read",
    "POST /v1/models": "model.write",
    "GET /v1/models/{digest}": "model.read",
    "POST /v1/models/{digest}/approvals": "model.approve",
    "GET /v1/models/{digest}/bom": "model.read",
    "GET /v1/models/{digest}/controls": "model.read",
    "PUT /v1/models/{digest}/files": "model.write",
    "POST /v1/models/{digest}/moves": "model.write",
    "POST /v1/models/{digest}/result": "model.read",
    "GET /v1/models/{digest}/verifications/{verification_id}": "model.read",
    "GET /v1/models/{digest}/verifications/{verification_id}/events": "model.read",
    "POST /v1/models/{digest}/verify": "model.write",
    "GET /v1/nodes": "node.read",
    "POST /v1/nodes": "node.write",
    "GET /v1/nodes/{node_id}": "node.read",
    "GET /v1/nodes/{node_id}/resources": "node.read",
    "GET /v1/nodes/{node_id}/samples": "node.read",
    "POST /v1/nodes/{node_id}/samples": "node.report",
    "POST /v1/nodes/{node_id}/devices": "node.write",
    "DELETE /v1/nodes/{node_id}/devices/{kind}/{device_id}": "node.write",
    "POST /v1/nodes/{node_id}/quarantine": "node.write",
    "POST /v1/nodes/{node_id}/release": "node.write",
    "POST /v1/nodes/{node_id}/revoke": "node.write",
    "GET /v1/nodes/{node_id}/why": "node.read",
    "GET /v1/policies": "policy.read",
    "POST /v1/policies": "policy.write",
    "POST /v1/policies/try": "policy.read",
    "GET /v1/policies/{policy}": "policy.read",
    "POST /v1/policies/{policy}/activate": "policy.write",
    "GET /v1/reference": "reference.read",
    "POST /v1/reference": "reference.write",
    "POST /v1/reference/files": "reference.write",
    "GET /v1/reference/{bundle_id}": "reference.read",
    "POST /v1/reference/{bundle_id}/activate": "reference.write",
    "GET /v1/reference/{bundle_id}/export": "reference.read",
    "POST /v1/renewals": PUBLIC,
    "POST /v1/renewals/{renewal_id}": PUBLIC,
    "GET /v1/revocations": "revocation.read",
    "POST /v1/revocations": "revocation.write",
    "DELETE /v1/revocations/{revocation_id}": "revocation.write",
    "GET /v1/status": PUBLIC,
    "GET /v1/users": "user.read",
    "POST /v1/users": "user.write",
    "POST /v1/users/invitations": "user.write",
    "GET /v1/users/{user_id}": "user.read",
    "DELETE /v1/users/{user_id}/codes": "user.write",
    "POST /v1/users/{user_id}/disable": "user.write",
    "POST /v1/users/{user_id}/enable": "user.write",
    "POST /v1/users/{user_id}/erasure": "audit.erase",
    "POST /v1/users/{user_id}/invitation": "user.write",
    "GET /v1/users/{user_id}/keys": "api_key.read",
    "POST /v1/users/{user_id}/keys": "api_key.write",
    "DELETE /v1/users/{user_id}/keys/{key_id}": "api_key.write",
    "GET /v1/users/{user_id}/links": "user.read",
    "POST /v1/users/{user_id}/links": "user.write",
    "DELETE /v1/users/{user_id}/links": "user.write",
    "GET /v1/users/{user_id}/personal-data": "personal.read",
    "POST /v1/users/{user_id}/role": "user.write",
    "DELETE /v1/users/{user_id}/sessions": "session.end",
    "GET /v1/users/{user_id}/sessions": "session.read",
    "GET /v1/webhooks": "webhook.read",
    "POST /v1/webhooks": "webhook.write",
    "DELETE /v1/webhooks/{webhook_id}": "webhook.write",
    "GET /v1/webhooks/{webhook_id}/deliveries": "webhook.read",
    "POST /v1/webhooks/{webhook_id}/test": "webhook.write",
}

# What only some of those who may call a route see of its answer, and the permission for it.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "GET /v1/users": {"email": "user.write"},
    "GET /v1/users/{user_id}": {"email": "user.write"},
    "GET /v1/users/{user_id}/links": {"subject": "user.write"},
    "GET /v1/users/{user_id}/sessions": {"address": "session.end"},
}

# Bodies that would do something if the thing in the path were the caller's.
BODIES: Mapping[str, dict[str, Any]] = {
    "PUT /v1/config/{key}": {"value": "error"},
    "POST /v1/models/{digest}/approvals": {"stage": "production"},
    "POST /v1/models/{digest}/moves": {"stage": "production"},
    "POST /v1/models/{digest}/result": {"session_key": new_jwk()},
    "POST /v1/nodes/{node_id}/samples": {
        "reports": [{"at": utc_now().isoformat(), "host": {}, "nvml": {"status": "absent"}}]
    },
    "POST /v1/nodes/{node_id}/devices": {"kind": "gpu", "device_id": "planted"},
    "POST /v1/nodes/{node_id}/quarantine": {"reason": "none"},
    "POST /v1/nodes/{node_id}/release": {"reason": "none"},
    "POST /v1/nodes/{node_id}/revoke": {"reason": "none"},
    "POST /v1/users/{user_id}/erasure": {"reason": "none"},
    "POST /v1/users/{user_id}/keys": {"name": "stolen"},
    "POST /v1/users/{user_id}/links": {"issuer": "https://evil.example", "subject": "me"},
    "POST /v1/users/{user_id}/role": {"role": "viewer"},
}


QUERIES: Mapping[str, dict[str, str]] = {"PUT /v1/models/{digest}/files": {"path": "README.md"}}


@dataclass(frozen=True)
class Things:
    """One of each thing that a path can name, all of one tenant; and everything that names it."""

    ids: Mapping[str, str]

    def put_in(self, path: str) -> str:
        """The path with the thing of each name; a new kind of id needs a thing of its own here."""
        return re.sub(r"{([^}]*)}", lambda found: self.ids[found[1]], path)


@pytest.fixture
async def victim(people: People) -> Person:
    return await people.logged_in(Role.SERVICE)


@pytest.fixture
async def things(people: People, victim: Person) -> Things:
    api, node = people.api, small_node()
    attester = await ready(api, node)
    attested = await attester.attested()
    device = {"kind": "unheardof", "device_id": uuid4().hex}
    assert (await api.post(f"/v1/nodes/{attester.id}/devices", device)).status_code == 201
    bundle = await upload(api, ReferenceFiles.of({"rim/a.xml": b"<a/>"}), name="own")
    key = (await api.post(f"/v1/users/{victim.id}/keys", {"name": "x"})).json()
    policy = (await api.post("/v1/policies", {"source": OWN_POLICY})).json()
    model = await in_registry(api, SignedModel())
    thing = {"kind": "driver", "value": "1.2.3", "reason": "own"}
    revocation = (await api.post("/v1/revocations", thing)).json()["revocation"]
    url = "https://127.0.0.1:1999/"  # nobody listens there
    webhook = (await api.post("/v1/webhooks", {"url": url})).json()["webhook"]
    delivery = (await api.post(f"/v1/webhooks/{webhook['id']}/test")).json()
    entries = (await api.get("/v1/audit/entries")).json()["entries"]
    return Things(
        {
            "attestation_id": attested["id"],
            "bundle_id": bundle["id"],
            "delivery_id": delivery["id"],
            "device_id": device["device_id"],
            "digest": model["digest"],
            "entry": entries[0]["entry"]["id"],
            "key": "log.level",
            "key_id": key["shown"]["id"],
            "kind": device["kind"],
            "node_id": attester.id,
            "policy": policy["id"],
            "revocation_id": revocation["id"],
            "session_id": victim.tokens["session_id"],
            "user_id": victim.id,
            "verification_id": model["verification"]["id"],
            "webhook_id": webhook["id"],
        }
    )


async def described(api: Api) -> dict[str, Any]:
    """What the servers say of their routes."""
    found = {}
    page = (await api.client.get(f"{api.servers.url}/openapi.json")).json()
    for path, item in page["paths"].items():
        for method, operation in item.items():
            found[f"{method.upper()} {path}"] = operation
    return found


def may(role: Role, wanted: str) -> bool:
    return wanted in {PUBLIC, ANYONE} or wanted in {str(one) for one in PERMISSIONS[role]}


async def test_every_route_has_an_entry_in_the_matrix_and_every_entry_a_route(api: Api) -> None:
    routes = await described(api)
    assert set(routes) - set(MATRIX) == set(), "new routes need an entry in MATRIX"
    assert set(MATRIX) - set(routes) == set(), "entries without a route"


async def test_a_server_says_of_each_route_what_the_matrix_says(api: Api) -> None:
    for route, operation in (await described(api)).items():
        asked = operation.get("x-permissions") or [ANYONE if operation["security"] else PUBLIC]
        assert asked == [MATRIX[route]], route
        assert operation.get("x-fields", {}) == FIELDS.get(route, {}), route
        for name, wanted in FIELDS.get(route, {}).items():
            assert f"`{name}` (`{wanted}`)" in operation["description"], route


async def sent(api: Api, route: str, path: str, role: Role | None) -> httpx.Response:
    method, _, template = route.partition(" ")
    body = BODIES.get(route)
    more = {"params": QUERIES[route]} if route in QUERIES else {}
    return await api.request(
        method, path or template, role, **({"json": body} if body else {}), **more
    )


async def test_no_role_of_another_tenant_reaches_anything(api: Api, things: Things) -> None:
    stranger = api.of_another_tenant()
    for route, wanted in MATRIX.items():
        if wanted == PUBLIC:
            continue
        path = things.put_in(route.partition(" ")[2])
        for role in Role:
            answer = await sent(stranger, route, path, role)
            at = (route, role, answer.status_code, answer.text[:200])
            assert answer.status_code < 500, at
            denied = answer.status_code == 403 and answer.json()["code"] == "PERMISSION_DENIED"
            assert denied == (not may(role, wanted)), at
            if "{" in route:
                assert answer.status_code in {403, 404}, at
            for thing in things.ids.values():
                assert thing not in answer.text, at


async def test_what_the_strangers_tried_has_changed_nothing(
    people: People, victim: Person, things: Things
) -> None:
    stranger = people.api.of_another_tenant()
    for route, wanted in MATRIX.items():
        if wanted not in {PUBLIC, ANYONE} and not route.startswith("GET") and "{" in route:
            await sent(stranger, route, things.put_in(route.partition(" ")[2]), Role.OWNER)
    user = (await people.api.get(f"/v1/users/{victim.id}")).json()
    assert (user["username"], user["role"], user["disabled_at"]) == (victim.name, "service", None)
    keys = (await people.api.get(f"/v1/users/{victim.id}/keys")).json()["keys"]
    assert [one["revoked"] for one in keys] == [False]
    assert (await people.refresh(victim.tokens["refresh_token"])).status_code == 200
    node = (await people.api.get(f"/v1/nodes/{things.ids['node_id']}")).json()
    assert (node["lifecycle"], len(node["inventory"])) == ("active", 2)


async def test_in_the_own_tenant_a_route_is_open_to_exactly_the_roles_of_the_matrix(
    api: Api, things: Things
) -> None:
    for route, wanted in MATRIX.items():
        path = things.put_in(route.partition(" ")[2]) if wanted != PUBLIC else ""
        if wanted == PUBLIC or (wanted == ANYONE and "{" not in route):
            continue
        for role in Role:
            if may(role, wanted) and route.split()[0] != "GET":
                continue  # it would do what it is for; the tests of its service see to that
            answer = await api.request(route.split()[0], path, role)
            denied = answer.status_code == 403 and answer.json()["code"] == "PERMISSION_DENIED"
            assert denied == (not may(role, wanted)), (route, role, answer.text[:200])


def names_in(value: object) -> set[str]:
    """Every field of a JSON answer, at any depth."""
    match value:
        case dict():
            return {*value, *(name for inner in value.values() for name in names_in(inner))}
        case list():
            return {name for inner in value for name in names_in(inner)}
        case _:
            return set()


async def test_a_field_for_some_is_in_the_answer_to_exactly_the_roles_that_may_see_it(
    api: Api, things: Things
) -> None:
    link = {"issuer": "https://login.example.org", "subject": things.ids["user_id"]}
    assert (await api.post(things.put_in("/v1/users/{user_id}/links"), link)).status_code == 201
    for route, fields in FIELDS.items():
        path = things.put_in(route.partition(" ")[2])
        seen_by_all = names_in((await api.get(path, Role.OWNER)).json()) - set(fields)
        for role in (role for role in Role if may(role, MATRIX[route])):
            answer = await api.get(path, role)
            assert answer.status_code == 200, (route, role)
            allowed = {name for name, wanted in fields.items() if may(role, wanted)}
            assert names_in(answer.json()) == seen_by_all | allowed, (route, role)
