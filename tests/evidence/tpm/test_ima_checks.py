"""The list of measured files is followed to PCR 10, and each of them judged or left unjudged."""

import pytest
from evidence.tpm.judging import (
    ALLOWED,
    BOOTED,
    FILES,
    GOOD,
    ZERO,
    aggregate,
    codes,
    judge,
    part,
    state,
    statuses,
    whole,
)
from evidence.tpm.logs import (
    ima_pcr,
    measured,
    violation,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import TpmState
from lotabots.evidence.schemes.tpm import ImaPart


def test_files_that_nothing_judges_leave_pcr_10_unjudged() -> None:
    other = measured("/opt/other")
    entries = [*FILES, other]
    found = judge(ima=entries, sent=whole(entries), reference=GOOD)
    assert found.findings == ()
    assert statuses(found)[10] == "unjudged"
    assert part(found.facts, "ima")["unjudged_paths"] == ["/opt/other"]
    assert found.ima_entries == len(entries)


def test_a_violation_leaves_pcr_10_unjudged_and_is_counted() -> None:
    entries = [*FILES, violation("/usr/bin/a")]
    found = judge(ima=entries, sent=whole(entries), reference=GOOD)
    assert statuses(found)[10] == "unjudged"
    assert part(found.facts, "ima")["violations"] == 1
    assert part(found.facts, "ima")["unjudged"] == 0


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (measured("/usr/bin/a", f"sha256:{'bb' * 32}"), "TPM-IMA-NOT-ALLOWED"),
        (measured("/tmp/miner", f"sha256:{'cc' * 32}"), "TPM-IMA-DENIED"),
    ],
)
def test_a_file_that_is_not_allowed_contradicts_and_is_not_passed_over(
    entry: tuple[str, bytes], code: str
) -> None:
    entries = [*FILES, entry]
    deny = [{"path": "*", "digests": ["cc" * 32]}]
    reference = {"ima": {"allow": ALLOWED, "deny": deny}}
    found = judge(ima=entries, sent=whole(entries), reference=reference)
    assert codes(found) == [code]
    assert statuses(found)[10] == "mismatch"
    assert part(found.facts, "ima")["denied"] == 1
    assert (found.ima_entries, found.ima_pcr) == (0, "")
    before = state(FILES[:2])
    found = judge(ima=entries, sent=whole(entries[2:], 2), state=before, reference=reference)
    assert (found.ima_entries, found.ima_pcr) == (2, before.ima_pcr)


def test_files_that_are_denied_and_files_that_are_not_allowed_are_counted_together() -> None:
    entries = [measured("/tmp/x"), measured("/usr/bin/a", f"sha256:{'bb' * 32}")]
    reference = {"ima": {"allow": ALLOWED, "deny": [{"path": "/tmp/*"}]}}
    found = judge(ima=entries, sent=whole(entries), reference=reference)
    assert codes(found) == ["TPM-IMA-DENIED", "TPM-IMA-NOT-ALLOWED"]
    assert part(found.facts, "ima")["denied"] == 2
    assert (statuses(found)[10], found.ima_entries) == ("mismatch", 0)


@pytest.mark.parametrize(("count", "last"), [(20, "/usr/bin/19"), (21, "1 more"), (50, "30 more")])
def test_many_files_that_are_not_allowed_are_counted(count: int, last: str) -> None:
    entries = [measured(f"/usr/bin/{n}") for n in range(count)]
    reference = {"ima": {"deny": [{"path": "/usr/bin/*"}]}}
    found = judge(ima=entries, sent=whole(entries), reference=reference)
    assert codes(found) == ["TPM-IMA-DENIED"] * min(count, 21)
    assert found.findings[-1].measured.startswith(last)


@pytest.mark.parametrize("last", [9, 7])
def test_the_aggregate_of_the_quoted_pcrs_needs_no_rule(last: int) -> None:
    entries = [aggregate(BOOTED, last), *FILES]
    found = judge(ima=entries, sent=whole(entries), reference=GOOD)
    assert statuses(found)[10] == "match"


def test_the_aggregate_of_other_pcrs_is_judged_as_a_file_is() -> None:
    entries = [aggregate(dict.fromkeys(range(10), ZERO)), *FILES]
    found = judge(ima=entries, sent=whole(entries), reference=GOOD)
    assert part(found.facts, "ima")["unjudged_paths"] == ["boot_aggregate"]


@given(st.integers(0, len(FILES)), st.integers(0, len(FILES)))
def test_a_list_in_parts_ends_where_the_list_in_one_go_does(first: int, second: int) -> None:
    start, end = sorted((first, second))
    now = FILES[:end]
    once = judge(ima=now, sent=whole(now), reference=GOOD)
    before = judge(ima=FILES[:start], sent=whole(FILES[:start]), reference=GOOD)
    assert (before.ima_entries, before.ima_pcr) == (
        start, ima_pcr(FILES[:start]).hex() if start else "",
    )  # fmt: skip
    then = judge(
        ima=now, sent=whole(FILES[start:end], start), state=state(FILES[:start]), reference=GOOD
    )
    assert then == once


def test_the_whole_list_is_taken_although_a_part_would_do() -> None:
    found = judge(ima=FILES, sent=whole(FILES), state=state(FILES[:3]), reference=GOOD)
    assert (codes(found), statuses(found)[10], found.ima_entries) == ([], "match", len(FILES))


def test_entries_after_the_quote_are_neither_judged_nor_passed_over() -> None:
    later = measured("/tmp/miner", f"sha256:{'cc' * 32}")
    reference = {"ima": {"allow": ALLOWED, "deny": [{"path": "/tmp/*"}]}}
    found = judge(ima=FILES, sent=whole([*FILES, later]), reference=reference)
    assert (codes(found), statuses(found)[10], found.ima_entries) == ([], "match", len(FILES))


def test_no_list_is_needed_while_nothing_more_was_measured() -> None:
    found = judge(ima=FILES, state=state(FILES), reference=GOOD)
    assert (codes(found), statuses(found)[10]) == ([], "match")
    assert part(found.facts, "ima")["status"] == "match"
    assert found.ima_entries == len(FILES)


def test_without_a_list_what_was_measured_is_unjudged() -> None:
    for known in (None, state(FILES[:-1])):
        found = judge(ima=FILES, state=known, reference=GOOD)
        assert (codes(found), statuses(found)[10]) == ([], "unjudged")
        assert part(found.facts, "ima")["status"] == "absent"


def test_an_empty_list_goes_with_a_pcr_that_was_never_extended() -> None:
    found = judge(sent=whole([]), reference=GOOD)
    assert (codes(found), statuses(found)[10]) == ([], "unused")
    assert (found.ima_entries, found.ima_pcr) == (0, "")


@pytest.mark.parametrize(
    ("start", "known", "rebooted"),
    [
        (1, None, False),
        (2, state(FILES[:3]), False),
        (4, state(FILES[:3]), False),
        (3, state(FILES[:3]), True),
    ],
)
def test_a_list_that_begins_elsewhere_is_asked_for_again(
    start: int, known: TpmState | None, *, rebooted: bool
) -> None:
    found = judge(
        ima=FILES, sent=whole(FILES[start:], start), state=known, rebooted=rebooted, reference=GOOD
    )
    assert codes(found) == ["TPM-IMA-OFFSET"]
    assert statuses(found)[10] == "unjudged"
    assert found.ima_entries == (0 if known is None or rebooted else known.ima_entries)


def test_after_a_reboot_the_list_begins_anew() -> None:
    found = judge(
        ima=FILES[:2], sent=whole(FILES[:2]), state=state(FILES), rebooted=True, reference=GOOD
    )
    assert (codes(found), statuses(found)[10], found.ima_entries) == ([], "match", 2)


@pytest.mark.parametrize(
    ("sent", "code", "status"),
    [
        (whole(FILES[1:]), "TPM-IMA-MISMATCH", "mismatch"),
        (whole(FILES[:-1]), "TPM-IMA-MISMATCH", "mismatch"),
        (whole([*FILES[:2], FILES[3], FILES[2], *FILES[4:]]), "TPM-IMA-MISMATCH", "mismatch"),
        (whole(FILES[3:], 3), "TPM-IMA-MISMATCH", "mismatch"),
        (ImaPart(start=0, log="10 zz\n"), "TPM-IMA-MALFORMED", "malformed"),
    ],
)
def test_a_list_that_does_not_lead_to_the_quote_is_told(
    sent: ImaPart, code: str, status: str
) -> None:
    other = [measured("/opt/other"), *FILES[1:3]]
    found = judge(ima=FILES, sent=sent, state=state(other), reference=GOOD)
    assert codes(found) == [code]
    assert part(found.facts, "ima")["status"] == status
    assert statuses(found)[10] == ("mismatch" if status == "mismatch" else "unjudged")
    assert (found.ima_entries, found.ima_pcr) == (3, state(other).ima_pcr)
