"""PCRs are judged by what may judge them, contradicted by what was measured, or left unjudged."""

from itertools import chain
from typing import cast

from evidence.tpm.judging import (
    APPS,
    BOOTED,
    FILES,
    GOOD,
    LOG,
    LOGGED,
    VARIABLES,
    ZERO,
    aggregate,
    codes,
    judge,
    part,
    quoted,
    statuses,
    values,
    whole,
)
from evidence.tpm.logs import (
    BOOT,
    ima_pcr,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.tpm import PCRS, ImaPart
from lotabots.evidence.schemes.tpm.codes import BY_NAME


def test_a_machine_that_is_as_the_reference_says_has_every_pcr_matched() -> None:
    entries = [aggregate(BOOTED), *FILES]
    found = judge(ima=entries, sent=whole(entries), reference=GOOD)
    assert found.findings == ()
    assert statuses(found) == dict.fromkeys(PCRS, "match")
    assert part(found.facts, "measurements") == {
        "matched": [*PCRS],
        "mismatched": [],
        "unjudged": [],
        "unused": [],
    }
    assert found.facts["secure_boot"] == "enabled"
    assert part(found.facts, "event_log") == {
        "status": "match",
        "events": len(BOOT) + 1,
        "firmware": "Firmware 1.0",
        "applications": APPS,
    }
    assert part(found.facts, "ima") == {
        "status": "match",
        "entries": 7,
        "pcr": ima_pcr(entries).hex(),
        "violations": 0,
        "unjudged": 0,
        "denied": 0,
        "unjudged_paths": [],
    }
    assert (found.ima_entries, found.ima_pcr) == (7, ima_pcr(entries).hex())


def test_logs_that_lead_to_the_quote_judge_nothing_by_themselves() -> None:
    entries = [aggregate(BOOTED), *FILES]
    found = judge(ima=entries, sent=whole(entries))
    assert found.findings == ()
    assert statuses(found) == dict.fromkeys(PCRS, "unjudged")
    assert part(found.facts, "event_log")["status"] == "match"
    assert part(found.facts, "ima")["unjudged"] == 6
    assert part(found.facts, "ima")["unjudged_paths"] == [f"/usr/bin/{name}" for name in "abcdef"]


def test_pcrs_from_8_up_that_were_never_extended_are_unused() -> None:
    found = judge(log=None, held=dict.fromkeys(PCRS, ZERO))
    unused = dict.fromkeys((8, 9, 10, 14), "unused")
    assert statuses(found) == dict.fromkeys(range(8), "unjudged") | unused


def test_a_value_that_no_reference_file_lists_contradicts_it() -> None:
    held = quoted() | {2: b"\x01" * 32}
    found = judge(log=None, held=held, reference={"pcrs": values()})
    assert codes(found) == ["TPM-PCR-MISMATCH"]
    assert statuses(found) == {pcr: {2: "mismatch", 10: "unused"}.get(pcr, "match") for pcr in PCRS}


def test_a_pcr_that_no_reference_file_names_is_unjudged() -> None:
    found = judge(reference={"pcrs": values(2, 14)})
    assert part(found.facts, "measurements")["unjudged"] == [2, 14]
    assert found.findings == ()


def test_a_reference_file_that_cannot_be_read_is_told_and_judges_nothing() -> None:
    found = judge(reference={"pcrs": values(), "other": 1})
    assert codes(found) == ["TPM-REFERENCE-MALFORMED"]
    assert part(found.facts, "measurements")["matched"] == []


@given(
    st.none() | st.binary(max_size=200) | st.integers(0, len(LOG)).map(lambda end: LOG[:end]),
    st.none() | st.builds(ImaPart, start=st.integers(0, 9), log=st.text(max_size=80)),
    st.dictionaries(st.sampled_from(PCRS), st.sampled_from([ZERO, BOOTED[4], b"\1" * 32])),
)
def test_whatever_is_sent_every_quoted_pcr_has_one_status(
    log: bytes | None, sent: ImaPart | None, held: dict[int, bytes]
) -> None:
    found = judge(log=log, held=held, sent=sent, reference={"boot": {"allow": APPS}})
    assert set(statuses(found)) == set(held)
    listed = part(found.facts, "measurements")
    assert sorted(chain(*cast("dict[str, list[int]]", listed).values())) == sorted(held)
    assert all(problem.code in BY_NAME for problem in found.findings)
    # Nothing but the allowed applications of a log that leads to PCR 4 could judge anything here.
    assert set(cast("list[int]", listed["matched"])) <= {4}


def test_what_was_judged_stands_on_the_values_that_judged_it_and_on_no_others() -> None:
    apps, variables = (set(map(bytes.fromhex, some)) for some in (APPS, VARIABLES))
    found = judge(reference=GOOD)
    assert found.stands_on == {BOOTED[pcr] for pcr in LOGGED} | apps | variables
    assert judge(reference={"boot": {"allow": APPS}}).stands_on == apps
    held = quoted() | {0: b"\1" * 32}
    assert BOOTED[0] not in judge(log=None, held=held, reference=GOOD).stands_on
