"""A host's statement about itself, and its reports: read back as written, or refused by a code."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.host_claims import (
    MAX_STATEMENT_BYTES,
    Gpu,
    Machine,
    MigInstance,
    Nvml,
    Report,
    Statement,
    read_statement,
    write_statement,
)
from lotabots.kernel import LotaError, canonical
from lotabots.simulator import HostOnNode, make_node

NONCE = bytes(range(32))
MACHINE = HostOnNode.of(make_node("stated", gpus=2)).machine
PLAIN: dict[str, Any] = json.loads(write_statement(MACHINE, NONCE))

WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=128)
COUNTS = st.integers(0, 2**53 - 1)
ERRORS = st.dictionaries(
    st.from_regex(r"\A[a-z][a-z0-9_]{0,31}\Z"), st.from_regex(r"\A[A-Z][A-Z0-9_]{0,47}\Z"),
    max_size=4,
)  # fmt: skip
GPUS = st.builds(
    Gpu,
    uuid=st.none() | WORDS,
    memory=st.none() | COUNTS,
    mig=st.none() | st.sampled_from(["on", "off"]),
    instances=st.lists(st.builds(MigInstance, profile=WORDS, memory=COUNTS), max_size=3).map(tuple),
    errors=ERRORS,
)
MACHINES = st.builds(
    Machine,
    collected_at=st.just("2026-01-01T00:00:00Z"),
    kernel=st.none() | WORDS,
    nvml=st.builds(Nvml, status=st.just("available"), driver=st.none() | WORDS, errors=ERRORS),
    gpus=st.lists(GPUS, max_size=4).map(tuple),
)


def either(data: bytes) -> Statement | LotaError:
    try:
        return read_statement(data)
    except LotaError as error:
        return error if error.code == "HOST_STATEMENT" else pytest.fail(error.code)


def refused(data: bytes) -> LotaError:
    with pytest.raises(LotaError) as caught:
        read_statement(data)
    assert caught.value.code == "HOST_STATEMENT"
    return caught.value


@given(machine=MACHINES, nonce=st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read_back(machine: Machine, nonce: bytes) -> None:
    read = read_statement(write_statement(machine, nonce))
    assert (read.machine, read.nonce) == (machine, nonce)


def test_what_could_not_be_read_is_left_out_of_the_text() -> None:
    text = write_statement(
        Machine(collected_at="2026-01-01T00:00:00Z", nvml=Nvml(status="absent")), NONCE
    )
    assert json.loads(text) == {
        "collected_at": "2026-01-01T00:00:00Z",
        "format": "lotabots/host/v1",
        "nonce": NONCE.hex(),
        "nvml": {"status": "absent"},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"format": "lotabots/host/v2"},
        {"nonce": NONCE.hex().upper()},
        {"nonce": NONCE.hex()[:-2]},
        {"nonce": NONCE.hex() + "\n"},
        {"collected_at": "yesterday"},
        {"collected_at": "2026-01-01T00:00:00"},
        {"unknown": 1},
        {"memory": -1},
        {"memory": 1.5},
        {"memory": "1"},
        {"memory": True},
        {"kernel": ""},
        {"kernel": "a\nb"},
        {"kernel": "\u202eevil"},
        {"kernel": "x" * 129},
        {"nvml": {"status": "fine"}},
        {"nvml": {"status": "absent"}},
        {"nvml": {"status": "available", "errors": {"Driver": "NOT_SUPPORTED"}}},
        {"nvml": {"status": "available", "errors": {"driver": "because"}}},
        {"nvml": {"status": "available", "errors": {f"f{i}": "X" for i in range(65)}}},
        {"gpus": [{"mig": "maybe"}]},
        {"gpus": [{"pdi": "xyz"}]},
        {"gpus": [{"instances": [{}] * 65}]},
        {"gpus": [{}] * 65},
        {"gpus": {}},
        {"cpu": {"model": "a", "speed": 1}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_member_of_another_form_is_refused(change: dict[str, object]) -> None:
    refused(canonical({**PLAIN, **change}))


@pytest.mark.parametrize("name", ["format", "nonce", "collected_at", "nvml"])
def test_a_statement_without_what_it_must_have_is_refused(name: str) -> None:
    assert name in str(refused(canonical({k: v for k, v in PLAIN.items() if k != name})).details)


def test_a_statement_that_can_be_read_in_two_ways_is_refused() -> None:
    text = write_statement(MACHINE, NONCE)
    refused(text[:-1] + b',"kernel":"other"}')
    refused(text + b" x")
    refused(b"\xef\xbb\xbf" + text)


def test_a_statement_that_is_too_long_is_refused_and_not_written() -> None:
    refused(b" " * MAX_STATEMENT_BYTES + write_statement(MACHINE, NONCE))
    gpu = Gpu(errors={f"{'f' * 28}{i}": "X" * 48 for i in range(64)})
    with pytest.raises(LotaError, match="HOST_STATEMENT"):
        write_statement(msgspec.structs.replace(MACHINE, gpus=(gpu,) * 64), NONCE)


@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_statement_are_refused_by_one_code(data: bytes) -> None:
    refused(data)


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_gives_a_statement_or_one_code(at: int, byte: int) -> None:
    text = bytearray(write_statement(MACHINE, NONCE))
    text[at % len(text)] = byte
    read = either(bytes(text))
    if not isinstance(read, LotaError):
        assert read_statement(write_statement(read.machine, read.nonce)) == read


@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_report_give_nothing_else_than_a_validation_error(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        msgspec.json.decode(data, type=Report)
