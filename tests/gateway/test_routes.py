"""The gateway's routes are exactly those of the services."""

from collections.abc import Iterator

import pytest
from litestar import Litestar

from lotabots.gateway.routes import Routes
from lotabots.runtime.web import RateClass
from lotabots.server.services import SERVICES, all_endpoints

ENDPOINTS = all_endpoints()
ROUTES = Routes(ENDPOINTS)
ID = "6a1c1f0e-0000-4000-8000-000000000001"


def registered() -> Iterator[tuple[str, str, str]]:
    for plan in SERVICES:
        for route in Litestar(list(plan.handlers), openapi_config=None).routes:
            for handler in getattr(route, "route_handlers", ()):
                for method in handler.http_methods - {"OPTIONS"}:
                    yield plan.name, method, route.path


@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
def test_every_endpoint_of_every_service_is_known_and_no_other() -> None:
    assert sorted((one.service, one.method, one.template) for one in ENDPOINTS) == sorted(
        registered()
    )


def test_a_path_is_found_where_its_service_has_it() -> None:
    for path, method, service in (
        ("/v1/login", "POST", "identity"),
        (f"/v1/nodes/{ID}", "GET", "attestation"),
        (f"/v1/attestations/{ID}/result", "GET", "attestation"),
        ("/v1/policies/try", "POST", "attestation"),
        ("/v1/policies/mine", "GET", "attestation"),
        ("/v1/audit/tile/0/x001/234", "GET", "audit"),
        (f"/v1/reference/{'a' * 64}/export", "GET", "reference"),
    ):
        assert ROUTES.find(path)[method].service == service, path


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v1", "/v1/", "/V1/login", "/v1/Login", "/v1/login/", "//v1/login", "/v1/login/x",
     "/v1/nodes/", "/v1/nodes//", "/v1/audit/tile", "/v1/audit/tile/", "v1/login", "/v1/login "],
)  # fmt: skip
def test_there_is_no_second_spelling(path: str) -> None:
    assert not ROUTES.find(path)


def test_what_is_costly_or_guessed_at_is_in_a_class_of_its_own() -> None:
    classes = {(one.method, one.template): one.rate_class for one in ENDPOINTS}
    assert classes["POST", "/v1/login"] is RateClass.LOGIN
    assert classes["POST", "/v1/challenges"] is RateClass.SUBMIT
    assert classes["POST", "/v1/attestations"] is RateClass.SUBMIT
    assert classes["GET", "/v1/reference/{bundle_id:str}/export"] is RateClass.EXPORT
    assert classes["GET", "/v1/status"] is RateClass.PUBLIC
    assert classes["GET", "/v1/nodes"] is RateClass.DEFAULT
