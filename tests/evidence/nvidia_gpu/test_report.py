"""Reports and opaque fields, taken apart and put together again."""

from pathlib import Path
from struct import pack

import pytest
from evidence.nvidia_gpu.published import H100, LS10, all_real, read, refusal
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.nvidia_gpu.opaque import (
    Mode,
    Switch,
    gpu_opaque,
    switch_opaque,
)
from lotabots.evidence.schemes.nvidia_gpu.spdm import Report, parse_report
from lotabots.kernel import LotaError

DIGESTS = st.binary(min_size=48, max_size=48)


def build(
    *,
    nonce: bytes = bytes(32),
    measurements: list[bytes],
    opaque: list[tuple[int, bytes]],
    signature: bytes = bytes(96),
) -> bytes:
    """A report by the layout of DSP0274, written independently of the parser."""
    blocks = b"".join(
        pack("<BBHBH", place, 1, 51, 1, 48) + value for place, value in enumerate(measurements, 1)
    )
    fields = b"".join(pack("<HH", kind, len(value)) + value for kind, value in opaque)
    return (
        bytes.fromhex("11e001ff")
        + nonce
        + b"\x00"
        + bytes.fromhex("11600000")
        + pack("<B", len(measurements))
        + len(blocks).to_bytes(3, "little")
        + blocks
        + bytes(32)
        + pack("<H", len(fields))
        + fields
        + signature
    )


@given(
    nonce=st.binary(min_size=32, max_size=32),
    measurements=st.lists(DIGESTS, min_size=1, max_size=12),
    opaque=st.dictionaries(st.integers(0, 65535), st.binary(max_size=20), max_size=8),
    signature=st.binary(min_size=96, max_size=96),
)
def test_what_is_put_together_is_what_is_taken_apart(
    nonce: bytes, measurements: list[bytes], opaque: dict[int, bytes], signature: bytes
) -> None:
    data = build(
        nonce=nonce, measurements=measurements, opaque=list(opaque.items()), signature=signature
    )
    report = parse_report(data)
    assert report == Report(nonce, tuple(measurements), report.opaque, data[:-96], signature)
    assert dict(report.opaque) == opaque


@given(
    st.binary(max_size=400)
    | st.binary(max_size=400).map(lambda tail: bytes.fromhex("11e001ff") + tail)
)
def test_any_bytes_are_a_report_or_refused(data: bytes) -> None:
    assert refusal(parse_report, data).startswith("NV-PARSE-")


@given(st.data())
def test_a_real_report_with_a_run_of_bytes_changed_is_a_report_or_refused(
    nvidia: Path, data: st.DataObject
) -> None:
    raw = read(nvidia, *H100)[0].data
    at = data.draw(st.integers(0, len(raw)))
    cut = data.draw(st.integers(0, 64))
    changed = raw[:at] + data.draw(st.binary(max_size=64)) + raw[at + cut :]
    assert refusal(parse_report, changed)[:9] in {"", "NV-PARSE-"}


def test_a_repeated_opaque_field_is_refused() -> None:
    twice = [(3, b"550.90.07\x00"), (6, bytes(8)), (3, b"550.90.07\x00")]
    data = build(measurements=[bytes(48)], opaque=twice)
    assert refusal(parse_report, data) == "NV-PARSE-OPAQUE"


def test_a_field_longer_than_the_opaque_data_is_refused() -> None:
    data = bytearray(build(measurements=[bytes(48)], opaque=[(3, b"1234")]))
    data[45 + 55 + 32 + 2 + 2] = 5
    assert refusal(parse_report, bytes(data)) == "NV-PARSE-OPAQUE"


def test_a_report_without_measurements_is_refused() -> None:
    assert refusal(parse_report, build(measurements=[], opaque=[])) == "NV-PARSE-BLOCK"


def test_real_reports_have_64_and_31_measurements(nvidia: Path) -> None:
    assert len(parse_report(read(nvidia, *H100)[0].data).measurements) == 64
    assert len(parse_report(read(nvidia, *LS10)[0].data).measurements) == 31


def test_absent_fields_are_absent_and_never_a_default() -> None:
    gpu = gpu_opaque({})
    assert gpu.mode is Mode.ABSENT
    assert gpu.nvdec0 is Switch.ABSENT
    assert gpu.protected_pcie is Switch.ABSENT
    assert (gpu.driver, gpu.vbios, gpu.fwid, gpu.switch_pdis, gpu.version) == (*[None] * 4, 0)
    switch = switch_opaque({})
    assert (switch.vbios, switch.fwid, switch.pdi, switch.gpu_pdis) == (None,) * 4


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        ("009f009601000000", "96.00.9F.00.01"),
        ("005e009604000000", "96.00.5E.00.04"),
        ("008800970f000000", "97.00.88.00.0F"),
    ],
)
def test_a_gpu_writes_its_vbios_in_two_little_endian_words(raw: str, version: str) -> None:
    assert gpu_opaque({6: bytes.fromhex(raw)}).vbios == version


def test_gpu_and_switch_agree_about_a_pdi_although_the_gpu_writes_it_backwards() -> None:
    pdi = bytes.fromhex("3a53b743d811e977")
    links = pdi[::-1] * 2 + bytes(8) * 15 + b"\xff" * 8
    assert gpu_opaque({22: links}).switch_pdis == {pdi.hex()}
    assert switch_opaque({22: pdi}).pdi == pdi.hex()
    ports = pdi + bytes(8) * 7 + b"\xff" * 64
    assert switch_opaque({26: ports}).gpu_pdis == {pdi.hex()}


@pytest.mark.parametrize(("value", "mode"), [(0, "spt"), (1, "mpt"), (2, "ppcie"), (3, "unknown")])
def test_the_mode_is_one_of_three_or_unknown(value: int, mode: str) -> None:
    assert gpu_opaque({36: pack("<H", value)}).mode == mode
    assert gpu_opaque({36: pack("<H", value + 256)}).mode == "unknown"


@pytest.mark.parametrize("value", range(256))
def test_a_status_byte_has_two_values_and_every_other_is_unknown(value: int) -> None:
    expected = {0xAA: Switch.ON, 0x55: Switch.OFF}.get(value, Switch.UNKNOWN)
    assert gpu_opaque({11: bytes([value])}).nvdec0 is expected
    assert gpu_opaque({21: bytes([value])}).protected_pcie is expected


@pytest.mark.parametrize(
    "fields",
    [
        {3: b"550"},
        {3: b"550.90.07; rm"},
        {3: b"\x00550.90.07"},
        {3: b"550.90\xff"},
        {6: bytes(7)},
        {6: b"\x00\x9f\x00\x96\x01\x01\x00\x00"},
        {11: b""},
        {11: b"\x55\x55"},
        {17: b"../../x"},
        {20: bytes(47)},
        {22: bytes(8)},
        {34: b"\x01"},
        {35: b"GB 100"},
        {36: b"\x00\x00\x00"},
    ],
)
def test_a_gpu_field_of_another_form_is_refused(fields: dict[int, bytes]) -> None:
    assert refusal(gpu_opaque, fields) == "NV-PARSE-OPAQUE"


@pytest.mark.parametrize(
    "fields", [{6: b"96.10.55.00"}, {6: b"96.10.55.00.0g"}, {22: bytes(144)}, {26: bytes(64)}]
)
def test_a_switch_field_of_another_form_is_refused(fields: dict[int, bytes]) -> None:
    assert refusal(switch_opaque, fields) == "NV-PARSE-OPAQUE"


def test_a_layout_from_the_future_is_refused() -> None:
    for view in (gpu_opaque, switch_opaque):
        assert refusal(view, {34: pack("<H", 2)}) == "NV-VERSION-OPAQUE"
        assert refusal(view, {34: pack("<H", 65535)}) == "NV-VERSION-OPAQUE"
        assert view({34: pack("<H", 1)}).version == 1


@given(
    st.dictionaries(
        st.sampled_from([3, 6, 11, 15, 20, 21, 22, 26, 34, 35, 36]), st.binary(max_size=200)
    )
)
def test_any_fields_are_a_view_or_refused(fields: dict[int, bytes]) -> None:
    for view in (gpu_opaque, switch_opaque):
        try:
            view(fields)
        except LotaError as error:
            if error.code not in {"NV-PARSE-OPAQUE", "NV-VERSION-OPAQUE"}:
                raise


def test_unknown_fields_of_real_reports_are_kept(nvidia: Path) -> None:
    kept = {kind for real in all_real(nvidia) for kind in parse_report(real.evidence.data).opaque}
    assert {12, 13, 23, 24, 25, 33} <= kept
