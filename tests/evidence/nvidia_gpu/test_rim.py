"""RIM files: genuine ones give golden values, everything else gives a coded reason."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from evidence.nvidia_gpu.forge import DAY, NOW, Authority, make_authority, resource, tag
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.caches import Caches
from lotabots.evidence.schemes.nvidia_gpu.anchors import NVIDIA_ANCHORS
from lotabots.evidence.schemes.nvidia_gpu.rim import Rim, RimStatus, verify_rim
from lotabots.evidence.schemes.nvidia_gpu.rim_document import MAX_BYTES, read_rim
from lotabots.evidence.schemes.nvidia_gpu.rim_values import RimKind
from lotabots.kernel import LotaError

TODAY = datetime(2026, 11, 23, tzinfo=UTC)
LAST_YEAR = datetime(2025, 10, 24, 12, tzinfo=UTC)
GOOGLE = "google-go-nvattest-tools/rim"
DRIVER = f"{GOOGLE}/NV_GPU_DRIVER_GH100_550.90.07.xml"
VBIOS = f"{GOOGLE}/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml"
SWITCH = "attestation-sdk/unit/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml"


def judge(data: bytes, now: datetime, caches: Caches | None = None) -> Rim:
    """The RIM under NVIDIA's root."""
    return verify_rim(
        read_rim(data),
        subject="gpu0",
        anchors=NVIDIA_ANCHORS.rim,
        now=now,
        caches=caches or Caches(),
    )


def codes(rim: Rim) -> set[str]:
    """The codes of its findings."""
    return {finding.code for finding in rim.findings}


def test_every_production_rim_of_the_wheel_is_valid_in_its_time_and_expired_today(
    nvidia: Path,
) -> None:
    files = sorted((nvidia / "nvtrust-local-verifier").glob("*_PROD.swidtag"))
    assert len(files) == 24
    caches = Caches()
    for file in files:
        data = file.read_bytes()
        now = judge(data, TODAY, caches)
        assert (now.status, codes(now)) == (RimStatus.EXPIRED, {"NV-RIM-EXPIRED"}), file.name
        assert len(now.golden) == 12
        then = judge(data, datetime(2024, 1, 1, tzinfo=UTC), caches)
        assert (then.status, then.findings) == (RimStatus.VALID, ()), file.name
        assert then.identity is not None
        assert then.identity.kind is RimKind.VBIOS
        assert then.identity.version.replace(".", "") in file.name


@pytest.mark.parametrize(
    ("path", "kind", "product", "version", "active", "now"),
    [
        (DRIVER, RimKind.DRIVER, "GH100", "550.90.07", {7, *range(21, 41)}, LAST_YEAR),
        (VBIOS, RimKind.VBIOS, "GH100", "96.00.9F.00.01", {*range(7), *range(8, 13)}, LAST_YEAR),
        (SWITCH, RimKind.SWITCH, "LS10", "96.10.55.00.01", set(range(31)), TODAY),
    ],
)
def test_a_genuine_rim_gives_its_identity_and_active_golden_values(
    nvidia: Path,
    path: str,
    kind: RimKind,
    product: str,
    version: str,
    active: set[int],
    now: datetime,
) -> None:
    rim = judge((nvidia / path).read_bytes(), now)
    assert rim.status is RimStatus.VALID
    assert rim.identity is not None
    assert (rim.identity.kind, rim.identity.product, rim.identity.version) == (
        kind,
        product,
        version,
    )
    assert set(rim.golden) == active
    assert all(len(value) == 48 for values in rim.golden.values() for value in values)
    assert not rim.simulated
    assert len(rim.chain) == 4


def test_a_rim_that_is_not_valid_yet_says_so_and_still_gives_its_values(nvidia: Path) -> None:
    rim = judge((nvidia / SWITCH).read_bytes(), LAST_YEAR)
    assert (rim.status, codes(rim)) == (RimStatus.NOT_YET_VALID, {"NV-RIM-NOT-YET-VALID"})
    assert len(rim.golden) == 31


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("unit/incorrect_signature_driver_rim.xml", RimStatus.INVALID, {"NV-RIM-SIG"}),
        ("unit/incorrect_cert_chain_driver_rim.xml", RimStatus.UNTRUSTED, {"NV-RIM-CHAIN"}),
        (
            "sample_rims/NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml",
            RimStatus.INVALID,
            {"NV-RIM-SIG"},
        ),
        (
            "sample_rims/NV_GPU_DRIVER_GH100_570.124.03_expired.xml",
            RimStatus.INVALID,
            {"NV-RIM-SIG", "NV-RIM-EXPIRED"},
        ),
        (
            "sample_rims/NV_SWITCH_BIOS_5612_0002_890_9610550001_invalid_signature.xml",
            RimStatus.INVALID,
            {"NV-RIM-SIG"},
        ),
        (
            "sample_rims/NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml",
            RimStatus.INVALID,
            {"NV-RIM-SIG"},
        ),
    ],
)
def test_every_published_negative_rim_is_refused_with_its_code_and_gives_no_values(
    nvidia: Path, path: str, status: RimStatus, expected: set[str]
) -> None:
    rim = judge((nvidia / "attestation-sdk" / path).read_bytes(), LAST_YEAR)
    assert (rim.status, codes(rim)) == (status, expected)
    assert not rim.golden
    assert not rim.chain


def test_the_published_mismatch_rim_that_is_genuinely_signed_is_valid(nvidia: Path) -> None:
    path = (
        "attestation-sdk/sample_rims/NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml"
    )
    assert judge((nvidia / path).read_bytes(), LAST_YEAR).status is RimStatus.VALID


def test_unsigned_fragments_are_refused_with_a_code(nvidia: Path) -> None:
    fragments = [
        *(nvidia / GOOGLE).glob("failure_*.xml"),
        *(nvidia / GOOGLE).glob("success_payload_*.xml"),
        nvidia / GOOGLE / "valid_signed_xml.xml",
    ]
    assert len(fragments) == 22
    for fragment in fragments:
        with pytest.raises(LotaError) as refused:
            read_rim(fragment.read_bytes())
        assert refused.value.code == "NV-RIM-SCHEMA", fragment.name


def test_a_cached_rim_is_judged_again_at_each_time(nvidia: Path, caches: Caches) -> None:
    data = (nvidia / DRIVER).read_bytes()
    statuses = [judge(data, now, caches).status for now in (LAST_YEAR, TODAY, LAST_YEAR)]
    assert statuses == [RimStatus.VALID, RimStatus.EXPIRED, RimStatus.VALID]


def test_a_rim_cached_under_one_anchor_is_not_trusted_under_another(
    nvidia: Path, authority: Authority, caches: Caches
) -> None:
    data = (nvidia / DRIVER).read_bytes()
    assert judge(data, LAST_YEAR, caches).proven
    document = read_rim(data)
    other = verify_rim(
        document, subject="gpu0", anchors=authority.anchors, now=LAST_YEAR, caches=caches
    )
    assert other.status is RimStatus.UNTRUSTED


def test_a_rim_of_a_simulated_root_is_valid_and_marked_simulated(authority: Authority) -> None:
    document = read_rim(authority.sign(tag(resource(0, bytes(48), b"\1" * 48))))
    rim = verify_rim(document, subject="gpu0", anchors=authority.anchors, now=NOW, caches=Caches())
    assert (rim.status, rim.simulated) == (RimStatus.VALID, True)
    assert rim.golden == {0: (bytes(48), b"\1" * 48)}


def test_expiry_of_the_signer_is_a_status_to_the_second() -> None:
    authority = make_authority(not_before=NOW - DAY, not_after=NOW + DAY)
    document = read_rim(authority.sign(tag(resource(0, bytes(48)))))
    second = DAY / 86400

    def status(now: datetime) -> RimStatus:
        rim = verify_rim(
            document, subject="gpu0", anchors=authority.anchors, now=now, caches=Caches()
        )
        return rim.status

    assert status(NOW - DAY) is RimStatus.VALID
    assert status(NOW + DAY) is RimStatus.VALID
    assert status(NOW - DAY - second) is RimStatus.NOT_YET_VALID
    assert status(NOW + DAY + second) is RimStatus.EXPIRED


def test_a_file_over_the_size_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(LotaError, match="at most"):
        read_rim(b"<" * (MAX_BYTES + 1))


@given(st.binary(max_size=400))
def test_any_bytes_are_a_rim_or_a_coded_refusal(data: bytes) -> None:
    with pytest.raises(LotaError) as refused:
        read_rim(data)
    assert refused.value.code == "NV-RIM-SCHEMA"


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_no_changed_byte_of_a_genuine_rim_changes_what_is_proven(
    nvidia: Path, place: int, value: int
) -> None:
    data = bytearray((nvidia / DRIVER).read_bytes())
    genuine = judge(bytes(data), LAST_YEAR)
    data[place % len(data)] = value
    with suppress(LotaError):
        rim = judge(bytes(data), LAST_YEAR)
        assert not rim.proven or (rim.golden, rim.identity) == (genuine.golden, genuine.identity)
