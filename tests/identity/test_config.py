"""Settings changed while processes run: by the operator alone, everywhere within a second."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from plugins.api import Api
from plugins.attester import Attester, ready, small_node
from plugins.process import Tokens, assert_refused

from lotabots.kernel import OPERATOR_TENANT, LotaError, Role
from lotabots.runtime.clock import utc_now

pytestmark = pytest.mark.anyio

SECONDS = "identity.token_seconds"


@pytest.fixture
async def operator(api: Api) -> AsyncIterator[Api]:
    """The API as the operator's administrator sees it; what was set is unset after the test."""
    made = replace(api, tokens=Tokens(api.tokens.key, OPERATOR_TENANT))
    yield made
    for one in (await made.get("/v1/config")).json():
        if one["origin"] == "database":
            assert (await made.request("DELETE", f"/v1/config/{one['name']}")).status_code == 200


async def shown(api: Api, name: str) -> dict[str, Any]:
    answer = await api.get("/v1/config")
    assert answer.status_code == 200, answer.text
    return next(one for one in answer.json() if one["name"] == name)


async def put(api: Api, key: str, value: object, **other: Any) -> Any:
    return await api.request("PUT", f"/v1/config/{key}", json={"value": value}, **other)


async def lifetime(node: Attester) -> int:
    """Seconds that a result is valid which this node gets now."""
    payload = (await node.attested())["result"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return int(claims["exp"] - claims["iat"])


async def test_a_setting_is_changed_shown_with_its_origin_and_changed_back(operator: Api) -> None:
    before = await shown(operator, SECONDS)
    answer = await put(operator, SECONDS, "300")
    assert answer.status_code == 200, answer.text
    now = {"name": SECONDS, "value": "300", "origin": "database", "changeable": True}
    assert answer.json() == await shown(operator, SECONDS) == now
    answer = await operator.request("DELETE", f"/v1/config/{SECONDS}")
    assert answer.json() == await shown(operator, SECONDS) == before


async def test_each_change_is_an_audit_entry_with_the_old_and_the_new_value(operator: Api) -> None:
    for value in ("300", "300", "400"):
        await put(operator, SECONDS, value)
    await operator.request("DELETE", f"/v1/config/{SECONDS}")
    page = (await operator.get("/v1/audit/entries?limit=3")).json()
    entries = [one["entry"] for one in page["entries"]]
    assert [one["subject"] for one in entries] == [f"setting:{SECONDS}"] * 3
    assert [(one["verb"], one["digests"]) for one in entries] == [
        ("setting.unset", {"old": "400"}),
        ("setting.set", {"old": "300", "new": "400"}),
        ("setting.set", {"new": "300"}),
    ]


@pytest.mark.parametrize(
    ("key", "value", "status", "code"),
    [
        (SECONDS, "901", 400, "SETTINGS_INVALID"),
        (SECONDS, "soon", 400, "SETTINGS_INVALID"),
        (SECONDS, "", 400, "SETTINGS_INVALID"),
        ("log.level", "loud", 400, "SETTINGS_INVALID"),
        ("identity.bcrypt_cost", "4", 409, "SETTING_FIXED"),
        ("identity.pepper", "x" * 40, 409, "SETTING_FIXED"),
        ("identity.nothing", "1", 404, "SETTING_UNKNOWN"),
        (SECONDS, 300, 400, "REQUEST_BODY_INVALID"),
        (SECONDS, "3" * 2000, 400, "REQUEST_BODY_INVALID"),
        (SECONDS, "300\x00", 400, "REQUEST_TEXT_NUL"),
    ],
)
async def test_what_the_settings_themselves_refuse_is_refused(
    operator: Api, key: str, value: object, status: int, code: str
) -> None:
    assert_refused(await put(operator, key, value), status, code)
    assert (await shown(operator, SECONDS))["origin"] == "default"


async def test_only_the_operators_tenant_sees_and_changes_settings(api: Api) -> None:
    assert_refused(await api.get("/v1/config"), 403, "CONFIG_NOT_YOURS")
    assert_refused(await put(api, SECONDS, "300"), 403, "CONFIG_NOT_YOURS")
    assert_refused(await api.request("DELETE", f"/v1/config/{SECONDS}"), 403, "CONFIG_NOT_YOURS")


async def test_the_database_itself_lets_no_other_tenant_change_one(api: Api) -> None:
    insert = (
        "insert into identity.settings (key, value, changed_at, changed_by)"
        " values ('log.level', 'debug', $1, $2)"
    )
    for tenant in (api.tenant, None):
        with pytest.raises(LotaError):
            async with api.database.transaction(tenant) as tx:
                await tx.execute(insert, utc_now(), api.user)


async def test_an_auditor_of_the_operator_reads_settings_and_changes_none(operator: Api) -> None:
    assert (await operator.get("/v1/config", as_=Role.AUDITOR)).status_code == 200
    refused = await put(operator, SECONDS, "300", as_=Role.AUDITOR)
    assert_refused(refused, 403, "PERMISSION_DENIED")


async def test_no_secret_is_shown(operator: Api) -> None:
    said = (await operator.get("/v1/config")).text
    assert "postgresql://" not in said
    key = await shown(operator, "keyring.key")
    assert set(key["value"]) == {"*"}
    assert key["origin"] == "LOTA_KEYRING_KEY"


async def test_another_process_applies_a_change_within_a_second(api: Api, operator: Api) -> None:
    """Attestation is in another process than identity in one of the two modes."""
    node = await ready(api, small_node())
    before = await lifetime(node)
    await put(operator, "attestation.result_seconds", "77")
    began = monotonic()
    while (now := await lifetime(node)) != 77:
        assert (now, monotonic() - began < 1) == (before, True)
        await asyncio.sleep(0.01)


async def test_a_value_that_this_version_does_not_know_or_refuses_changes_nothing(
    api: Api, operator: Api
) -> None:
    async with api.database.transaction(OPERATOR_TENANT) as tx:
        for key, value in (("identity.newer", "x"), (SECONDS, "90000"), ("log.level", "warning")):
            await tx.execute(
                "insert into identity.settings (key, value, changed_at, changed_by)"
                " values ($1, $2, $3, $4)",
                key, value, utc_now(), api.user,
            )  # fmt: skip
    try:
        await put(operator, "audit.address_days", "80")
        assert (await shown(operator, SECONDS))["origin"] == "default"
        assert (await shown(operator, "log.level"))["value"] == "warning"
        assert (await shown(operator, "audit.address_days"))["value"] == "80"
    finally:
        async with api.database.transaction(OPERATOR_TENANT) as tx:
            await tx.execute("delete from identity.settings")
        await put(operator, "audit.address_days", "80")
