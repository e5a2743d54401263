"""A bundle opens to exactly what was signed, or says why not."""

from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError, SigningKey, VerificationKeys, canonical, sign_envelope
from lotabots.reference.bundle import (
    MAGIC,
    MAX_BUNDLE_BYTES,
    MAX_ENVELOPE_BYTES,
    PAYLOAD_TYPE,
    Standing,
    build_bundle,
    check_successor,
    open_bundle,
    open_stored,
    pack,
    unverified_payload,
)

CREATED = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = SigningKey(derive_private_key(7, SECP256R1()))
OTHER = SigningKey(derive_private_key(8, SECP256R1()))
KEYS = VerificationKeys([KEY.verifying])
FILES = {"rim/driver.xml": b"<rim/>", "crl/l1.crl": b"\x30\x00", "empty": b""}


def bundle(number: int = 1, files: dict[str, bytes] = FILES, key: SigningKey = KEY) -> bytes:
    return build_bundle("nvidia", number, CREATED, files, key)


def code_of(data: bytes, keys: VerificationKeys = KEYS) -> str:
    with pytest.raises(LotaError) as caught:
        open_bundle(data, keys)
    return caught.value.code


def signed(manifest: object, contents: list[bytes]) -> bytes:
    return pack(sign_envelope(PAYLOAD_TYPE, canonical(manifest), KEY), contents)


def manifest_of(data: bytes) -> dict[str, object]:
    return msgspec.json.decode(unverified_payload(open_bundle(data, KEYS).envelope))


def test_a_bundle_opens_to_the_files_that_were_put_in() -> None:
    opened = open_bundle(bundle(), KEYS)
    assert dict(opened.reference_files().files) == FILES
    assert (opened.manifest.name, opened.manifest.number) == ("nvidia", 1)


def test_the_id_depends_on_the_content_and_not_on_the_signature() -> None:
    first, second = open_bundle(bundle(), KEYS), open_bundle(bundle(), KEYS)
    assert first.envelope != second.envelope
    assert first.id == second.id
    assert first.id != open_bundle(bundle(2), KEYS).id
    assert first.id != open_bundle(bundle(files={**FILES, "empty": b"x"}), KEYS).id


def test_a_bundle_packed_again_from_what_was_stored_is_the_same_file() -> None:
    data = bundle()
    opened = open_bundle(data, KEYS)
    blobs = {e.sha256: c for e, c in zip(opened.manifest.files, opened.contents, strict=True)}
    stored = open_stored(opened.envelope, blobs, opened.id)
    assert stored == opened
    assert pack(stored.envelope, stored.contents) == data


def test_a_stored_bundle_with_another_id_or_a_lost_file_is_refused() -> None:
    opened = open_bundle(bundle(), KEYS)
    with pytest.raises(LotaError, match="REFERENCE_EDITED"):
        open_stored(opened.envelope, {}, "0" * 64)
    with pytest.raises(LotaError, match="REFERENCE_TRUNCATED"):
        open_stored(opened.envelope, {}, opened.id)


def test_a_foreign_signer_is_refused() -> None:
    assert code_of(bundle(key=OTHER)) == "REFERENCE_SIGNER_UNKNOWN"


def test_a_bundle_signed_as_another_kind_of_document_is_refused() -> None:
    payload = unverified_payload(open_bundle(bundle(), KEYS).envelope)
    foreign = sign_envelope("application/other", payload, KEY)
    assert code_of(pack(foreign, FILES.values())) == "REFERENCE_SIGNER_UNKNOWN"


def test_every_truncation_is_refused() -> None:
    data = bundle()
    for length in range(len(data)):
        assert code_of(data[:length]).startswith("REFERENCE_")


def test_a_trailing_byte_is_refused() -> None:
    assert code_of(bundle() + b"\0") == "REFERENCE_MALFORMED"


def test_an_edited_file_is_named() -> None:
    data = bundle()
    with pytest.raises(LotaError) as caught:
        open_bundle(data.replace(b"<rim/>", b"<rim!>"), KEYS)
    assert caught.value.code == "REFERENCE_EDITED"
    assert caught.value.details == {"file": "rim/driver.xml"}


def test_no_single_flipped_bit_gets_through() -> None:
    data = bundle()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1
        assert code_of(bytes(flipped)).startswith("REFERENCE_")


def test_a_bundle_over_the_limit_is_refused_before_it_is_read() -> None:
    assert code_of(bytes(MAX_BUNDLE_BYTES + 1)) == "REFERENCE_TOO_LARGE"
    assert code_of(MAGIC + (MAX_ENVELOPE_BYTES + 1).to_bytes(4, "big")) == "REFERENCE_TOO_LARGE"


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"schema": "lotabots/reference-bundle/v2"},
        {"name": "../up"},
        {"name": "nvidia\n"},
        {"number": 0},
        {"number": "1"},
        {"number": 1.5},
        {"files": [{"name": "a", "sha256": "0" * 64, "size": -1}]},
        {"files": [{"name": "a\0", "sha256": "0" * 64, "size": 0}]},
        {"files": [{"name": "a", "sha256": "A" * 64, "size": 0}]},
    ],
)
def test_a_manifest_that_is_signed_and_malformed_is_refused(change: dict[str, object]) -> None:
    assert code_of(signed({**manifest_of(bundle()), **change}, [])) == "REFERENCE_MALFORMED"


def test_files_must_be_sorted_and_named_once() -> None:
    manifest = manifest_of(bundle())
    files = manifest["files"]
    assert isinstance(files, list)
    unsorted = signed({**manifest, "files": files[::-1]}, [FILES[f["name"]] for f in files[::-1]])
    twice = signed({**manifest, "files": [files[1], files[1]]}, [b"", b""])
    assert code_of(unsorted) == "REFERENCE_MALFORMED"
    assert code_of(twice) == "REFERENCE_MALFORMED"


def test_a_manifest_that_is_not_canonical_is_refused() -> None:
    payload = b" " + unverified_payload(open_bundle(bundle(), KEYS).envelope)
    envelope = sign_envelope(PAYLOAD_TYPE, payload, KEY)
    assert code_of(pack(envelope, (FILES[name] for name in sorted(FILES)))) == "REFERENCE_MALFORMED"


def test_a_time_that_is_no_time_is_refused() -> None:
    assert code_of(signed({**manifest_of(bundle()), "created": "today"}, [])) == (
        "REFERENCE_MALFORMED"
    )


def test_a_higher_number_may_follow_and_the_same_bundle_may_come_again() -> None:
    opened = open_bundle(bundle(5), KEYS)
    check_successor("nvidia", 5, opened.id, None)
    check_successor("nvidia", 5, opened.id, Standing(4, "0" * 64))
    check_successor("nvidia", 5, opened.id, Standing(5, opened.id))


@pytest.mark.parametrize(
    ("active", "code"), [(6, "REFERENCE_ROLLBACK"), (5, "REFERENCE_NUMBER_TAKEN")]
)
def test_an_older_number_or_the_same_with_other_content_may_not_follow(
    active: int, code: str
) -> None:
    opened = open_bundle(bundle(5), KEYS)
    with pytest.raises(LotaError) as caught:
        check_successor("nvidia", 5, opened.id, Standing(active, "0" * 64))
    assert caught.value.code == code


def test_files_beyond_the_limits_cannot_be_bundled() -> None:
    with pytest.raises(LotaError, match="REFERENCE_MALFORMED"):
        bundle(files={"big": bytes(4 * 1024 * 1024 + 1)})
    with pytest.raises(LotaError, match="REFERENCE_MALFORMED"):
        bundle(files={f"{n:04}": b"" for n in range(4097)})


@given(st.binary(max_size=400))
def test_any_bytes_give_a_bundle_or_a_coded_refusal(data: bytes) -> None:
    for candidate in (data, MAGIC + data, MAGIC + len(data).to_bytes(4, "big") + data):
        assert code_of(candidate).startswith("REFERENCE_")


FILE_NAMES = st.text(
    st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]),
    min_size=1,
    max_size=20,
)


@given(st.dictionaries(FILE_NAMES, st.binary(max_size=50), max_size=5), st.integers(1, 2**53 - 1))
def test_any_files_come_out_as_they_went_in(files: dict[str, bytes], number: int) -> None:
    opened = open_bundle(bundle(number, files), KEYS)
    assert dict(opened.reference_files().files) == files
    assert opened.manifest.number == number
