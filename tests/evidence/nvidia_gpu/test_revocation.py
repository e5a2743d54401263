"""Revocation from supplied files: what is good, and groups 33 and 34 of the tamper cases."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from evidence.nvidia_gpu.forge import DAY, NOW, Holder, issue, ocsp_response, responder
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import ReferenceFiles
from lotabots.evidence.caches import Caches
from lotabots.evidence.schemes.nvidia_gpu.anchors import NVIDIA_ANCHORS
from lotabots.evidence.schemes.nvidia_gpu.certs import load_pem
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral
from lotabots.evidence.schemes.nvidia_gpu.crl import read_crl
from lotabots.evidence.schemes.nvidia_gpu.ocsp import read_ocsp
from lotabots.evidence.schemes.nvidia_gpu.revocation import (
    Revocation,
    check_revocation,
    device_links,
    rim_links,
)
from lotabots.evidence.schemes.nvidia_gpu.rim_lookup import driver_query, find_rim, vbios_query
from lotabots.evidence.schemes.nvidia_gpu.standing import Standing
from lotabots.kernel import LotaError

GOOD, REVOKED, UNKNOWN = (
    ocsp.OCSPCertStatus.GOOD,
    ocsp.OCSPCertStatus.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN,
)
HOLD = x509.ReasonFlags.certificate_hold
COMPROMISED = x509.ReasonFlags.key_compromise
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Pki:
    """A certificate in question, its issuer and the issuer's responder; and a stranger's."""

    issuer: Holder
    child: Holder
    responder: Holder
    stranger: Holder
    """Another issuer of the same name, with a key of its own."""


@pytest.fixture(scope="module")
def pki() -> Pki:
    """One small hierarchy for all tests here."""
    root = issue("Test root")
    issuer = issue("Test issuer", root)
    child = issue("Test child", issuer)
    return Pki(issuer, child, responder(issuer), issue("Test issuer", root))


def check(
    pki: Pki, *files: bytes, max_age: timedelta = MONTH, caches: Caches | None = None
) -> Revocation:
    """The standing of the child from these files at NOW."""
    memories = caches or Caches()
    named = {f"{place}": data for place, data in enumerate(files)}
    return check_revocation(
        [(pki.child.parsed(memories), pki.issuer.parsed(memories))],
        Collateral.load(ReferenceFiles.of(named)).revocation,
        now=NOW,
        max_age=max_age,
        caches=memories,
    )


def standing(pki: Pki, *files: bytes) -> Standing:
    """The standing alone."""
    return check(pki, *files).standing


def answer(pki: Pki, **changes: object) -> bytes:
    """A response about the child by the issuer's responder."""
    return ocsp_response(pki.child, pki.issuer, pki.responder, **changes)  # type: ignore[arg-type]


def crl(
    signer: Holder,
    revoked: Sequence[tuple[int, x509.ReasonFlags | None]] = (),
    *extensions: tuple[x509.ExtensionType, bool],
    this_update: datetime = NOW - DAY,
    name: x509.Name | None = None,
    authority_key: bool = True,
) -> bytes:
    """A list of that signer, in DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(name or signer.certificate.subject)
        .last_update(this_update)
        .next_update(this_update + 60 * DAY)
    )
    if authority_key:
        key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
        builder = builder.add_extension(key, critical=False)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    for serial, reason in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(this_update)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer.key, SHA384()).public_bytes(Encoding.DER)


def serial(pki: Pki) -> int:
    """The child's serial number."""
    return pki.child.certificate.serial_number


def judge_published(nvidia: Path, now: datetime, max_age: timedelta) -> Revocation:
    """The published H100's device chain and both RIM chains, with the published responses."""
    caches = Caches()
    google = nvidia / "google-go-nvattest-tools"
    paths = [*(google / "ocsp").iterdir(), *(google / "rim").glob("NV_*.xml")]
    collateral = Collateral.load(ReferenceFiles.of({p.name: p.read_bytes() for p in paths}))
    device = load_pem((nvidia / "nvtrust-local-verifier/hopperCertChain.txt").read_bytes(), caches)
    links = [*device_links(device)]
    for query in (
        driver_query("GH100", "550.90.07"),
        vbios_query("GH100", "96.00.9F.00.01", project="1010", project_sku="0200", chip_sku="882"),
    ):
        rim = find_rim(
            query,
            collateral,
            subject="gpu0",
            anchors=NVIDIA_ANCHORS.rim,
            now=now,
            caches=caches,
        )
        links.extend(rim_links(rim.chain))
    return check_revocation(links, collateral.revocation, now=now, max_age=max_age, caches=caches)


PUBLISHED = datetime(2025, 10, 24, 12, tzinfo=UTC)


def test_all_seven_published_responses_are_good_within_120_days_and_say_that_they_are_in_grace(
    nvidia: Path,
) -> None:
    revocation = judge_published(nvidia, PUBLISHED, timedelta(days=120))
    assert [held.standing for held in revocation.certificates] == [Standing.GOOD] * 7
    assert [held.grace for held in revocation.certificates] == [True] * 3 + [False] * 4
    assert revocation.facts() == {
        "status": "good",
        "grace": True,
        "age_seconds": 64 * 86400 + 5 * 3600 + 12 * 60 + 53,
        "source": "ocsp",
    }
    assert revocation.findings("gpu0") == ()


def test_the_published_device_responses_are_stale_after_30_days_and_the_rims_are_not(
    nvidia: Path,
) -> None:
    revocation = judge_published(nvidia, PUBLISHED, MONTH)
    found = [held.standing for held in revocation.certificates]
    assert found == [Standing.STALE] * 3 + [Standing.GOOD] * 4
    findings = revocation.findings("gpu0")
    assert [finding.code for finding in findings] == ["NV-REV-STALE"] * 3
    assert "GH100 A01 GSP BROM" in findings[0].expected
    assert "41431d480fe5e87274" in findings[0].measured


def test_without_files_every_certificate_is_missing_its_word(nvidia: Path) -> None:
    caches = Caches()
    device = load_pem((nvidia / "nvtrust-local-verifier/hopperCertChain.txt").read_bytes(), caches)
    nothing = Collateral.load(ReferenceFiles(())).revocation
    revocation = check_revocation(
        device_links(device), nothing, now=PUBLISHED, max_age=MONTH, caches=caches
    )
    assert [held.standing for held in revocation.certificates] == [Standing.MISSING] * 3
    assert revocation.facts() == {"status": "missing", "grace": False}
    assert {finding.code for finding in revocation.findings("gpu0")} == {"NV-REV-MISSING"}


def test_nothing_asked_is_missing_and_never_good() -> None:
    empty = Revocation((), MONTH)
    assert empty.standing is Standing.MISSING


@pytest.mark.parametrize("hashed", [SHA384(), SHA256(), SHA1()])
def test_a_response_of_the_issuers_responder_is_good_whatever_hash_names_the_certificate(
    pki: Pki, hashed: SHA384 | SHA256 | SHA1
) -> None:
    assert standing(pki, answer(pki, hashed=hashed)) is Standing.GOOD


def test_a_response_that_the_issuer_signs_itself_is_good(pki: Pki) -> None:
    own = ocsp_response(pki.child, pki.issuer, pki.issuer, certificates=[])
    assert standing(pki, own) is Standing.GOOD


@pytest.mark.parametrize(
    ("changes", "expected", "code"),
    [
        ({"status": REVOKED, "reason": COMPROMISED}, Standing.REVOKED, "NV-REV-REVOKED"),
        ({"status": REVOKED}, Standing.REVOKED, "NV-REV-REVOKED"),
        ({"status": REVOKED, "reason": HOLD}, Standing.HOLD, "NV-REV-HOLD"),
        ({"status": UNKNOWN}, Standing.UNKNOWN, "NV-REV-UNKNOWN"),
        ({"this_update": NOW - 31 * DAY}, Standing.STALE, "NV-REV-STALE"),
        (
            {"this_update": NOW + timedelta(minutes=6), "next_update": NOW + DAY},
            Standing.INVALID,
            "NV-REV-INVALID",
        ),
        ({"certificates": []}, Standing.INVALID, "NV-REV-INVALID"),
    ],
)
def test_every_other_word_has_its_standing_and_code(
    pki: Pki, changes: dict[str, object], expected: Standing, code: str
) -> None:
    revocation = check(pki, answer(pki, **changes))
    assert revocation.standing is expected
    (found,) = revocation.findings("gpu0")
    assert found.code == code
    assert "Test child" in found.expected
    assert f"{serial(pki):x}" in found.measured


def test_age_is_good_to_the_second_and_small_clock_differences_are_allowed(pki: Pki) -> None:
    oldest = answer(pki, this_update=NOW - MONTH)
    older = answer(pki, this_update=NOW - MONTH - timedelta(seconds=1))
    ahead = answer(pki, this_update=NOW + timedelta(minutes=5), next_update=NOW + DAY)
    assert standing(pki, oldest) is Standing.GOOD
    assert standing(pki, older) is Standing.STALE
    assert check(pki, ahead).facts() == {
        "status": "good",
        "grace": False,
        "age_seconds": 0,
        "source": "ocsp",
    }


def test_a_responder_that_is_not_the_issuers_is_worth_nothing(pki: Pki) -> None:
    no_purpose = responder(pki.issuer, purposes=())
    wrong_purpose = responder(pki.issuer, purposes=[ExtendedKeyUsageOID.CODE_SIGNING])
    of_stranger = responder(pki.stranger)
    own = issue("responder", ca=False, purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
    early = datetime(2019, 1, 1, tzinfo=UTC)
    expired = responder(pki.issuer, not_before=early, not_after=early + 365 * DAY)
    for signer in (no_purpose, wrong_purpose, of_stranger, own, expired, pki.child):
        response = ocsp_response(pki.child, pki.issuer, signer)
        assert standing(pki, response) is Standing.INVALID


def test_a_response_signed_by_another_key_than_its_responders_is_worth_nothing(pki: Pki) -> None:
    forged = ocsp_response(
        pki.child,
        pki.issuer,
        responder(pki.stranger),
        certificates=[pki.responder],
        by_name=True,
    )
    assert standing(pki, forged) is Standing.INVALID
    assert standing(pki, answer(pki, by_name=True)) is Standing.GOOD


def test_a_response_about_another_certificate_says_nothing_of_this_one(pki: Pki) -> None:
    sibling = issue("Test child", pki.issuer)
    other = ocsp_response(sibling, pki.issuer, pki.responder)
    assert standing(pki, other) is Standing.MISSING
    same_serial = issue("Test child", pki.stranger, serial=serial(pki))
    foreign = ocsp_response(same_serial, pki.stranger, responder(pki.stranger))
    assert standing(pki, foreign) is Standing.MISSING


def _with_tail_inside(der: bytes) -> bytes:
    """The response with one more byte at the end of its inner OCTET STRING, all lengths right."""
    data = bytearray(der + b"\0")
    # Outer SEQUENCE, [0], SEQUENCE and OCTET STRING all have two length bytes here.
    for header in (0, 7, 11, 26):
        assert data[header + 1] == 0x82
        length = int.from_bytes(data[header + 2 : header + 4]) + 1
        data[header + 2 : header + 4] = length.to_bytes(2)
    return bytes(data)


def test_a_response_with_an_unsigned_tail_is_not_read(pki: Pki) -> None:
    response = answer(pki)
    for tampered in (response + b"\0", response[:-1], _with_tail_inside(response)):
        with pytest.raises(LotaError) as refused:
            read_ocsp(tampered)
        assert refused.value.code == "NV-REV-INVALID"
        assert standing(pki, tampered) is Standing.MISSING
    assert standing(pki, response) is Standing.GOOD


def test_a_response_without_an_answer_or_with_another_hash_is_not_read(pki: Pki) -> None:
    refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    with pytest.raises(LotaError, match="unauthorized"):
        read_ocsp(refusal.public_bytes(Encoding.DER))
    with pytest.raises(LotaError):
        read_ocsp(answer(pki, hashed=SHA512()))


def test_no_flipped_bit_of_a_good_response_is_good(pki: Pki) -> None:
    response = answer(pki)
    signed_end = len(response) - len(pki.responder.der) - 8
    for place in range(0, signed_end, 7):
        tampered = bytearray(response)
        tampered[place] ^= 0x10
        assert standing(pki, bytes(tampered)) is not Standing.GOOD, place


def test_the_newest_word_counts_and_revoked_is_final(pki: Pki) -> None:
    good_new = answer(pki, this_update=NOW - DAY)
    good_old = answer(pki, this_update=NOW - 9 * DAY)
    hold_new = answer(pki, status=REVOKED, reason=HOLD, this_update=NOW - 2 * DAY)
    hold_old = answer(pki, status=REVOKED, reason=HOLD, this_update=NOW - 8 * DAY)
    revoked_old = answer(pki, status=REVOKED, reason=COMPROMISED, this_update=NOW - 500 * DAY)
    unknown_new = answer(pki, status=UNKNOWN, this_update=NOW - DAY / 2)
    assert standing(pki, good_old, hold_new) is Standing.HOLD
    assert standing(pki, good_new, hold_old) is Standing.GOOD
    assert standing(pki, good_new, revoked_old) is Standing.REVOKED
    assert standing(pki, unknown_new, good_new) is Standing.UNKNOWN
    hold_same = answer(pki, status=REVOKED, reason=HOLD, this_update=NOW - DAY)
    assert standing(pki, good_new, hold_same) is Standing.HOLD


def test_bad_files_beside_good_ones_change_nothing(pki: Pki) -> None:
    good = answer(pki)
    junk = [b"", b"\x30", b"\x30\x80", b"junk", good[:50], b"<xml/>", b"{}", b"\xff" * 99]
    forged = ocsp_response(pki.child, pki.issuer, responder(pki.stranger), status=REVOKED)
    assert standing(pki, good, forged, *junk) is Standing.GOOD
    assert standing(pki, *junk) is Standing.MISSING
    revoked = answer(pki, status=REVOKED, reason=COMPROMISED)
    assert standing(pki, revoked, forged, *junk) is Standing.REVOKED


def test_a_verified_response_is_remembered_for_its_issuer_only(pki: Pki) -> None:
    caches = Caches()
    response = answer(pki)
    assert check(pki, response, caches=caches).standing is Standing.GOOD
    assert check(pki, response, caches=caches).standing is Standing.GOOD
    other = Pki(pki.stranger, pki.child, pki.responder, pki.issuer)
    assert check(other, response, caches=caches).standing is Standing.MISSING


def test_a_list_of_the_issuer_says_good_by_silence_and_names_what_is_not(pki: Pki) -> None:
    assert check(pki, crl(pki.issuer)).facts() == {
        "status": "good",
        "grace": False,
        "age_seconds": 86400,
        "source": "crl",
    }
    other = (serial(pki) + 1, COMPROMISED)
    assert standing(pki, crl(pki.issuer, [other])) is Standing.GOOD
    assert standing(pki, crl(pki.issuer, [(serial(pki), None), other])) is Standing.REVOKED
    assert standing(pki, crl(pki.issuer, [(serial(pki), COMPROMISED)])) is Standing.REVOKED
    assert standing(pki, crl(pki.issuer, [(serial(pki), HOLD)])) is Standing.HOLD
    both = [(serial(pki), COMPROMISED), (serial(pki), HOLD)]
    assert standing(pki, crl(pki.issuer, both)) is Standing.REVOKED
    pem = x509.load_der_x509_crl(crl(pki.issuer)).public_bytes(Encoding.PEM)
    assert standing(pki, pem) is Standing.GOOD
    assert standing(pki, crl(pki.issuer, authority_key=False)) is Standing.GOOD


def test_a_list_is_stale_by_age_and_nothing_from_the_future(pki: Pki) -> None:
    stale = crl(pki.issuer, this_update=NOW - 31 * DAY)
    future = crl(pki.issuer, this_update=NOW + DAY)
    grace = check(pki, crl(pki.issuer, this_update=NOW - 61 * DAY), max_age=90 * DAY)
    assert standing(pki, stale) is Standing.STALE
    assert standing(pki, future) is Standing.INVALID
    assert (grace.standing, grace.facts()["grace"]) == (Standing.GOOD, True)


def test_a_list_of_another_issuer_says_nothing(pki: Pki) -> None:
    assert standing(pki, crl(pki.stranger)) is Standing.MISSING
    assert standing(pki, crl(pki.child)) is Standing.MISSING


def test_a_list_that_the_issuer_did_not_sign_is_worth_nothing(pki: Pki) -> None:
    forged = crl(pki.stranger, name=pki.issuer.certificate.subject, authority_key=False)
    assert standing(pki, forged) is Standing.INVALID
    tampered = bytearray(crl(pki.issuer))
    tampered[-5] ^= 1
    assert standing(pki, bytes(tampered)) is Standing.INVALID


def test_an_issuer_that_may_not_sign_lists_makes_none(pki: Pki) -> None:
    issuer = issue("No lists", pki.issuer, crl_sign=False)
    child = issue("Test child", issuer)
    limited = Pki(issuer, child, responder(issuer), pki.stranger)
    assert standing(limited, crl(issuer)) is Standing.INVALID


def _scope(**changes: object) -> x509.IssuingDistributionPoint:
    options: dict[str, object] = {
        "full_name": [x509.UniformResourceIdentifier("http://crl.example/l1")],
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
        **changes,
    }
    return x509.IssuingDistributionPoint(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "extension",
    [
        (x509.DeltaCRLIndicator(1), True),
        (x509.DeltaCRLIndicator(1), False),
        (_scope(indirect_crl=True), True),
        (_scope(only_contains_user_certs=True), True),
        (_scope(only_contains_ca_certs=True), False),
        (_scope(only_some_reasons=frozenset({COMPROMISED})), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0"), True),
    ],
    ids=str,
)
def test_a_list_that_is_not_the_issuers_whole_list_is_not_read(
    pki: Pki, extension: tuple[x509.ExtensionType, bool]
) -> None:
    partial = crl(pki.issuer, (), extension)
    with pytest.raises(LotaError):
        read_crl(partial)
    assert standing(pki, partial) is Standing.MISSING


def test_a_list_that_only_says_where_it_is_published_is_read(pki: Pki) -> None:
    assert standing(pki, crl(pki.issuer, (), (_scope(), True))) is Standing.GOOD


def test_a_list_with_remove_from_crl_is_worth_nothing(pki: Pki) -> None:
    removed = [(serial(pki), x509.ReasonFlags.remove_from_crl)]
    assert standing(pki, crl(pki.issuer, removed)) is Standing.INVALID


def test_of_lists_and_responses_the_newest_word_counts_and_revoked_is_final(pki: Pki) -> None:
    old_good = answer(pki, this_update=NOW - 9 * DAY)
    assert standing(pki, old_good, crl(pki.issuer, [(serial(pki), HOLD)])) is Standing.HOLD
    old_hold = crl(pki.issuer, [(serial(pki), HOLD)], this_update=NOW - 9 * DAY)
    assert standing(pki, answer(pki), old_hold) is Standing.GOOD
    old_revoked = crl(pki.issuer, [(serial(pki), COMPROMISED)], this_update=NOW - 9 * DAY)
    assert standing(pki, answer(pki), old_revoked) is Standing.REVOKED
    stale_response = answer(pki, this_update=NOW - 99 * DAY)
    assert check(pki, stale_response, crl(pki.issuer)).facts()["source"] == "crl"


@given(st.binary(max_size=200))
def test_any_bytes_are_revocation_data_or_a_coded_refusal(data: bytes) -> None:
    for read in (read_ocsp, read_crl):
        with pytest.raises(LotaError) as refused:
            read(data)
        assert refused.value.code == "NV-REV-INVALID"


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_no_changed_byte_of_a_published_response_raises_anything_but_its_code(
    nvidia: Path, place: int, value: int
) -> None:
    name = "test_gpu_certificate_l2_base64encoded_ocsp_response.dat"
    data = bytearray(b64decode((nvidia / "google-go-nvattest-tools/ocsp" / name).read_bytes()))
    data[place % len(data)] = value
    files = ReferenceFiles.of({"changed": bytes(data)})
    collateral = Collateral.load(files)
    assert collateral.ignored == () or not collateral.revocation.ocsp
