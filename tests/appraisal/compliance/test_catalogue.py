from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.compliance import CHECKS, PACK_TEXTS, load_catalogue, read_pack
from lotabots.kernel import LotaError

OWN = """\
pack: house
version: 3
title: Ours
includes: [core]
controls:
  - id: ACME-LIC-01
    title: A licence that legal has read
    check: licence-allowed
    params: {allowed: [Apache-2.0]}
    severity: high
    on_missing: fail
    why: We were told to.
    fix: Ask legal.
"""


def refused(*own: str, names: tuple[str, ...] = ()) -> str:
    with pytest.raises(LotaError) as refusal:
        load_catalogue(names, [text.encode() for text in own])
    return refusal.value.code


def test_every_pack_that_comes_along_loads_and_every_check_is_used() -> None:
    catalogue = load_catalogue(PACK_TEXTS)
    assert {loaded.check.name for loaded in catalogue.controls} == set(CHECKS)
    assert catalogue.packs == tuple(PACK_TEXTS)


def test_a_pack_has_the_controls_of_those_that_it_includes() -> None:
    catalogue = load_catalogue(["systemic-risk"])
    assert catalogue.packs == ("core", "eu-ai-act-xi", "systemic-risk")
    assert len(catalogue.members["systemic-risk"]) == 21
    assert set(catalogue.members["core"]) < set(catalogue.members["eu-ai-act-xi"])


def test_a_pack_of_ones_own_is_loaded_with_its_parameters() -> None:
    catalogue = load_catalogue([], [OWN.encode()])
    assert catalogue.packs == ("core", "house")
    assert catalogue.controls[-1].parameters.allowed == ("Apache-2.0",)
    assert catalogue.digest != load_catalogue(["core"]).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("check: licence-allowed", "check: os-system"),
        ("{allowed: [Apache-2.0]}", "{allowd: [Apache-2.0]}"),
        ("{allowed: [Apache-2.0]}", "{allowed: []}"),
        ("ACME-LIC-01", "acme lic"),
        ("on_missing: fail", "on_missing: pass"),
        ("severity: high", "severity: high\n    basis: computed"),
        ("version: 3", "version: 0"),
        ("pack: house", "pack: core"),
        ("includes: [core]", "includes: [house]"),
        ("ACME-LIC-01", "LB-LIC-01"),
        ("title: Ours", "title: yes"),
    ],
)
def test_a_pack_that_is_not_understood_whole_is_refused(old: str, new: str) -> None:
    assert old in OWN
    assert refused(OWN.replace(old, new)) == "CATALOGUE_MALFORMED"


def test_an_unknown_pack_is_named() -> None:
    assert refused(names=("hipaa",)) == "CATALOGUE_PACK_UNKNOWN"
    assert refused(OWN.replace("[core]", "[hipaa]")) == "CATALOGUE_PACK_UNKNOWN"


def test_packs_that_include_each_other_are_refused() -> None:
    other = OWN.replace("pack: house", "pack: other").replace("[core]", "[house]")
    assert refused(OWN.replace("[core]", "[other]"), other) == "CATALOGUE_MALFORMED"


def test_nothing_is_no_catalogue() -> None:
    assert refused() == "CATALOGUE_MALFORMED"
    empty = OWN.split("includes", maxsplit=1)[0] + "controls: []\n"
    assert refused(empty) == "CATALOGUE_MALFORMED"
    assert refused("x" * 65_537) == "CATALOGUE_TOO_LARGE"


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: (OWN + text).encode()))
def test_any_bytes_are_a_pack_or_an_error(data: bytes) -> None:
    with suppress(LotaError):
        read_pack(data)
