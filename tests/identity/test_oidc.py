"""Log-in through an identity provider that really runs: what is believed, and all that is not."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import httpx
import pytest
from plugins.process import Tokens, assert_refused, calling, make_process, new_key, serving
from plugins.provider import CLIENT, SECRET, SmallProvider, small_provider

from lotabots import audit, identity
from lotabots.identity import IdentitySettings
from lotabots.kernel import LotaError, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.settings import Secret

pytestmark = pytest.mark.anyio

CALLBACK = "http://127.0.0.1:9/v1/login/oidc/callback"


@pytest.fixture
def provider() -> Iterator[SmallProvider]:
    with small_provider() as running:
        running.redirect_uri = CALLBACK
        yield running


@dataclass
class Browser:
    """A browser between us and the provider; cookies are kept, redirects followed by hand."""

    client: httpx.AsyncClient
    tokens: Tokens
    provider: SmallProvider
    user: dict[str, Any]

    async def begin(self) -> str:
        """The address at the provider that we send the browser to."""
        answer = await self.client.get("/v1/login/oidc")
        assert answer.status_code == 302, answer.text
        location = answer.headers["location"]
        assert location.startswith(f"{self.provider.issuer}/authorize?")
        return str(location)

    async def at_provider(self, location: str) -> str:
        """The path and query with which the provider sends the browser back."""
        async with httpx.AsyncClient(trust_env=False) as there:
            answer = await there.get(location)
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
        return f"{back.path}?{back.query}"

    async def log_in(self) -> httpx.Response:
        return await self.client.get(await self.at_provider(await self.begin()))


@pytest.fixture
async def browser(
    provider: SmallProvider, database: Database, log: io.BytesIO, tokens: Tokens
) -> AsyncIterator[Browser]:
    settings = IdentitySettings(
        bcrypt_cost=10,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=Secret(SECRET),
        oidc_redirect_uri=CALLBACK,
    )
    process = make_process(database, log, settings)
    provider.subject = f"subject {uuid4().hex}"
    name = f"u{uuid4().hex}"
    async with serving(process, [identity.service(process), audit.service(process)]) as client:
        made = {"username": name, "email": f"{name}@b.org", "role": "operator"}
        user = (await client.post("/v1/users", json=made, headers=tokens.of())).json()
        link = {"issuer": provider.issuer, "subject": provider.subject}
        path = f"/v1/users/{user['id']}/links"
        assert (await client.post(path, json=link, headers=tokens.of())).status_code == 201
        yield Browser(client, tokens, provider, user)


@pytest.mark.parametrize("signing", ["RS256", "ES256"])
async def test_whom_the_provider_vouches_for_is_logged_in(browser: Browser, signing: str) -> None:
    browser.provider.signing = signing
    answer = await browser.log_in()
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    me = (await browser.client.get("/v1/me", headers=headers)).json()
    assert (me["id"], me["role"]) == (browser.user["id"], "operator")
    [session] = (await browser.client.get("/v1/me/sessions", headers=headers)).json()["sessions"]
    assert session["method"] == "oidc"


async def test_the_cookie_is_for_this_log_in_alone(browser: Browser) -> None:
    answer = await browser.client.get("/v1/login/oidc")
    cookie = answer.headers["set-cookie"].lower()
    for attribute in ("lota-oidc=", "httponly", "samesite=lax", "max-age=600", "path=/"):
        assert attribute in cookie


async def test_an_answer_is_taken_once_and_in_the_browser_that_asked(browser: Browser) -> None:
    back = await browser.at_provider(await browser.begin())
    cookies = dict(browser.client.cookies)
    browser.client.cookies.clear()
    assert_refused(await browser.client.get(back), 401, "OIDC_STATE")
    await browser.begin()  # another log-in, with another cookie
    assert_refused(await browser.client.get(back), 401, "OIDC_STATE")
    browser.client.cookies.update(cookies)
    race = [browser.client.get(back) for _ in range(5)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*race))
    assert statuses == [200, 401, 401, 401, 401]


async def test_behind_https_only_a_cookie_that_no_neighbour_can_set_counts(
    provider: SmallProvider, database: Database, log: io.BytesIO
) -> None:
    settings = IdentitySettings(
        bcrypt_cost=10,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=Secret(SECRET),
        oidc_redirect_uri="https://lotabots.example.com/v1/login/oidc/callback",
    )
    process = make_process(database, log, settings)
    async with calling(process, [identity.service(process)]) as client:
        begun = await client.get("/v1/login/oidc")
        cookie = begun.headers["set-cookie"]
        assert cookie.startswith("__Host-lota-oidc=")
        assert "Secure" in cookie
        assert "domain" not in cookie.lower()
        client.cookies.clear()
        value = cookie.partition("=")[2].partition(";")[0]
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        back = f"/v1/login/oidc/callback?code=x&state={state}"
        plain = await client.get(back, headers={"cookie": f"lota-oidc={value}"})
        assert_refused(plain, 401, "OIDC_STATE")
        own = await client.get(back, headers={"cookie": f"__Host-lota-oidc={value}"})
        assert_refused(own, 503, "OIDC_PROVIDER")  # as far as the code, which is none


async def test_an_answer_with_another_state_code_or_issuer_is_refused(browser: Browser) -> None:
    for changes, status, code in (
        ({"state": "x" * 43}, 401, "OIDC_STATE"),
        ({"state": ""}, 401, "OIDC_STATE"),
        ({"iss": "https://evil.example"}, 401, "OIDC_STATE"),
        ({"code": "stolen"}, 503, "OIDC_PROVIDER"),
        ({"code": None}, 401, "OIDC_DENIED"),
        ({"error": "access_denied"}, 401, "OIDC_DENIED"),
        ({"redirect_uri": "https://evil.example"}, 400, "REQUEST_PARAMETER"),
    ):
        back = urlsplit(await browser.at_provider(await browser.begin()))
        query = {name: values[0] for name, values in parse_qs(back.query).items()} | changes
        sent = urlencode({name: value for name, value in query.items() if value is not None})
        assert_refused(await browser.client.get(f"{back.path}?{sent}"), status, code)


def seconds(ahead: int) -> int:
    return int(utc_now().timestamp()) + ahead


@pytest.mark.parametrize(
    "fault",
    [
        lambda p: p.claims.update(iss="https://evil.example"),
        lambda p: p.claims.update(aud="another client"),
        lambda p: p.claims.update(aud=[CLIENT, "another client"]),
        lambda p: p.claims.update(azp="another client"),
        lambda p: p.claims.update(nonce="another log-in"),
        lambda p: p.claims.update(nonce=None),
        lambda p: p.claims.update(sub=None),
        lambda p: p.claims.update(sub=""),
        lambda p: p.claims.update(sub=["a"]),
        lambda p: p.claims.update(exp=seconds(-120)),
        lambda p: p.claims.update(exp=str(seconds(300))),
        lambda p: p.claims.update(exp=1e30),
        lambda p: p.claims.update(iat=seconds(600)),
        lambda p: p.claims.update(iat=seconds(-3600)),
        lambda p: p.header.update(alg="none"),
        lambda p: p.header.update(alg="HS256"),
        lambda p: p.header.update(alg="ES256"),
        lambda p: p.header.update(kid="x"),
        lambda p: p.header.update(crit=["exp"]),
        lambda p: setattr(p, "signature", b""),
        lambda p: setattr(p, "signature", bytes(256)),
        lambda p: setattr(p, "keys", lambda: {"keys": []}),
        lambda p: setattr(p, "keys", lambda: {"keys": [new_key().jwk_public() | {"kid": "r"}]}),
        lambda p: setattr(p, "keys", lambda: {"keys": [p.keys_of_512()]}),
    ],
)
async def test_an_id_token_that_is_not_the_answer_to_this_log_in_is_refused(
    browser: Browser, fault: Callable[[Any], None]
) -> None:
    browser.provider.keys_of_512 = lambda: {"kty": "RSA", "kid": "r", "n": "_" * 86, "e": "AQAB"}  # type: ignore[attr-defined]
    fault(browser.provider)
    assert_refused(await browser.log_in(), 401, "OIDC_TOKEN")


async def test_whom_nobody_linked_is_not_let_in_and_becomes_no_user(browser: Browser) -> None:
    browser.provider.subject = "somebody else"
    answer = await browser.log_in()
    assert_refused(answer, 401, "OIDC_UNKNOWN")
    assert answer.json()["details"]["subject"] == "somebody else"
    users = (await browser.client.get("/v1/users", headers=browser.tokens.of())).json()["users"]
    assert [one["id"] for one in users] == [browser.user["id"]]


async def test_a_disabled_or_unlinked_user_is_not_let_in(browser: Browser) -> None:
    path, headers = f"/v1/users/{browser.user['id']}", browser.tokens.of()
    tokens = (await browser.log_in()).json()
    await browser.client.post(f"{path}/disable", headers=headers)
    assert_refused(await browser.log_in(), 401, "OIDC_UNKNOWN")
    await browser.client.post(f"{path}/enable", headers=headers)
    assert (await browser.log_in()).status_code == 200
    assert (await browser.client.delete(f"{path}/links", headers=headers)).status_code == 204
    assert_refused(await browser.log_in(), 401, "OIDC_UNKNOWN")
    refresh = {"refresh_token": tokens["refresh_token"]}
    answer = await browser.client.post("/v1/login/refresh", json=refresh)
    assert_refused(answer, 401, "REFRESH_REFUSED")


async def test_a_subject_is_linked_to_one_user_and_by_those_who_may(browser: Browser) -> None:
    link = {"issuer": browser.provider.issuer, "subject": browser.provider.subject}
    path = f"/v1/users/{browser.user['id']}/links"
    again = await browser.client.post(path, json=link, headers=browser.tokens.of())
    assert_refused(again, 409, "LINK_TAKEN")
    stranger = Tokens(browser.tokens.key, uuid4())
    for method in ("GET", "DELETE"):
        answer = await browser.client.request(method, path, headers=stranger.of())
        assert_refused(answer, 404, "USER_UNKNOWN")
    viewer = await browser.client.post(path, json=link, headers=browser.tokens.of(Role.AUDITOR))
    assert_refused(viewer, 403, "PERMISSION_DENIED")
    listed = await browser.client.get(path, headers=browser.tokens.of(Role.AUDITOR))
    assert listed.json()["links"] == [{"issuer": link["issuer"]}]
    listed = await browser.client.get(path, headers=browser.tokens.of())
    assert listed.json()["links"] == [link]


async def test_a_provider_that_describes_itself_wrongly_is_not_used(browser: Browser) -> None:
    for description in (
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ):
        browser.provider.description = description
        assert_refused(await browser.client.get("/v1/login/oidc"), 503, "OIDC_PROVIDER")


async def test_without_a_provider_there_is_no_such_log_in(process: Process) -> None:
    async with calling(process, [identity.service(process)]) as client:
        assert_refused(await client.get("/v1/login/oidc"), 404, "OIDC_OFF")
        answer = await client.get("/v1/login/oidc/callback?code=a&state=b")
        assert_refused(answer, 404, "OIDC_OFF")


@pytest.mark.parametrize(
    "changes",
    [
        {"oidc_client_id": ""},
        {"oidc_issuer": "http://login.example.com"},
        {"oidc_redirect_uri": "http://example.com/v1/login/oidc/callback"},
        {"oidc_redirect_uri": ""},
    ],
)
async def test_a_provider_that_is_half_configured_is_refused(changes: dict[str, str]) -> None:
    whole = {
        "oidc_issuer": "https://login.example.com",
        "oidc_client_id": "a",
        "oidc_client_secret": Secret("b"),
        "oidc_redirect_uri": "https://here.example.com/v1/login/oidc/callback",
    }
    IdentitySettings(**whole)  # type: ignore[arg-type]
    with pytest.raises(LotaError) as caught:
        IdentitySettings(**(whole | changes))  # type: ignore[arg-type]
    assert caught.value.code == "SETTINGS_INVALID"
