"""`lotabots audit list`, `erase` and `receipt get`, against a server."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from plugins.api import Api
from plugins.attester import register, small_node
from plugins.process import MASTER_KEY

from lotabots.audit import SYSTEM, Entry, Journal
from lotabots.kernel import Role
from lotabots.runtime.keyring import Keyring

pytestmark = pytest.mark.anyio

Run = Callable[..., Any]
PUBLISHED_SECONDS = 20.0


@pytest.fixture
def audit(lotabots: Run, api: Api, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`audit("list")` as an administrator of the test's tenant; `by` is somebody else."""

    def run(*arguments: object, by: str = "") -> Any:
        token = by or api.tokens.token(Role.ADMIN, user_id=api.user)
        monkeypatch.setenv("LOTABOTS_TOKEN", token)
        return lotabots("audit", *arguments, "--server", api.servers.url)

    return run


async def test_entries_are_listed_with_who_did_what(audit: Run, api: Api) -> None:
    node = await register(api, small_node())
    (line,) = audit("list").out.splitlines()[1:]
    _, place, actor, verb, subject, outcome = line.split()
    assert (actor, verb, subject, outcome) == (
        str(api.user), "node.register", f"node:{node.id}", "done"
    )  # fmt: skip
    assert place == "waiting" or place.isdecimal()


async def test_entries_are_found_by_what_is_asked(audit: Run, api: Api) -> None:
    nodes = [await register(api, small_node()) for _ in range(3)]

    def found(*options: object) -> list[str]:
        entries = audit("list", *options, "-o", "json").json["entries"]
        return [one["entry"]["subject"] for one in entries]

    newest_first = [f"node:{node.id}" for node in reversed(nodes)]
    assert found() == newest_first
    assert found("--actor", api.user, "--verb", "node.register") == newest_first
    assert found("--subject", newest_first[1], "--outcome", "done") == [newest_first[1]]
    for nothing in (
        ("--actor", "system"),
        ("--verb", "node.remove"),
        ("--outcome", "refused"),
        ("--since", "2999-01-01T00:00:00Z"),
        ("--until", "2020-01-01T00:00:00+02:00"),
    ):
        assert found(*nothing) == []
    page = audit("list", "--limit", 2)
    after = page.err.removeprefix("More: --after ").strip()
    assert newest_first[1] in page.out
    assert found("--after", after) == newest_first[2:]
    assert audit("list", "--since", "yesterday").status == 2


async def test_a_person_who_was_erased_is_in_no_line_any_more(audit: Run, api: Api) -> None:
    await register(api, small_node())
    officer = uuid4()
    by = api.tokens.token(Role.ADMIN, user_id=officer)
    ran = audit("erase", f"user:{api.user}", "--reason", "asked for it", by=by)
    assert ran.status == 0
    listed = audit("list", by=by)
    assert str(api.user) not in listed.out
    said, erased = listed.out.splitlines()[1:]
    assert said.split()[2:4] == [str(officer), "person.erase"]
    assert erased.split()[2:4] == ["erased", "node.register"]
    (entry, _) = audit("list", "-o", "json", by=by).json["entries"]
    assert entry["entry"]["id"] == ran.out.strip()
    assert entry["disclosed"]["note"]["text"] == "asked for it"
    again = audit("erase", f"user:{api.user}", "--reason", "again", by=by)
    assert (again.status, "PERSON_UNKNOWN" in again.err) == (4, True)


async def test_a_user_who_was_erased_as_a_subject_is_in_no_line_any_more(
    audit: Run, api: Api
) -> None:
    user = uuid4()
    made = Entry(actor_ref=SYSTEM, verb="user.create", subject_ref=f"user:{user}", outcome="done")
    async with api.database.transaction(api.tenant) as tx:
        await Journal(Keyring(api.database, MASTER_KEY)).append(tx, made)
    assert f"user:{user}" in audit("list").out
    assert audit("erase", f"user:{user}", "--reason", "left").status == 0
    listed = audit("list").out
    assert (str(user) in listed, "user:erased" in listed) == (False, True)


@pytest.mark.parametrize(
    ("person", "code"), [("somebody", "PERSON_UNNAMED"), ("node:1", "PERSON_UNNAMED")]
)
async def test_who_is_erased_must_be_named_as_a_person(audit: Run, person: str, code: str) -> None:
    ran = audit("erase", person, "--reason", "because")
    assert (ran.status, code in ran.err) == (4, True)
    assert audit("erase", f"user:{uuid4()}").status == 2


async def test_nobody_erases_themselves_and_only_an_administrator_others(
    audit: Run, api: Api
) -> None:
    ran = audit("erase", f"user:{api.user}", "--reason", "because")
    assert (ran.status, "ERASURE_OF_SELF" in ran.err) == (4, True)
    by = api.tokens.token(Role.AUDITOR)
    ran = audit("erase", f"user:{api.user}", "--reason", "because", by=by)
    assert (ran.status, "PERMISSION_DENIED" in ran.err) == (4, True)


async def test_a_receipt_is_fetched_and_checked_offline(
    audit: Run, lotabots: Run, api: Api, tmp_path: Path
) -> None:
    await register(api, small_node())
    entry = audit("list", "-o", "json").json["entries"][0]["entry"]
    file, keys = tmp_path / "entry.tlog-proof", tmp_path / "log.vkey"
    deadline = time.monotonic() + PUBLISHED_SECONDS
    while (ran := audit("receipt", "get", entry["id"], "--out", file)).status:
        assert "RECEIPT_PENDING" in ran.err
        assert time.monotonic() < deadline
        time.sleep(0.05)  # noqa: ASYNC251 - the server is another process
    keys.write_bytes((await api.get("/v1/audit/keys", as_=None)).content)
    verified = lotabots("audit", "receipt", "verify", file, "--log-key", keys, "-o", "json")
    assert (verified.status, verified.json["entry"]) == (0, entry)
    (row,) = audit("list").out.splitlines()[1:]
    assert row.split()[1] == str(verified.json["index"])
    assert audit("receipt", "get", entry["id"]).out.encode() == file.read_bytes()


async def test_there_is_no_receipt_of_what_is_no_entry(audit: Run, tmp_path: Path) -> None:
    file = tmp_path / "entry.tlog-proof"
    ran = audit("receipt", "get", uuid4(), "--out", file)
    assert (ran.status, "AUDIT_ENTRY_UNKNOWN" in ran.err) == (4, True)
    assert not file.exists()
