"""Whatever the bytes, each reader gives a value or one coded refusal, and takes no other form."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from evidence.tpm.forge import (
    AK,
    EK,
    VALUES,
    attest,
    ec_key,
    makers,
    public_area,
    rsa_key,
    sign,
    sized,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import Caches, DerivedChallenge, Leaf, manifest
from lotabots.evidence.schemes.tpm import (
    ImaPart,
    TpmEvidence,
    check_attestation_key,
    read_evidence,
    read_public,
    without_size,
    write_evidence,
)
from lotabots.evidence.schemes.tpm.certificates import read_certificates
from lotabots.evidence.schemes.tpm.leaves import read_manifest
from lotabots.evidence.schemes.tpm.quote import read_attest, read_signature
from lotabots.evidence.schemes.tpm.roots import read_roots
from lotabots.kernel import LotaError

SESSION = DerivedChallenge(
    server="s", challenge="c", node="n", session_key_sha256="5e" * 32, nonce=bytes(32), inventory=()
)
MANIFEST = manifest(SESSION, (7, 0), (Leaf("gpu", 0, "a1" * 32), Leaf("gpu", 1, "b2" * 32)))
GOOD = TpmEvidence(
    quote=b"q",
    signature=b"s",
    pcrs=VALUES,
    manifest=MANIFEST,
    event_log=b"\0log",
    ima=ImaPart(start=3, log="10 line\n"),
)


@dataclass(frozen=True)
class Form:
    read: Callable[[bytes], object]
    good: bytes
    codes: frozenset[str]


FORMS = {
    "public of RSA": Form(
        read_public,
        public_area(rsa_key()),
        frozenset({"TPM-PUBLIC-MALFORMED", "TPM-PUBLIC-UNSUPPORTED"}),
    ),
    "public of ECC": Form(
        read_public,
        public_area(ec_key()),
        frozenset({"TPM-PUBLIC-MALFORMED", "TPM-PUBLIC-UNSUPPORTED"}),
    ),
    "sized": Form(without_size, sized(public_area(ec_key())), frozenset({"TPM-PUBLIC-MALFORMED"})),
    "attest": Form(read_attest, attest(b"n" * 32), frozenset({"TPM-ATTEST-MALFORMED"})),
    "signature of RSA": Form(
        read_signature, sign(rsa_key(), b"d"), frozenset({"TPM-SIGNATURE-MALFORMED"})
    ),
    "signature of ECC": Form(
        read_signature, sign(ec_key(), b"d"), frozenset({"TPM-SIGNATURE-MALFORMED"})
    ),
    "evidence": Form(
        read_evidence,
        write_evidence(GOOD),
        frozenset({"TPM-EVIDENCE-MALFORMED", "TPM-LIMIT-EVIDENCE"}),
    ),
    "manifest": Form(read_manifest, MANIFEST, frozenset({"TPM-MANIFEST-MALFORMED"})),
    "certificates": Form(
        read_certificates, makers()[0].pem.strip(), frozenset({"TPM-CHAIN-MALFORMED"})
    ),
    "roots": Form(
        read_roots,
        msgspec.json.encode(
            {"format": "lotabots/tpm-roots/v1", "roots": [makers()[0].pem.decode()]}
        ),
        frozenset({"TPM-ROOTS-MALFORMED"}),
    ),
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def refused(form: Form, data: bytes) -> bool:
    """Whether the reader refuses it, which it does with its own codes alone."""
    try:
        form.read(data)
    except LotaError as error:
        return _of_its_own(error, form)
    return False


def _of_its_own(error: LotaError, form: Form) -> bool:
    assert error.code in form.codes
    return True


@forms
@given(data=st.binary(max_size=600))
def test_any_bytes_are_a_value_or_one_coded_refusal(form: Form, data: bytes) -> None:
    refused(form, data)


@forms
@given(data=st.data())
def test_good_bytes_with_some_changed_are_a_value_or_a_refusal(
    form: Form, data: st.DataObject
) -> None:
    changed = bytearray(form.good)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    refused(form, bytes(changed))


@forms
def test_the_good_bytes_are_read_and_every_shorter_or_longer_ones_refused(form: Form) -> None:
    assert not refused(form, form.good)
    assert all(refused(form, form.good[:size]) for size in range(1, len(form.good)))
    assert refused(form, form.good + b"\0")
    assert refused(form, form.good + bytes(5 * 1024 * 1024))


def test_evidence_is_read_as_it_was_written() -> None:
    assert read_evidence(write_evidence(GOOD)) == GOOD
    bare = msgspec.structs.replace(GOOD, event_log=None, ima=None)
    assert read_evidence(write_evidence(bare)) == bare


@pytest.mark.parametrize(
    "change",
    [
        b'{"format":"lotabots/tpm/v2",',
        b'{"more":1,"format":"lotabots/tpm/v1",',
        b'{"format":"lotabots/tpm/v1","format":"lotabots/tpm/v1",',
    ],
)
def test_evidence_with_another_format_or_with_more_in_it_is_refused(change: bytes) -> None:
    plain = msgspec.json.decode(write_evidence(GOOD))
    del plain["format"]
    whole = b'{"format":"lotabots/tpm/v1",' + msgspec.json.encode(plain)[1:]
    assert read_evidence(whole) == GOOD
    with pytest.raises(LotaError, match="TPM-EVIDENCE-MALFORMED"):
        read_evidence(change + msgspec.json.encode(plain)[1:])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pcrs", {"00": "00" * 32}),
        ("pcrs", {"24": "00" * 32}),
        ("pcrs", {"0": "00" * 31}),
        ("pcrs", {"0": "AA" * 32}),
        ("quote", "cQ"),
        ("quote", None),
        ("ima", {"from": -1, "log": ""}),
        ("ima", {"from": 1}),
        ("event_log", 1),
    ],
)
def test_evidence_with_a_field_of_another_form_is_refused(name: str, value: object) -> None:
    plain = msgspec.json.decode(write_evidence(GOOD)) | {name: value}
    with pytest.raises(LotaError, match="TPM-EVIDENCE-MALFORMED"):
        read_evidence(msgspec.json.encode(plain))


def test_a_manifest_is_read_in_the_one_form_that_was_signed() -> None:
    read = read_manifest(MANIFEST)
    assert (read.boot_counters, [leaf.index for leaf in read.leaves]) == ((7, 0), [0, 1])
    twice = manifest(SESSION, (7, 0), (Leaf("gpu", 0, "a1" * 32), Leaf("gpu", 0, "b2" * 32)))
    for other in (MANIFEST.replace(b",", b", ", 1), twice):
        with pytest.raises(LotaError, match="TPM-MANIFEST-MALFORMED"):
            read_manifest(other)


def test_a_key_has_its_curve_its_scheme_and_its_name() -> None:
    p384 = ec_key(0, ec.SECP384R1())
    area = public_area(p384, digest=0x000C, name_alg=0x000C)
    public = read_public(area)
    assert public.key.public_numbers() == p384.public_key().public_numbers()
    assert (public.name[:2], len(public.name)) == (b"\x00\x0c", 50)
    assert len(read_public(public_area(ec_key())).name) == 34


def test_a_point_that_is_not_on_its_curve_is_no_key() -> None:
    area = bytearray(public_area(ec_key()))
    area[-1] ^= 1
    with pytest.raises(LotaError, match="TPM-PUBLIC-MALFORMED"):
        read_public(bytes(area))


def test_a_modulus_that_is_even_or_too_short_is_no_key() -> None:
    good = public_area(rsa_key())
    even = good[:-1] + bytes([good[-1] & 0xFE])
    short = good[:-256] + b"\x01" + good[-255:]
    for area in (even, short):
        with pytest.raises(LotaError, match="TPM-PUBLIC-MALFORMED"):
            read_public(area)


@pytest.mark.parametrize("bit", [0, 3, 12, 13, 14, 15, *range(20, 32)])
def test_a_reserved_attribute_is_no_attribute(bit: int) -> None:
    with pytest.raises(LotaError, match="TPM-PUBLIC-MALFORMED"):
        read_public(public_area(ec_key(), attributes=AK | 1 << bit))


@pytest.mark.parametrize(
    "attributes",
    [
        *(AK & ~(1 << bit) for bit in (1, 4, 5, 16, 18)),
        AK | 1 << 17,
        AK | 1 << 19,
        AK | 1 << 11,
        EK,
    ],
)
def test_a_key_that_may_leave_its_tpm_or_sign_anything_does_not_attest(attributes: int) -> None:
    caches = Caches()
    check_attestation_key(public_area(ec_key()), caches)
    with pytest.raises(LotaError, match="TPM-AK-UNFIT"):
        check_attestation_key(public_area(ec_key(), attributes=attributes), caches)


def test_a_key_without_one_scheme_to_sign_by_does_not_attest() -> None:
    open_scheme = public_area(ec_key(), scheme=0x0010)
    to_encrypt = public_area(rsa_key(), scheme=0x0017)
    storage = public_area(ec_key(), symmetric=bytes.fromhex("000600800043"))
    for area in (open_scheme, to_encrypt, storage):
        read_public(area)
        with pytest.raises(LotaError, match="TPM-AK-UNFIT"):
            check_attestation_key(area, Caches())
