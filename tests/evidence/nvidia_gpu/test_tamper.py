"""A real report changed in any way is refused, with the code of what was changed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from evidence.nvidia_gpu.published import H100, LS10, codes, judge, read, refusal
from msgspec import structs

from lotabots.evidence import Caches, Evidence, Level
from lotabots.evidence.schemes.nvidia_gpu.chain import load_chain
from lotabots.evidence.schemes.nvidia_gpu.signature import ORDER, verifies
from lotabots.evidence.schemes.nvidia_gpu.spdm import parse_report
from lotabots.kernel import LotaError


@pytest.fixture(scope="module")
def h100(nvidia: Path) -> Evidence:
    return read(nvidia, *H100)[0]


@pytest.fixture(scope="module")
def ls10(nvidia: Path) -> Evidence:
    return read(nvidia, *LS10)[0]


def why(key: ec.EllipticCurvePublicKey, data: bytes) -> str:
    """Why these bytes are refused; fails when they are not."""
    try:
        report = parse_report(data)
    except LotaError as error:
        return error.code
    assert not verifies(key, report.signature, report.signed)
    return "signature"


def test_no_report_with_one_byte_changed_verifies(h100: Evidence) -> None:
    key = load_chain(h100.certificates, Caches()).leaf.key
    assert len(h100.data) == 4117
    refused = Counter(
        why(key, h100.data[:at] + bytes([h100.data[at] ^ 1 << at % 8]) + h100.data[at + 1 :])
        for at in range(len(h100.data))
    )
    assert refused.keys() > {"signature", "NV-PARSE-BLOCK", "NV-PARSE-TRAILING"}
    assert refused.total() == 4117


@pytest.mark.parametrize("position", [0, 3, 4, 36, 40, 45, 47, 60, 3600, 3700, 4020, 4116])
def test_a_device_with_one_byte_changed_proves_nothing(h100: Evidence, position: int) -> None:
    changed = bytearray(h100.data)
    changed[position] ^= 0x40
    evidence = structs.replace(h100, data=bytes(changed))
    (device,) = judge([evidence], nonces={"gpu0": h100.data[4:36]}).devices
    assert device.level is Level.NONE
    assert "id" not in device.facts


def test_a_report_cut_anywhere_is_refused_and_never_crashes(h100: Evidence, ls10: Evidence) -> None:
    for item in (h100, ls10):
        for size in range(len(item.data)):
            assert refusal(parse_report, item.data[:size]) == "NV-PARSE-TRUNCATED"


@pytest.mark.parametrize("tail", [b"\x00", b"\xff" * 96, b"\x11"])
def test_bytes_after_the_signature_are_refused(h100: Evidence, tail: bytes) -> None:
    (device,) = judge([structs.replace(h100, data=h100.data + tail)]).devices
    assert "NV-PARSE-TRAILING" in codes(device)


def test_a_report_for_another_nonce_is_refused(h100: Evidence) -> None:
    (device,) = judge([h100], nonces={"gpu0": bytes(32)}).devices
    assert "NV-NONCE-MISMATCH" in codes(device)
    assert device.facts["nonce"] == "mismatch"
    assert device.level is Level.CLAIMED


def test_a_device_that_was_not_asked_is_refused(h100: Evidence) -> None:
    (device,) = judge([h100], nonces={"gpu1": h100.data[4:36]}).devices
    assert "NV-NONCE-UNEXPECTED" in codes(device)


def put(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


SWAP: Callable[[bytes], bytes] = lambda data: data[:-96] + data[-48:] + data[-96:-48]  # noqa: E731


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: put(data, 0, b"\x12"), "NV-PARSE-REQUEST"),
        (lambda data: put(data, 2, b"\x00"), "NV-PARSE-REQUEST"),
        (lambda data: put(data, 3, b"\x01"), "NV-PARSE-REQUEST"),
        (lambda data: put(data, 36, b"\x01"), "NV-PARSE-REQUEST"),
        (lambda data: put(data, 37, b"\x12"), "NV-PARSE-RESPONSE"),
        (lambda data: put(data, 38, b"\x61"), "NV-PARSE-RESPONSE"),
        (lambda data: put(data, 39, b"\x01"), "NV-PARSE-RESPONSE"),
        (lambda data: put(data, 41, b"\x00"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 41, b"\x3f"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 41, b"\xff"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 42, b"\xff\xff\xff"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 42, b"\xc1"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 45, b"\x02"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 45 + 55, b"\x01"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 46, b"\x02"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 47, b"\x32"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 49, b"\x81"), "NV-PARSE-BLOCK"),
        (lambda data: put(data, 50, b"\x20"), "NV-PARSE-BLOCK"),
        (SWAP, "NV-SIG-INVALID"),
        (lambda data: data[:-96] + bytes(96), "NV-SIG-FORMAT"),
        (lambda data: data[:-96] + bytes(48) + data[-48:], "NV-SIG-FORMAT"),
        (lambda data: data[:-48] + bytes(48), "NV-SIG-FORMAT"),
        (lambda data: data[:-96] + ORDER.to_bytes(48) + data[-48:], "NV-SIG-FORMAT"),
        (lambda data: data[:-48] + ORDER.to_bytes(48), "NV-SIG-FORMAT"),
        (lambda data: data[:-96] + b"\xff" * 96, "NV-SIG-FORMAT"),
        (lambda data: data[:-96] + (b"\x30\x66\x02\x31\x00" * 30)[:102], "NV-PARSE-TRAILING"),
        (lambda data: data + bytes(8192), "NV-LIMIT-EVIDENCE"),
        (lambda data: b"", "NV-PARSE-TRUNCATED"),
    ],
)
def test_each_kind_of_damage_has_its_code(
    h100: Evidence, change: Callable[[bytes], bytes], code: str
) -> None:
    evidence = structs.replace(h100, data=change(h100.data))
    (device,) = judge([evidence], nonces={"gpu0": h100.data[4:36]}).devices
    assert code in codes(device)
    assert device.level is Level.NONE


def test_a_malleated_signature_verifies_so_the_nonce_is_the_replay_key(h100: Evidence) -> None:
    other = ORDER - int.from_bytes(h100.data[-48:])
    again = structs.replace(h100, data=h100.data[:-48] + other.to_bytes(48), subject="gpu1")
    node = judge([h100, again])
    assert [device.level for device in node.devices] == [Level.CLAIMED, Level.CLAIMED]
    assert codes(node) == {"NV-DUP-DEVICE"}
    assert node.facts["duplicates"] == 1


def test_a_switch_offered_as_a_gpu_and_the_reverse_are_refused(
    h100: Evidence, ls10: Evidence
) -> None:
    swapped = [structs.replace(ls10, subject="gpu0"), structs.replace(h100, subject="switch0")]
    for device in judge(swapped).devices:
        assert "NV-CLASS-MISMATCH" in codes(device)
        assert device.level is Level.NONE


@pytest.mark.parametrize("subject", ["gpu", "0", "", "cpu0", "node", "gpu0x", "GPU0"])
def test_a_name_that_is_no_place_of_a_device_is_refused(h100: Evidence, subject: str) -> None:
    (device,) = judge([structs.replace(h100, subject=subject)]).devices
    assert "NV-CLASS-MISMATCH" in codes(device)


def test_two_pieces_of_evidence_under_one_name_are_refused(h100: Evidence) -> None:
    assert codes(judge([h100, h100])) == {"NV-DUP-SUBJECT", "NV-DUP-DEVICE"}


def test_no_evidence_and_too_much_are_refused(h100: Evidence) -> None:
    assert codes(judge([])) == {"NV-PARSE-EMPTY"}
    assert codes(judge([h100] * 65)) == {"NV-LIMIT-DEVICES"}
