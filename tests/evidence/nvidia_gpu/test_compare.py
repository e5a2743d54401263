"""Measurements against golden values, index by index."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.nvidia_gpu.compare import compare
from lotabots.evidence.schemes.nvidia_gpu.opaque import Switch

A, B, C = (bytes([value]) * 48 for value in (1, 2, 3))


def test_any_alternative_matches_and_nothing_else_does() -> None:
    result = compare("gpu0", [A, B, C], {"driver": {0: (B, A), 1: (B,), 2: (A, B)}}, Switch.OFF)
    assert (result.matched, result.mismatched) == ((0, 1), (2,))
    assert [(found.code, found.measured) for found in result.findings] == [
        ("NV-MEAS-MISMATCH", f"index 2: {C.hex()}")
    ]
    assert result.findings[0].expected == f"index 2: {A.hex()} or {B.hex()}"
    assert not result.good


def test_blocks_without_a_golden_value_are_counted_and_prove_nothing() -> None:
    result = compare("gpu0", [A, B, C], {"vbios": {1: (B,)}}, Switch.OFF)
    assert result.good
    assert result.facts() == {
        "compared": 1,
        "matched": 1,
        "mismatched": [],
        "missing": [],
        "skipped": [],
        "unreferenced": 2,
    }


def test_a_measurement_that_is_required_and_not_there_is_missing() -> None:
    result = compare("gpu0", [A], {"vbios": {0: (A,), 9: (B,)}}, Switch.OFF)
    assert result.missing == (9,)
    assert [found.code for found in result.findings] == ["NV-MEAS-MISSING"]
    assert result.unreferenced == 0


@pytest.mark.parametrize("values", [(A,), (B,)])
def test_an_index_in_both_rims_is_a_conflict_even_where_they_agree(values: tuple[bytes]) -> None:
    result = compare("gpu0", [A], {"driver": {0: (A,)}, "vbios": {0: values}}, Switch.OFF)
    assert "NV-RIM-CONFLICT" in {found.code for found in result.findings}
    assert not result.good


def test_the_decoder_off_skips_index_35_and_no_other() -> None:
    measured = [A] * 64
    golden = dict.fromkeys((34, 35, 36), (B,))
    result = compare("gpu0", measured, {"driver": golden}, Switch.OFF)
    assert (result.skipped, result.mismatched) == ((35,), (34, 36))


@pytest.mark.parametrize("nvdec0", [Switch.ON, Switch.ABSENT, None])
def test_the_decoder_not_off_compares_index_35(nvdec0: Switch | None) -> None:
    result = compare("gpu0", [A] * 64, {"driver": {0: (A,), 35: (B,)}}, nvdec0)
    assert (result.skipped, result.mismatched) == ((), (35,))


def test_a_third_value_of_the_decoder_is_refused_even_where_all_matches() -> None:
    result = compare("gpu0", [A] * 64, {"driver": {0: (A,), 35: (A,)}}, Switch.UNKNOWN)
    assert [found.code for found in result.findings] == ["NV-MEAS-NVDEC0"]
    assert not result.good


@pytest.mark.parametrize("rims", [{}, {"driver": {}}, {"driver": {35: (A,)}}])
def test_nothing_compared_is_never_good(rims: dict[str, dict[int, tuple[bytes, ...]]]) -> None:
    result = compare("gpu0", [A] * 64, rims, Switch.OFF)
    assert [found.code for found in result.findings] == ["NV-MEAS-NONE"]
    assert not result.good


DIGEST = st.sampled_from([A, B, C])
GOLDEN = st.dictionaries(st.integers(0, 12), st.lists(DIGEST, min_size=1, max_size=2).map(tuple))


@given(st.lists(DIGEST, max_size=10), GOLDEN, st.sampled_from(list(Switch)))
def test_it_is_good_only_if_every_required_index_matches(
    measured: list[bytes], golden: dict[int, tuple[bytes, ...]], nvdec0: Switch
) -> None:
    result = compare("gpu0", measured, {"driver": golden}, nvdec0)
    everything = all(
        index < len(measured) and measured[index] in values for index, values in golden.items()
    )
    assert result.good == (bool(golden) and everything and nvdec0 is not Switch.UNKNOWN)
    assert len(golden) == sum(
        map(len, (result.matched, result.mismatched, result.missing, result.skipped))
    )
