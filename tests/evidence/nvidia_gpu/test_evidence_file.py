"""What `verify gpu` reads: raw, hex, NVIDIA's JSON; everything else has a code."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from evidence.nvidia_gpu.published import H100, PPCIE, SDK, refusal
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import Caches, Evidence
from lotabots.evidence.schemes.nvidia_gpu import read_evidence_file
from lotabots.kernel import LotaError


@pytest.fixture(scope="module")
def report(nvidia: Path) -> bytes:
    return bytes.fromhex((nvidia / H100[0]).read_text().strip())


@pytest.fixture(scope="module")
def pem(nvidia: Path) -> bytes:
    return (nvidia / H100[1]).read_bytes()


def read(data: bytes, certificates: bytes = b"") -> list[Evidence]:
    return read_evidence_file(data, certificates, Caches())


def entry(report: bytes, pem: bytes, **more: Any) -> dict[str, Any]:
    return {
        "arch": "HOPPER",
        "nonce": report[4:36].hex(),
        "evidence": base64.b64encode(report).decode(),
        "certificate": base64.b64encode(pem).decode(),
        **more,
    }


def test_raw_hex_and_json_of_one_report_are_one_evidence(report: bytes, pem: bytes) -> None:
    hex_text = report.hex().encode()
    lines = b"\r\n".join(hex_text[at : at + 64] for at in range(0, len(hex_text), 64)) + b"\r\n"
    forms = [
        (report, pem),
        (hex_text, pem),
        (hex_text.upper(), pem),
        (lines, pem),
        (b"  " + hex_text + b"\n", pem),
        (json.dumps([entry(report, pem)]).encode(), b""),
        (json.dumps(entry(report, pem)).encode(), b""),
        (
            json.dumps({"nonce": "x", "arch": "y", "evidence_list": [entry(report, pem)]}).encode(),
            b"",
        ),
        (json.dumps([entry(report, pem, evidence=report.hex())]).encode(), b""),
        (json.dumps([entry(report, pem, certificate=pem.decode())]).encode(), b""),
        (json.dumps([{"evidence": report.hex()}]).encode(), pem),
    ]
    for data, chain in forms:
        assert [(item.subject, item.data, item.certificates) for item in read(data, chain)] == [
            ("gpu0", report, pem)
        ]


def test_names_follow_the_certificates_and_not_what_the_file_says(
    nvidia: Path, report: bytes, pem: bytes
) -> None:
    switches = json.loads((nvidia / PPCIE / "switch_evidence.json").read_text())
    mixed = [
        switches[0],
        entry(report, pem, arch="LS10"),
        switches[1],
        {**switches[2], "arch": "HOPPER"},
    ]
    subjects = [item.subject for item in read(json.dumps(mixed).encode())]
    assert subjects == ["switch0", "gpu0", "switch1", "switch2"]


def test_a_file_of_several_devices_names_each(nvidia: Path) -> None:
    evidence = read((nvidia / SDK / "common" / "multi_gpu_hopper.json").read_bytes())
    assert [item.subject for item in evidence] == ["gpu0", "gpu1", "gpu2", "gpu3"]


def test_a_nonce_in_the_file_is_not_read(report: bytes, pem: bytes) -> None:
    for nonce in ("", "AB", "g" * 64, "00" * 32, 5, None, ["x"]):
        (item,) = read(json.dumps([entry(report, pem, nonce=nonce)]).encode())
        assert item.data == report


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NV-PARSE-EMPTY"),
        (b" \n", "NV-PARSE-EMPTY"),
        (b"[]", "NV-PARSE-EMPTY"),
        (b"hello", "NV-PARSE-FILE"),
        (b"11e0f", "NV-PARSE-FILE"),
        (b"0x11e0", "NV-PARSE-FILE"),
        (b"[1]", "NV-PARSE-JSON"),
        (b"{", "NV-PARSE-JSON"),
        (b"{}", "NV-PARSE-JSON"),
        (b"[[]]", "NV-PARSE-JSON"),
        (b'[{"evidence": 1}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "ab", "certificate": 1}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "ab", "evidence": "ab"}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "ab", "Evidence": "ab"}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "ab", "extra": 1}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "a b="}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "YQ"}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "YR=="}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "Y-_="}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "\\u00e9"}]', "NV-PARSE-JSON"),
        (b'{"evidence_list": [], "more": 1}', "NV-PARSE-JSON"),
        (b'{"evidence_list": []}', "NV-PARSE-EMPTY"),
        (b'{"evidence_list": "x"}', "NV-PARSE-JSON"),
        (b"[" * 100_000, "NV-PARSE-JSON"),
        (b"[{" * 5 + b"}]" * 5, "NV-PARSE-JSON"),
        (b'[{"evidence": NaN}]', "NV-PARSE-JSON"),
        (b'[{"evidence": "\xff"}]', "NV-PARSE-JSON"),
        (json.dumps([{"evidence": "ab"}] * 1000).encode(), "NV-LIMIT-DEVICES"),
        (b'[{"evidence": "' + b"A" * 10_000_000 + b'"}]', "NV-LIMIT-EVIDENCE"),
        (bytes(5_000_000), "NV-LIMIT-EVIDENCE"),
    ],
)
def test_each_malformed_file_has_its_code(data: bytes, code: str) -> None:
    assert refusal(read, data) == code


def test_bytes_that_are_no_text_are_left_to_the_report_parser() -> None:
    (item,) = read(b"\x12\xe0\x01\xff", b"pem")
    assert (item.subject, item.data, item.certificates) == ("gpu0", b"\x12\xe0\x01\xff", b"pem")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["ab", "YQ=="]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["evidence", "certificate", "nonce", "evidence_list", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(str.encode)
    | JSON.map(json.dumps).map(str.encode)
)
def test_any_bytes_are_a_list_of_evidence_or_a_coded_refusal(data: bytes) -> None:
    try:
        evidence = read(data)
    except LotaError as error:
        code = error.code
        if not code.startswith(("NV-PARSE-", "NV-LIMIT-")):
            raise
    else:
        if not evidence or not all(item.subject.startswith("gpu") for item in evidence):
            pytest.fail("a file that was read names its devices")
