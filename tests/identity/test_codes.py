"""One-time codes: the published vectors, and that each opens a session once."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.people import PASSWORD, People, Person
from plugins.process import assert_refused

from lotabots.identity.codes import (
    as_recovery_code,
    code_at,
    matching_step,
    provisioning_uri,
    recovery_code,
    step_of,
)
from lotabots.kernel import Role
from lotabots.runtime.clock import utc_now

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    assert code_at(SECRET, step_of(seconds)) == code
    assert matching_step(SECRET, code, step_of(seconds)) == step_of(seconds)


@pytest.mark.parametrize(
    ("step", "code"),
    [(0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314"), (9, "520489")],
)
def test_codes_are_those_of_rfc_4226_appendix_d(step: int, code: str) -> None:
    assert code_at(SECRET, step) == code


def test_a_code_is_taken_one_step_early_or_late_and_no_more() -> None:
    code = code_at(SECRET, 1000)
    taken = [now for now in range(990, 1011) if matching_step(SECRET, code, now) is not None]
    assert taken == [999, 1000, 1001]


@given(st.text(max_size=64))
def test_any_other_text_is_no_code(text: str) -> None:
    near = {code_at(SECRET, step) for step in (999, 1000, 1001)}
    assert (matching_step(SECRET, text, 1000) is not None) == (text in near)
    assert as_recovery_code(text) is None or text.strip().lower() == as_recovery_code(text)


def test_a_recovery_code_is_read_as_it_was_written_down() -> None:
    code = recovery_code(bytes(range(10)))
    assert as_recovery_code(f" {code.upper()}\n") == code


def test_an_authenticator_gets_all_it_needs_from_the_address() -> None:
    uri = urlsplit(provisioning_uri(SECRET, "Lota Bots", "a:b"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Lota%20Bots:a%3Ab")
    asked = {name: value[0] for name, value in parse_qs(uri.query).items()}
    assert base64.b32decode(asked["secret"]) == SECRET
    assert (asked["digits"], asked["period"], asked["issuer"]) == ("6", "30", "Lota Bots")


@dataclass
class Holder:
    """A user with an authenticator; each code that it gives is a later one than the last."""

    people: People
    person: Person
    secret: bytes
    recovery: list[str]
    step: int

    def code(self) -> str:
        """The code of the next step: the server takes one that is a step early."""
        return code_at(self.secret, self.step)

    async def log_in(self, code: str | None) -> Any:
        return await self.people.log_in(
            self.person.name, **({} if code is None else {"code": code})
        )

    async def post(self, path: str, **body: str) -> Any:
        headers = self.person.headers
        return await self.people.api.post(f"/v1/me/codes{path}", body, as_=None, headers=headers)


@pytest.fixture
async def holder(people: People) -> Holder:
    person = await people.logged_in(Role.OPERATOR)
    made = Holder(people, person, b"", [], 0)
    enrolment = (await made.post("", password=PASSWORD)).json()
    made.secret = base64.b32decode(enrolment["secret"] + "=" * (-len(enrolment["secret"]) % 8))
    made.step = step_of(utc_now().timestamp())
    confirmed = await made.post("/confirm", code=made.code())
    assert confirmed.status_code == 200, confirmed.text
    made.recovery = confirmed.json()["codes"]
    made.step += 1  # one step early: good for the rest of this step and all of the next
    return made


@pytest.mark.anyio
async def test_whoever_has_an_authenticator_needs_a_code_of_it(holder: Holder) -> None:
    refused = await holder.log_in(None)
    assert_refused(refused, 401, "LOGIN_CODE")
    assert refused.json()["details"] == {"missing": True}
    wrong = await holder.log_in("000000" if holder.code() != "000000" else "000001")
    assert_refused(wrong, 401, "LOGIN_CODE")
    assert (await holder.log_in(holder.code())).status_code == 200
    page = await holder.people.api.get("/v1/me/sessions", as_=None, headers=holder.person.headers)
    assert {one["method"] for one in page.json()["sessions"]} == {"password", "password+code"}


@pytest.mark.anyio
async def test_a_code_does_not_help_whoever_lacks_the_password(holder: Holder) -> None:
    answer = await holder.people.log_in(holder.person.name, "not it", code=holder.code())
    assert_refused(answer, 401, "LOGIN_FAILED")
    assert (await holder.log_in(holder.code())).status_code == 200  # it was not used up


@pytest.mark.anyio
async def test_of_many_who_show_the_same_code_one_is_let_in(holder: Holder) -> None:
    code = holder.code()
    answers = await asyncio.gather(*(holder.log_in(code) for _ in range(4)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert_refused(await holder.log_in(code), 401, "LOGIN_CODE")


@pytest.mark.anyio
async def test_a_recovery_code_stands_in_for_the_authenticator_once(holder: Holder) -> None:
    assert len(set(holder.recovery)) == 10
    code = holder.recovery[0]
    answers = await asyncio.gather(*(holder.log_in(code.upper()) for _ in range(3)))
    assert [answer.status_code for answer in answers].count(200) == 1
    state = await holder.people.api.get("/v1/me/codes", as_=None, headers=holder.person.headers)
    assert state.json() == {"enabled": True, "recovery_codes_left": 9}
    renewed = (await holder.post("/recovery", code=holder.recovery[1])).json()["codes"]
    assert_refused(await holder.log_in(holder.recovery[2]), 401, "LOGIN_CODE")
    assert (await holder.log_in(renewed[0])).status_code == 200


@pytest.mark.anyio
async def test_an_authenticator_is_replaced_only_by_whoever_has_it(holder: Holder) -> None:
    assert_refused(await holder.post("", password=PASSWORD), 409, "CODE_ENABLED")
    assert_refused(await holder.post("/confirm", code=holder.code()), 409, "CODE_ENABLED")
    assert_refused(await holder.post("/remove", code="123"), 401, "CODE_WRONG")
    assert (await holder.post("/remove", code=holder.code())).status_code == 204
    assert (await holder.log_in(None)).status_code == 200
    assert_refused(await holder.post("/recovery", code=holder.recovery[0]), 401, "CODE_WRONG")


@pytest.mark.anyio
async def test_an_authenticator_is_begun_by_whoever_knows_the_password(people: People) -> None:
    ada = await people.logged_in()
    body = {"password": "not the password"}
    answer = await people.api.post("/v1/me/codes", body, as_=None, headers=ada.headers)
    assert_refused(answer, 401, "LOGIN_FAILED")
    # Begun and not confirmed, it is not asked for.
    body = {"password": PASSWORD}
    await people.api.post("/v1/me/codes", body, as_=None, headers=ada.headers)
    assert (await people.log_in(ada.name)).status_code == 200


@pytest.mark.anyio
async def test_an_administrator_takes_a_lost_authenticator_away(holder: Holder) -> None:
    api, path = holder.people.api, f"/v1/users/{holder.person.id}/codes"
    stranger = api.of_another_tenant()
    assert_refused(await stranger.request("DELETE", path), 404, "USER_UNKNOWN")
    assert (await api.request("DELETE", path)).status_code == 204
    assert (await holder.log_in(None)).status_code == 200
    verbs = [entry["verb"] for entry in await holder.people.entries(verb="code.disable")]
    assert verbs == ["code.disable"]


@pytest.mark.anyio
async def test_no_secret_and_no_recovery_code_stands_in_the_database(holder: Holder) -> None:
    async with holder.people.api.database.transaction(holder.people.api.tenant) as tx:
        rows = str(await tx.fetch("select * from identity.one_time_codes"))
        rows += str(await tx.fetch("select * from identity.recovery_codes"))
    for text in (holder.secret.hex(), repr(holder.secret), *holder.recovery):
        assert text not in rows
