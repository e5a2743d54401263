"""What the event log proves of the boot: applications, secure boot, firmware, and its lies."""

from pathlib import Path
from typing import cast

import pytest
from evidence.tpm.judging import (
    APPS,
    LOG,
    LOGGED,
    VARIABLES,
    ZERO,
    by_log,
    codes,
    judge,
    part,
    quoted,
    statuses,
    values,
)
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
    published,
    replaced,
    secure_boot,
    variable,
)

from lotabots.evidence.schemes.tpm import PCRS
from lotabots.evidence.schemes.tpm.event_log import read_event_log


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
    assert {one.measured for one in found.findings if one.code == "TPM-SECURE-BOOT"} <= {status}


def test_secure_boot_is_unknown_where_the_log_does_not_lead_to_pcr_7() -> None:
    held = quoted() | {7: b"\1" * 32}
    found = judge(held=held, reference={"secure_boot": True})
    assert codes(found) == ["TPM-EVENTLOG-MISMATCH", "TPM-SECURE-BOOT"]
    assert found.findings[-1].measured == "unknown"


@pytest.mark.parametrize(("count", "status"), [(256, "match"), (257, "unjudged")])
def test_more_applications_than_any_firmware_starts_are_not_judged(count: int, status: str) -> None:
    others = [one for one in BOOT if one not in APPLICATIONS]
    found = by_log([*others, *[APPLICATIONS[0]] * count], boot={"allow": APPS})
    assert (found.findings, statuses(found)[4]) == ((), status)


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
