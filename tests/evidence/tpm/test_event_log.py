"""Event logs are taken apart exactly, and replayed as tpm2_eventlog replays them."""

import re
import shutil
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path
from struct import pack

import pytest
from evidence.tpm.logs import (
    ACTION,
    BOOT,
    EVENT_LOGS,
    NO_ACTION,
    SHA1,
    SHA256,
    SHA384,
    Made,
    event,
    event_log,
    extended,
    old_event,
    outcome,
    published,
    spec,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.tpm.event_log import MAX_LOG, EventLog, read_event_log
from lotabots.kernel import LotaError

GOOD = event_log(BOOT)
WITH_LOCALITY = "eventlog-keylime/binary_bios_measurements"
MADE = st.builds(
    Made, st.integers(0, 23), st.integers(0, 2**32 - 1), st.binary(max_size=40), st.binary()
)


def refusal(data: bytes) -> str:
    with pytest.raises(LotaError) as caught:
        read_event_log(data)
    return caught.value.code


def used(pcrs: dict[int, bytes], log: EventLog) -> dict[int, bytes]:
    return {pcr: value for pcr, value in pcrs.items() if pcr in log.pcrs}


@cache
def by_tpm2_tools(path: Path) -> dict[int, str]:
    """PCR -> hex of its value in the SHA-256 bank, as tpm2_eventlog replays the file."""
    tool = shutil.which("tpm2_eventlog")
    if tool is None:
        pytest.skip("SKIPPED: tpm2_eventlog is not here; install tpm2-tools")
    shown = subprocess.run([tool, path], capture_output=True, check=True, timeout=60).stdout
    bank = shown.decode(errors="replace").rpartition("\npcrs:\n")[2].partition("  sha256:\n")[2]
    values: dict[int, str] = {}
    for line in bank.splitlines():
        found = re.fullmatch(r"    (\d+) *: 0x([0-9a-f]{64})", line)
        if found is None:
            break
        values[int(found[1])] = found[2]
    return values


@pytest.mark.parametrize("name", EVENT_LOGS)
def test_a_published_log_leads_to_the_pcrs_that_tpm2_eventlog_computes(
    vectors: Path, name: str
) -> None:
    log = read_event_log(published(vectors, name))
    expected = dict(by_tpm2_tools(vectors / "tpm" / name))
    assert len(expected) >= 9
    found = {pcr: value.hex() for pcr, value in log.pcrs.items()}
    if name == WITH_LOCALITY:
        # Before 5.6 the tool extends PCR 0 by the digest of StartupLocality, which is zeros
        # (tpm2-software/tpm2-tools, issue 3146).
        value = sha256(bytes(64)).digest()
        for one in log.of(0):
            value = sha256(value + one.digest).digest()
        assert expected.pop(0) in (found.pop(0), value.hex())
    assert found == expected


def test_the_published_log_with_secure_boot_has_99_events(vectors: Path) -> None:
    log = read_event_log(published(vectors, EVENT_LOGS[-1]))
    assert (log.count, len(log.events), len(log.pcrs)) == (99, 98, 11)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("eventlog-keylime/binary_bios_measurements-empty", "TPM-EVENTLOG-MALFORMED"),
        ("eventlog-keylime/binary_bios_measurements-bogus", "TPM-EVENTLOG-MALFORMED"),
        ("eventlog-go-tpm-tools/debian-10.bin", "TPM-EVENTLOG-SHA1"),
    ],
)
def test_published_logs_without_sha256_or_sense_are_refused(
    vectors: Path, name: str, code: str
) -> None:
    assert refusal(published(vectors, name)) == code


@pytest.mark.parametrize("banks", [(SHA256,), (SHA1, SHA256), (SHA384, SHA1, SHA256)])
def test_only_the_sha256_bank_is_replayed(banks: tuple[int, ...]) -> None:
    log = read_event_log(event_log(BOOT, banks))
    assert log.pcrs == used(extended(BOOT), log)
    assert log.count == len(BOOT) + 1


def test_a_log_without_a_bank_of_sha256_is_refused() -> None:
    assert refusal(event_log(BOOT, (SHA1, SHA384))) == "TPM-EVENTLOG-SHA1"


@given(st.lists(MADE, max_size=20))
def test_every_log_leads_to_what_a_tpm_would_hold(events: list[Made]) -> None:
    log = read_event_log(event_log(events))
    assert log.pcrs == used(extended(events), log)
    assert set(log.pcrs) == {0} | {one.pcr for one in events if one.type != NO_ACTION}


@given(st.binary(max_size=300) | st.builds(spec().__add__, st.binary(max_size=300)))
def test_any_bytes_are_a_log_or_are_refused(data: bytes) -> None:
    assert outcome(read_event_log, data) in {"", "TPM-EVENTLOG-MALFORMED", "TPM-EVENTLOG-SHA1"}


def test_a_log_that_ends_within_an_event_is_refused_wherever_it_ends() -> None:
    ends = {len(spec() + b"".join(event(one) for one in BOOT[:n])) for n in range(len(BOOT) + 1)}
    for end in range(len(GOOD)):
        if end not in ends:
            assert refusal(GOOD[:end]) == "TPM-EVENTLOG-MALFORMED"
    assert refusal(GOOD + b"\0") == "TPM-EVENTLOG-MALFORMED"


def test_a_published_log_that_ends_within_an_event_is_never_the_whole_one(vectors: Path) -> None:
    data = published(vectors, EVENT_LOGS[0])
    whole = read_event_log(data)
    read = 0
    for end in range(0, len(data), 7):
        try:
            log = read_event_log(data[:end])
        except LotaError:
            continue
        read += 1
        assert log.count < whole.count
    assert read < whole.count


@given(st.data())
def test_a_flipped_bit_of_a_digest_changes_the_pcr(data: st.DataObject) -> None:
    start = len(spec())
    place = data.draw(st.integers(0, len(BOOT) - 1))
    at = start + sum(len(event(one)) for one in BOOT[:place]) + 14
    bit = data.draw(st.integers(0, 32 * 8 - 1))
    changed = bytearray(GOOD)
    changed[at + bit // 8] ^= 1 << bit % 8
    before, after = read_event_log(GOOD), read_event_log(bytes(changed))
    pcr = BOOT[place].pcr
    assert before.pcrs[pcr] != after.pcrs[pcr]
    assert {**before.pcrs, pcr: b""} == {**after.pcrs, pcr: b""}


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_a_flipped_bit_is_refused_or_read_as_another_log(bit: int) -> None:
    changed = bytearray(GOOD)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        log = read_event_log(bytes(changed))
    except LotaError:
        return
    # Before the second event lie platform class, version and size of UINTN, which say nothing.
    assert bit // 8 < len(spec()) or log != read_event_log(GOOD)


@pytest.mark.parametrize("locality", [0, 3, 4])
def test_pcr_0_begins_at_the_locality_of_the_startup(locality: int) -> None:
    startup = Made(0, NO_ACTION, b"StartupLocality\0" + bytes([locality]))
    log = read_event_log(event_log([startup, *BOOT]))
    assert log.pcrs == used(extended(BOOT, locality), log)


@pytest.mark.parametrize(
    "events",
    [
        (Made(0, NO_ACTION, b"StartupLocality\0\x01"),),
        (Made(0, NO_ACTION, b"StartupLocality\0"),),
        (Made(0, NO_ACTION, b"StartupLocality\0\x03\0"),),
        (Made(0, NO_ACTION, b"StartupLocality\0\x03"),) * 2,
        (BOOT[0], Made(0, NO_ACTION, b"StartupLocality\0\x03")),
    ],
)
def test_a_startup_locality_that_no_tpm_can_have_is_refused(events: tuple[Made, ...]) -> None:
    assert refusal(event_log(events)) == "TPM-EVENTLOG-MALFORMED"


def test_an_event_that_extends_nothing_may_be_of_any_pcr() -> None:
    log = read_event_log(event_log([Made(0xFFFFFFFF, NO_ACTION, b"SP800-155 Event"), *BOOT]))
    assert log.pcrs == read_event_log(GOOD).pcrs
    assert refusal(event_log([Made(24, ACTION, b"")])) == "TPM-EVENTLOG-MALFORMED"


@pytest.mark.parametrize(
    "data",
    [
        spec((SHA256, SHA256)),
        spec((SHA256,), b"info")[:-1] + b"",
        spec(()),
        old_event(0, NO_ACTION, b"Spec ID Event03\0"),
        old_event(1, NO_ACTION, spec()[32:]) + b"\0",
        old_event(0, NO_ACTION, spec()[32:], b"\1" * 20),
        old_event(0, NO_ACTION, spec()[32:] + b"\0"),
        spec() + pack("<III", 0, ACTION, 0),
        spec() + pack("<III", 0, ACTION, 2),
        spec() + pack("<IIIH", 0, ACTION, 1, SHA384) + bytes(48) + bytes(4),
        spec((SHA1, SHA256)) + pack("<IIIH", 0, ACTION, 1, SHA1) + bytes(20) + bytes(4),
        spec((SHA1, SHA256)) + pack("<III", 0, ACTION, 2) + (b"\x0b\0" + bytes(32)) * 2 + bytes(4),
        GOOD[:-12] + pack("<I", 0xFFFFFFFF) + GOOD[-8:],
    ],
)
def test_what_is_no_event_log_is_refused(data: bytes) -> None:
    assert refusal(data) == "TPM-EVENTLOG-MALFORMED"


def test_vendor_information_in_the_first_event_is_passed_over() -> None:
    log = read_event_log(spec((SHA256,), b"vendor") + event(BOOT[0]))
    assert log.count == 2


@pytest.mark.parametrize("size", [0, 65])
def test_a_bank_of_digests_of_no_known_size_is_refused(size: int) -> None:
    odd = spec((SHA256, SHA384)).replace(pack("<HH", SHA384, 48), pack("<HH", SHA384, size))
    assert refusal(odd) == "TPM-EVENTLOG-MALFORMED"
    assert outcome(read_event_log, spec((SHA256, SHA384))) == ""


def test_what_is_no_log_of_either_form_is_not_taken_for_one_of_sha1() -> None:
    assert refusal(old_event(0, ACTION, b"x") + old_event(23, ACTION, b"")) == "TPM-EVENTLOG-SHA1"
    for end in (old_event(24, ACTION, b""), old_event(0, ACTION, b"x")[:-1], b"\0" * 31):
        assert refusal(old_event(0, ACTION, b"x") + end) == "TPM-EVENTLOG-MALFORMED"


def test_a_log_beyond_the_limits_is_refused_before_it_is_read() -> None:
    room = MAX_LOG - len(GOOD) - len(event(Made(0, ACTION, b"")))
    largest = GOOD + event(Made(0, ACTION, bytes(room)))
    assert len(largest) == MAX_LOG
    assert outcome(read_event_log, largest) == ""
    assert refusal(largest + b"\0") == "TPM-LIMIT-EVENTLOG"


@pytest.mark.long
def test_a_log_of_the_greatest_size_is_read() -> None:
    one = event(Made(0, ACTION, b""))
    assert read_event_log(spec() + one * ((MAX_LOG - 200) // len(one))).count > 9_000
