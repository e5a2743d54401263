"""Finding the RIM for what a device reports: by signed content, the best of several signings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from evidence.nvidia_gpu.forge import DAY, NOW, Authority, Holder, issue, resource, sign_tag, tag

from lotabots.evidence import ReferenceFiles
from lotabots.evidence.caches import Caches
from lotabots.evidence.schemes.nvidia_gpu.anchors import NVIDIA_ANCHORS
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral
from lotabots.evidence.schemes.nvidia_gpu.rim import Rim, RimStatus
from lotabots.evidence.schemes.nvidia_gpu.rim_lookup import (
    RimQuery,
    driver_query,
    find_rim,
    switch_query,
    vbios_query,
)
from lotabots.evidence.types import Anchor

THEN = datetime(2025, 10, 24, 12, tzinfo=UTC)
TODAY = datetime(2026, 11, 23, tzinfo=UTC)
DRIVER = driver_query("GH100", "550.90.07")
VBIOS = vbios_query("GH100", "96.00.9F.00.01", project="1010", project_sku="0200", chip_sku="882")
SWITCH = switch_query("LS10", "96.10.55.00.01")
GOOD = tag(resource(0, bytes(48)))


def find(
    query: RimQuery,
    files: dict[str, bytes],
    now: datetime = THEN,
    anchors: tuple[Anchor, ...] = NVIDIA_ANCHORS.rim,
) -> Rim:
    """The RIM for the query among these files."""
    collateral = Collateral.load(ReferenceFiles.of(files))
    return find_rim(query, collateral, subject="gpu0", anchors=anchors, now=now, caches=Caches())


def codes(rim: Rim) -> list[str]:
    """The codes of its findings, in order."""
    return [finding.code for finding in rim.findings]


def read(folder: Path) -> dict[str, bytes]:
    """All files of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def resigned(authority: Authority, *, not_before: datetime, not_after: datetime) -> list[Holder]:
    """The authority's chain with another signer."""
    third = authority.chain[1]
    leaf = issue("Test signer", third, ca=False, not_before=not_before, not_after=not_after)
    return [leaf, *authority.chain[1:]]


def test_ids_are_those_of_nvidias_rim_service() -> None:
    assert DRIVER.id == "NV_GPU_DRIVER_GH100_550.90.07"
    assert VBIOS.id == "NV_GPU_VBIOS_1010_0200_882_96009F0001"
    assert SWITCH.id == "NV_SWITCH_BIOS_5612_0002_890_9610550001"
    assert driver_query("GB100", "590.48.01").id == "NV_GPU_CC_DRIVER_GB100_590.48.01"
    assert driver_query("GB100", "590.48.01", "GB202").id == "NV_GPU_CC_DRIVER_GB202_590.48.01"
    board = vbios_query(
        "GH100", "96.00.6d.00.0a", project="g520", project_sku="0228", chip_sku="889"
    )
    assert board.id == "NV_GPU_VBIOS_G520_0228_889_96006D000A"
    assert board.identity.version == "96.00.6D.00.0A"


def test_both_rims_of_the_published_report_are_found_whatever_their_files_are_called(
    nvidia: Path,
) -> None:
    rims = read(nvidia / "google-go-nvattest-tools/rim").values()
    files = {f"file-{place}": data for place, data in enumerate(rims)}
    for query in (DRIVER, VBIOS):
        rim = find(query, files)
        assert (rim.status, rim.id, rim.findings) == (RimStatus.VALID, query.id, ())


def test_the_switch_rim_is_found_today(nvidia: Path) -> None:
    rim = find(SWITCH, read(nvidia / "attestation-sdk/unit"), TODAY)
    assert rim.status is RimStatus.VALID
    assert rim.facts() == {
        "status": "valid",
        "id": SWITCH.id,
        "sha256": rim.sha256,
        "not_after": "2027-11-02T23:59:59Z",
    }


def test_a_folder_without_the_rim_is_missing_it_and_says_what_is_there(nvidia: Path) -> None:
    files = read(nvidia / "nvtrust-local-verifier")
    rim = find(DRIVER, files)
    assert (rim.status, codes(rim)) == (RimStatus.MISSING, ["NV-RIM-MISSING"])
    assert rim.findings[0].expected == DRIVER.id
    assert "545.00" in rim.findings[0].measured
    assert find(DRIVER, {}).status is RimStatus.MISSING


def test_a_valid_signing_is_preferred_to_an_expired_one_and_the_latest_wins(
    authority: Authority,
) -> None:
    def signing(start: int, end: int) -> bytes:
        chain = resigned(authority, not_before=NOW + start * DAY, not_after=NOW + end * DAY)
        return sign_tag(GOOD, chain, chain[0].key)

    expired, older, newer = signing(-90, -1), signing(-80, 100), signing(-10, 90)
    future = signing(5, 500)
    tampered = authority.sign(GOOD).replace(b"0" * 96, b"1" * 96)
    document = {"a": tampered, "b": expired, "c": newer, "d": older, "e": future}
    rim = find(DRIVER, document, NOW, authority.anchors)
    assert rim.status is RimStatus.VALID
    assert rim.not_before == NOW - 10 * DAY
    assert rim.findings == ()
    turned = dict(zip(document, reversed(document.values()), strict=True))
    assert find(DRIVER, turned, NOW, authority.anchors).sha256 == rim.sha256
    assert find(DRIVER, {"a": tampered, "b": expired}, NOW, authority.anchors).status is (
        RimStatus.EXPIRED
    )


def test_only_a_tampered_rim_is_refused_and_gives_no_values(nvidia: Path) -> None:
    files = read(nvidia / "attestation-sdk/unit")
    del files["NV_GPU_DRIVER_GH100_550.144.03.xml"]
    rim = find(driver_query("GH100", "550.144.03"), files)
    assert (rim.status, codes(rim)) == (RimStatus.INVALID, ["NV-RIM-SIG"])
    assert not rim.golden


@pytest.mark.parametrize(
    ("unsigned", "code"),
    [
        (tag(resource(0, bytes(48)), version="545.00"), "NV-RIM-VERSION"),
        (tag(resource(0, bytes(48)), product="GB100"), "NV-RIM-PRODUCT"),
        (tag(resource(0, bytes(48)), version="96.00.9F.00.01"), "NV-RIM-PRODUCT"),
    ],
)
def test_a_genuine_rim_of_something_else_under_the_id_counts_as_missing_and_is_named(
    authority: Authority, unsigned: str, code: str
) -> None:
    named = {f"mirror/{DRIVER.id}.xml": authority.sign(unsigned)}
    rim = find(DRIVER, named, NOW, authority.anchors)
    assert (rim.status, codes(rim)) == (RimStatus.MISSING, ["NV-RIM-MISSING", code])
    assert not rim.golden
    other = {f"{DRIVER.id}.1.xml": authority.sign(unsigned)}
    assert codes(find(DRIVER, other, NOW, authority.anchors)) == ["NV-RIM-MISSING"]


def test_a_tampered_rim_of_something_else_under_the_id_is_refused(nvidia: Path) -> None:
    name = "NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml"
    data = (nvidia / "attestation-sdk/sample_rims" / name).read_bytes()
    rim = find(SWITCH, {name: data})
    assert rim.status is RimStatus.INVALID
    assert codes(rim) == ["NV-RIM-SIG", "NV-RIM-PRODUCT"]
    assert find(SWITCH, {"x.xml": data}).status is RimStatus.MISSING


def test_a_hopper_rim_is_not_used_for_blackwell_of_the_same_driver(authority: Authority) -> None:
    files = {"x.xml": authority.sign(GOOD)}
    rim = find(driver_query("GB100", "550.90.07"), files, NOW, authority.anchors)
    assert codes(rim) == ["NV-RIM-MISSING"]


def test_a_malformed_file_under_the_id_is_refused_and_beside_the_rim_it_changes_nothing(
    authority: Authority,
) -> None:
    good = authority.sign(GOOD)
    malformed = good.replace(b"<Payload>", b"<!-- x --><Payload>")
    rim = find(DRIVER, {f"{DRIVER.id}.xml": malformed}, NOW, authority.anchors)
    assert (rim.status, codes(rim)) == (RimStatus.INVALID, ["NV-RIM-SCHEMA"])
    both = {f"{DRIVER.id}.xml": malformed, "other.xml": good}
    assert find(DRIVER, both, NOW, authority.anchors).status is RimStatus.VALID
    unrelated = find(DRIVER, {"x.xml": malformed}, NOW, authority.anchors)
    assert codes(unrelated) == ["NV-RIM-MISSING"]
