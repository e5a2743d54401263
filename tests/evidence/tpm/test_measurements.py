"""PCRs are judged by what may judge them, contradicted by what was measured, or left unjudged."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import cast

import pytest
from evidence.tpm.logs import (
    APPLICATION,
    APPLICATIONS,
    BOOT,
    CALLING,
    DRIVER_CONFIG,
    EVENT_LOGS,
    FIRMWARE,
    GLOBAL,
    IPL,
    KEYS,
    SEPARATOR,
    SEPARATORS,
    SHIM,
    SIGNER,
    Made,
    event_log,
    extended,
    ima_log,
    ima_pcr,
    measured,
    published,
    replaced,
    secure_boot,
    variable,
    violation,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import Caches, Facts, ReferenceFiles, TpmState
from lotabots.evidence.schemes.tpm import PCRS, ImaPart
from lotabots.evidence.schemes.tpm.codes import BY_NAME
from lotabots.evidence.schemes.tpm.event_log import read_event_log
from lotabots.evidence.schemes.tpm.measurements import Measured, judge_measurements
from lotabots.evidence.schemes.tpm.reference import FORMAT, load_reference

Entries = Sequence[tuple[str, bytes]]
ZERO = bytes(32)
LOG = event_log(BOOT)
BOOTED = extended(BOOT)
LOGGED = (*range(10), 14)
FILES = [measured(f"/usr/bin/{name}") for name in "abcdef"]
ALLOWED = [
    {"path": f"/usr/bin/{name}", "digests": [sha256(f"/usr/bin/{name}".encode()).hexdigest()]}
    for name in "abcdef"
]
APPS = [one.digest().hex() for one in APPLICATIONS]
VARIABLES = [one.digest().hex() for one in (*KEYS, SIGNER)]


def aggregate(pcrs: Mapping[int, bytes], last: int = 9) -> tuple[str, bytes]:
    joined = b"".join(pcrs[pcr] for pcr in range(last + 1))
    return measured("boot_aggregate", f"sha256:{sha256(joined).hexdigest()}")


def quoted(events: Sequence[Made] = BOOT, ima: Entries = ()) -> dict[int, bytes]:
    pcrs = {pcr: value for pcr, value in extended(events).items() if pcr in PCRS}
    return pcrs | {10: ima_pcr(ima)}


def judge(
    events: Sequence[Made] = BOOT,
    ima: Entries = (),
    *,
    log: bytes | None = LOG,
    held: Mapping[int, bytes] | None = None,
    sent: ImaPart | None = None,
    state: TpmState | None = None,
    rebooted: bool = False,
    reference: Mapping[str, object] | None = None,
) -> Measured:
    """What is said of a machine that measured these events and files, or holds these PCRs."""
    files = {}
    if reference is not None:
        files["r.json"] = json.dumps({"format": FORMAT, "name": "x", **reference}).encode()
    caches = Caches()
    return judge_measurements(
        quoted=quoted(events, ima) if held is None else held,
        event_log=log,
        ima=sent,
        state=state,
        rebooted=rebooted,
        reference=load_reference(ReferenceFiles.of(files), caches),
        caches=caches,
    )


def codes(found: Measured) -> list[str]:
    assert all(problem.code in BY_NAME for problem in found.findings)
    return [problem.code for problem in found.findings]


def part(facts: Facts, name: str) -> Facts:
    value = facts[name]
    assert isinstance(value, dict)
    return value


def statuses(found: Measured) -> dict[int, str]:
    return {
        int(pcr): cast("str", cast("Facts", one)["status"])
        for pcr, one in part(found.facts, "pcrs").items()
    }


def whole(entries: Entries, start: int = 0) -> ImaPart:
    return ImaPart(start=start, log=ima_log(entries))


def state(entries: Entries) -> TpmState:
    return TpmState(
        reset_count=1,
        restart_count=0,
        clock=1,
        ima_entries=len(entries),
        ima_pcr=ima_pcr(entries).hex() if entries else "",
    )


def values(*left_out: int, events: Sequence[Made] = BOOT) -> dict[str, object]:
    pcrs = extended(events)
    return {str(pcr): [pcrs[pcr].hex()] for pcr in LOGGED if pcr not in left_out}


GOOD = {
    "pcrs": values(),
    "secure_boot": True,
    "boot": {"allow": APPS, "variables": VARIABLES},
    "ima": {"allow": ALLOWED},
}


def by_log(events: Sequence[Made], **reference: object) -> Measured:
    """Judged by the true log of these events alone."""
    return judge(events, log=event_log(events), reference=reference)


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


@pytest.mark.parametrize("pcr", LOGGED)
def test_a_log_that_leads_elsewhere_contradicts_even_a_good_value(pcr: int) -> None:
    held = quoted() | {pcr: b"\x01" * 32}
    reference = {"pcrs": values(pcr) | {str(pcr): ["01" * 32]}}
    found = judge(held=held, reference=reference)
    assert codes(found) == ["TPM-EVENTLOG-MISMATCH"]
    assert statuses(found)[pcr] == "mismatch"
    assert part(found.facts, "event_log")["status"] == "mismatch"
    assert (found.facts["secure_boot"] == "unknown") == (pcr == 7)
    assert (part(found.facts, "event_log")["firmware"] == "") == (pcr == 0)
    assert (part(found.facts, "event_log")["applications"] == []) == (pcr == 4)


def test_what_is_no_log_is_told_and_the_values_are_judged_all_the_same() -> None:
    found = judge(log=LOG[:-1], reference={"pcrs": values()})
    assert codes(found) == ["TPM-EVENTLOG-MALFORMED"]
    assert part(found.facts, "event_log")["status"] == "malformed"
    assert part(found.facts, "measurements")["matched"] == [*LOGGED]


def test_a_log_is_only_asked_for_where_something_is_judged_by_it() -> None:
    for reference in (
        {},
        {"pcrs": values()},
        {"pcrs": values(), "secure_boot": True, "boot": {"allow": APPS}},
    ):
        assert codes(judge(log=None, reference=reference)) == []
    for reference in (
        {"secure_boot": True},
        {"boot": {"allow": APPS}},
        {"boot": {"variables": VARIABLES}},
        {"pcrs": values(4), "boot": {"allow": APPS}},
    ):
        assert codes(judge(log=None, reference=reference)) == ["TPM-EVENTLOG-ABSENT"]


def test_boot_applications_that_are_allowed_judge_pcr_4_without_its_value() -> None:
    found = by_log(BOOT, boot={"allow": APPS})
    assert found.findings == ()
    assert part(found.facts, "measurements")["matched"] == [4]
    again = Made(4, 0x80000007, b"Returning from EFI Application from Boot Option")
    assert statuses(by_log([*BOOT, again, CALLING], boot={"allow": APPS}))[4] == "match"


def test_a_boot_application_that_is_not_allowed_contradicts() -> None:
    evil = Made(4, APPLICATION, b"", measured=b"evil")
    found = by_log(replaced(APPLICATIONS[1], evil), boot={"allow": APPS})
    assert codes(found) == ["TPM-BOOT-APPLICATION"]
    assert found.findings[0].measured == evil.digest().hex()
    assert statuses(found)[4] == "mismatch"
    # Nor does the value, where a reference file lists it.
    events = replaced(APPLICATIONS[1], evil)
    pcrs = values(events=events)
    assert statuses(by_log(events, boot={"allow": APPS}, pcrs=pcrs))[4] == "mismatch"


@pytest.mark.parametrize(
    "events",
    [
        (*BOOT, Made(4, IPL, b"", measured=b"evil")),
        tuple(one for one in BOOT if one not in APPLICATIONS),
    ],
)
def test_other_events_in_pcr_4_or_no_application_leave_it_unjudged(
    events: tuple[Made, ...],
) -> None:
    found = by_log(events, boot={"allow": APPS})
    assert (found.findings, statuses(found)[4]) == ((), "unjudged")


def test_secure_boot_and_its_variables_judge_pcr_7_without_its_value() -> None:
    found = by_log(BOOT, secure_boot=True, boot={"variables": VARIABLES})
    assert found.findings == ()
    assert part(found.facts, "measurements")["matched"] == [7]


def test_secure_boot_alone_does_not_judge_pcr_7() -> None:
    found = by_log(BOOT, secure_boot=True)
    assert (found.findings, statuses(found)[7]) == ((), "unjudged")


def test_a_key_of_somebody_else_contradicts_although_secure_boot_is_on() -> None:
    mine = Made(7, DRIVER_CONFIG, variable(GLOBAL, "PK", b"my own key"))
    found = by_log(replaced(KEYS[0], mine), secure_boot=True, boot={"variables": VARIABLES})
    assert codes(found) == ["TPM-BOOT-VARIABLE"]
    assert (found.facts["secure_boot"], statuses(found)[7]) == ("enabled", "mismatch")


ON = BOOT[1]
AFTER = (secure_boot(), Made(7, SEPARATOR, bytes(4)))


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (BOOT, "enabled"),
        (replaced(ON, secure_boot(b"\0")), "disabled"),
        (replaced(ON, secure_boot(b"")), "disabled"),
        (replaced(ON, None), "unknown"),
        (replaced(ON, secure_boot(b"\2")), "unknown"),
        (replaced(SEPARATORS[7], None), "unknown"),
        # Who is root can extend the PCR as firmware does, but only after it.
        ((*replaced(ON, secure_boot(b"\0")), *AFTER), "disabled"),
        ((*replaced(ON, None), *AFTER), "unknown"),
        ((*BOOT, *AFTER), "enabled"),
        # shim was told to validate nothing.
        ((*BOOT, Made(7, 0x800000E0, variable(SHIM, "MokSBState", b"\1"))), "disabled"),
        ((*BOOT, Made(7, 0x800000E0, variable(SHIM, "MokSBState", b"\0"))), "enabled"),
    ],
)
def test_secure_boot_is_what_was_measured_before_the_separator(
    events: tuple[Made, ...], status: str
) -> None:
    found = by_log(events, secure_boot=True)
    assert found.facts["secure_boot"] == status
    assert ("TPM-SECURE-BOOT" in codes(found)) == (status != "enabled")


def test_the_words_of_a_log_do_not_switch_secure_boot_on() -> None:
    off = secure_boot(b"\0")
    lies = Made(7, DRIVER_CONFIG, ON.data, measured=off.data)
    found = by_log(replaced(ON, lies), secure_boot=True)
    assert codes(found) == ["TPM-EVENTLOG-FALSE", "TPM-SECURE-BOOT"]
    assert found.facts["secure_boot"] == "disabled"
    hidden = [
        Made(7, IPL, b"nothing", measured=off.data),
        Made(7, IPL, b"nothing", measured=bytes(4)),
        *AFTER,
    ]
    events = [one for one in BOOT if one.pcr != 7]
    assert by_log([*events, *hidden]).facts["secure_boot"] == "disabled"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (KEYS[1], Made(7, DRIVER_CONFIG, KEYS[1].data, measured=b"another")),
        (SIGNER, Made(7, SIGNER.type, SIGNER.data, measured=b"another")),
        (SEPARATORS[2], Made(2, SEPARATOR, b"\1\2\3\4", measured=bytes(4))),
    ],
)
def test_an_event_that_says_something_else_than_was_measured_is_told(old: Made, new: Made) -> None:
    found = by_log(replaced(old, new))
    assert codes(found) == ["TPM-EVENTLOG-FALSE"]


@pytest.mark.parametrize("measured_too", [True, False])
def test_of_boot_variables_the_value_or_all_may_be_measured(*, measured_too: bool) -> None:
    data = variable(GLOBAL, "Boot0001", b"an option")
    one = Made(1, 0x80000002, data, measured=data if measured_too else b"an option")
    assert codes(by_log([one, *BOOT])) == []


def test_a_firmware_that_failed_or_did_not_separate_is_told() -> None:
    for new in (None, Made(3, SEPARATOR, b"why", measured=b"\1\0\0\0")):
        found = by_log(replaced(SEPARATORS[3], new))
        assert codes(found) == ["TPM-BOOT-SEPARATOR"]
        assert found.findings[0].measured == "none in PCR 3"
    assert codes(by_log(replaced(SEPARATORS[3], Made(3, SEPARATOR, b"\xff" * 4)))) == []


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (FIRMWARE.data, "Firmware 1.0"),
        (b"1.2.3\0", "1.2.3"),
        (b"\xff\xfe\x00\x01" * 4, "fffe0001" * 4),
        (b"", ""),
    ],
)
def test_the_version_of_the_firmware_is_shown_as_it_was_measured(data: bytes, text: str) -> None:
    found = by_log(replaced(FIRMWARE, Made(0, FIRMWARE.type, data)))
    assert part(found.facts, "event_log")["firmware"] == text
    other = Made(0, FIRMWARE.type, data, measured=b"another")
    assert part(by_log(replaced(FIRMWARE, other)).facts, "event_log")["firmware"] == ""


@pytest.mark.parametrize(
    ("name", "status", "applications", "firmware"),
    [
        (EVENT_LOGS[0], "disabled", 2, "1efb6b540c1d5540a4ad4ef4bf17b83a"),
        (EVENT_LOGS[1], "enabled", 4, "GCE Virtual Firmware v1"),
        (EVENT_LOGS[2], "enabled", 3, "GCE Virtual Firmware v1"),
        (EVENT_LOGS[3], "disabled", 2, "GCE Virtual Firmware v1"),
        (EVENT_LOGS[4], "disabled", 3, "N40ET41W "),
        (EVENT_LOGS[5], "enabled", 3, "edk2-20240524-7.el9"),
    ],
)
def test_published_logs_say_how_their_machines_booted(
    vectors: Path, name: str, status: str, applications: int, firmware: str
) -> None:
    data = published(vectors, name)
    pcrs = read_event_log(data).pcrs
    held = {pcr: pcrs.get(pcr, ZERO) for pcr in PCRS}
    found = judge(held=held, log=data, reference={"secure_boot": True})
    assert codes(found) == ([] if status == "enabled" else ["TPM-SECURE-BOOT"])
    assert found.facts["secure_boot"] == status
    log = part(found.facts, "event_log")
    assert log["status"] == "match"
    assert len(cast("list[str]", log["applications"])) == applications
    assert log["firmware"] == firmware


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


def test_many_files_that_are_not_allowed_are_counted() -> None:
    entries = [measured(f"/usr/bin/{n}") for n in range(50)]
    reference = {"ima": {"deny": [{"path": "/usr/bin/*"}]}}
    found = judge(ima=entries, sent=whole(entries), reference=reference)
    assert codes(found) == ["TPM-IMA-DENIED"] * 21
    assert found.findings[-1].measured == "30 more"


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
