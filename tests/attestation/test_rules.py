"""The rules without a database: nonces, standing, profiles, parcels, anchors, the status list."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import (
    Inputs,
    Outcome,
    Packed,
    Verdict,
    appraise,
    builtin_policy,
    pack_inputs,
)
from lotabots.attestation import trusted_anchors
from lotabots.attestation.anchors import tpm_certificates
from lotabots.attestation.history import Cursor
from lotabots.attestation.parcel import MAGIC, make_parcel, open_parcel
from lotabots.attestation.profiles import choose
from lotabots.attestation.session import (
    LIFETIME,
    Challenge,
    check_use,
    decode_evidence,
    device_hash,
    new_standing,
    pack_inventory,
    read_nonce,
    session_key_digest,
    unpack_inventory,
)
from lotabots.attestation.status import AGE, SIZE, StatusLists
from lotabots.attestation.types import AttestationRequest, SessionKey, SubmittedEvidence
from lotabots.evidence import Anchors, Caches, InventoryItem
from lotabots.kernel import (
    KeySet,
    LotaError,
    Principal,
    Role,
    SigningKey,
    encode_base64url,
    sha256,
    sha256_hex,
)
from lotabots.result import VALID, Profile, read_status_list
from lotabots.runtime.appraiser import this_appraiser
from lotabots.simulator import Fault, Node, make_node, reference_files, roots_pem
from lotabots.simulator import anchors as simulated

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = SigningKey(derive_private_key(5, SECP256R1()))
NONCE = bytes(range(32))
NODE = UUID(int=7)


def code_of(call: Callable[[Any], object], argument: object) -> str | None:
    """The code that the call refuses the argument with; None where it does not."""
    try:
        call(argument)
    except LotaError as error:
        return error.code
    return None


def challenge(inventory: tuple[InventoryItem, ...] = ()) -> Challenge:
    return Challenge(
        id=UUID(int=1),
        node_id=NODE,
        policy_id="p",
        nonce_sha256=sha256(NONCE),
        session_key_sha256="ab" * 32,
        inventory=pack_inventory(inventory),
        expires_at=NOW + LIFETIME,
    )


def principal(role: Role = Role.AGENT, node: UUID | None = NODE) -> Principal:
    return Principal(
        user_id=UUID(int=2),
        tenant_id=UUID(int=3),
        role=role,
        token_id="t",
        expires_at=NOW,
        node_id=None if node is None else str(node),
    )


def verdict(node: Node, *, send: int | None = None) -> Verdict:
    asked = challenge(node.inventory).derived("server", NONCE)
    inputs = Inputs(
        evidence=tuple(node.attest(asked.expected())[:send]),
        challenge=asked,
        reference=reference_files(NOW, [node]),
        policy=builtin_policy("demo"),
        anchors=trusted_anchors("", simulated()),
        now=NOW,
        node=str(NODE),
    )
    return appraise(inputs, Caches(), this_appraiser())


def test_the_right_nonce_key_and_time_get_through() -> None:
    nonce = encode_base64url(NONCE)
    assert check_use(challenge(), nonce=nonce, session_key_sha256="ab" * 32, now=NOW) == NONCE


@pytest.mark.parametrize(
    ("nonce", "key", "late", "code"),
    [
        (encode_base64url(NONCE), "ab" * 32, LIFETIME, "CHALLENGE_EXPIRED"),
        (encode_base64url(bytes(32)), "ab" * 32, timedelta(), "CHALLENGE_NONCE_MISMATCH"),
        (encode_base64url(NONCE[:31]), "ab" * 32, timedelta(), "CHALLENGE_NONCE_MALFORMED"),
        (encode_base64url(NONCE) + "=", "ab" * 32, timedelta(), "CHALLENGE_NONCE_MALFORMED"),
        (encode_base64url(NONCE), "cd" * 32, timedelta(), "CHALLENGE_SESSION_KEY_MISMATCH"),
    ],
)
def test_another_nonce_key_or_time_does_not(
    nonce: str, key: str, late: timedelta, code: str
) -> None:
    with pytest.raises(LotaError) as caught:
        check_use(challenge(), nonce=nonce, session_key_sha256=key, now=NOW + late)
    assert caught.value.code == code


@given(st.text(max_size=60))
def test_any_text_is_a_nonce_or_a_coded_refusal(text: str) -> None:
    assert code_of(read_nonce, text) in {None, "CHALLENGE_NONCE_MALFORMED"}


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_evidence_or_a_coded_refusal(data: str, certificates: str) -> None:
    item = SubmittedEvidence(subject="gpu0", scheme="s", data=data, certificates=certificates)
    assert code_of(decode_evidence, [item]) in {None, "EVIDENCE_BASE64"}


@given(st.binary(max_size=300))
def test_any_bytes_as_a_body_give_a_request_or_a_refusal_of_the_decoder(body: bytes) -> None:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        msgspec.json.decode(body, type=AttestationRequest)


def test_an_inventory_comes_back_as_it_was_stored() -> None:
    items = (InventoryItem("gpu", "a"), InventoryItem("switch", "é\n"))
    assert unpack_inventory(pack_inventory(items)) == items


def test_a_device_hash_tells_devices_and_kinds_apart_and_names_none() -> None:
    gpu, switch = InventoryItem("gpu", "serial-1"), InventoryItem("switch", "serial-1")
    assert device_hash(gpu) != device_hash(switch)
    assert b"serial-1" not in device_hash(gpu)


def test_the_digest_of_a_session_key_is_its_thumbprint() -> None:
    jwk = KEY.jwk_public()
    key = SessionKey(kty="EC", crv="P-256", x=jwk["x"], y=jwk["y"])
    assert session_key_digest(key) == KEY.verifying.thumbprint().hex()


NODE_OF_ONE = make_node("one", gpus=1, switches=0)


@pytest.mark.parametrize(
    ("fault", "standing"),
    [
        (None, Outcome.ACCEPTED),
        (Fault.FIRMWARE_MODIFIED, Outcome.REJECTED),
        (Fault.FWID_DIFFERS, Outcome.REJECTED),
        (Fault.SIGNATURE_BIT, None),
        (Fault.NONCE_CHANGED, None),
        (Fault.OTHER_NONCE, None),
        (Fault.CHAIN_FORGED_ROOT, None),
        (Fault.TRUNCATED, None),
    ],
)
def test_only_what_proves_its_sender_changes_a_standing(
    fault: Fault | None, standing: Outcome | None
) -> None:
    node = NODE_OF_ONE if fault is None else NODE_OF_ONE.with_fault(fault)
    assert new_standing(verdict(node), principal()) == standing


def test_a_standing_is_changed_by_the_node_alone() -> None:
    good = verdict(NODE_OF_ONE)
    assert new_standing(good, principal(Role.OPERATOR, None)) is None
    assert new_standing(good, principal(node=uuid4())) is None


def test_a_submission_without_evidence_is_silence() -> None:
    assert new_standing(verdict(NODE_OF_ONE, send=0), principal()) is None


@pytest.mark.parametrize(
    ("asked", "accept", "profile"),
    [
        (None, "", Profile.VERAISON_2023),
        (None, "*/*", Profile.VERAISON_2023),
        (None, "application/eat+jwt", Profile.VERAISON_2023),
        ("ietf", "", Profile.IETF_2026),
        (None, "application/eat+jwt; eat_profile=ietf", Profile.IETF_2026),
        (None, f'text/html, application/eat+jwt;eat_profile="{Profile.TRUSTEE_2024.value}"',
         Profile.TRUSTEE_2024),
        ("trustee", "application/eat+jwt; eat_profile=ietf", Profile.TRUSTEE_2024),
    ],
)  # fmt: skip
def test_a_profile_is_named_by_the_body_or_by_accept(
    asked: str | None, accept: str, profile: Profile
) -> None:
    assert choose(asked, accept) is profile


@pytest.mark.parametrize(
    ("asked", "accept"), [("x", ""), (None, "application/eat+jwt; eat_profile=x")]
)
def test_a_profile_that_is_not_known_is_refused(asked: str | None, accept: str) -> None:
    with pytest.raises(LotaError, match="RESULT_PROFILE_UNKNOWN"):
        choose(asked, accept)


def test_a_parcel_opens_to_the_manifest_and_the_blobs_that_were_put_in() -> None:
    asked = challenge(NODE_OF_ONE.inventory).derived("server", NONCE)
    evidence = tuple(NODE_OF_ONE.attest(asked.expected()))
    packed = pack_inputs(
        Inputs(
            evidence=evidence,
            challenge=asked,
            reference=reference_files(NOW, [NODE_OF_ONE]),
            policy=builtin_policy("demo"),
            anchors=simulated(),
            now=NOW,
            node=str(NODE),
        )
    )
    own = [sha256_hex(item.data) for item in evidence]
    manifest, blobs = open_parcel(make_parcel(packed, own))
    assert manifest == packed.manifest
    assert blobs == {digest: packed.blobs[digest] for digest in own}


@given(st.binary(max_size=60))
def test_any_bytes_are_a_parcel_or_a_coded_failure(data: bytes) -> None:
    for candidate in (data, MAGIC + data):
        assert code_of(open_parcel, candidate) in {None, "PARCEL_CORRUPT"}


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_every_truncation_of_a_parcel_is_noticed_or_loses_whole_pieces(pieces: list[bytes]) -> None:
    packed = Packed(b"{}", {sha256_hex(piece): piece for piece in pieces})
    parcel = make_parcel(packed, list(packed.blobs))
    for length in range(len(parcel)):
        try:
            _, blobs = open_parcel(parcel[:length])
        except LotaError:
            continue
        assert blobs.items() <= packed.blobs.items()


@given(st.text(max_size=100))
def test_any_text_is_a_cursor_or_a_coded_refusal(text: str) -> None:
    assert code_of(Cursor.read, text) in {None, "CURSOR_MALFORMED"}


def test_a_cursor_comes_back_to_the_microsecond() -> None:
    cursor = Cursor(NOW.replace(microsecond=123456), UUID(int=9))
    assert Cursor.read(cursor.text()) == cursor


def test_roots_from_a_file_are_marked_simulated_and_stand_beside_nvidias(tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(roots_pem())
    assert trusted_anchors(str(file)) == trusted_anchors("").plus(simulated())


def test_roots_of_tpms_alone_are_marked_simulated_and_trusted_for_nothing_else(
    tmp_path: Path,
) -> None:
    *_, tpm = x509.load_pem_x509_certificates(roots_pem())
    file = tmp_path / "tpms.pem"
    file.write_bytes(tpm.public_bytes(Encoding.PEM))
    only = Anchors(device=(), rim=(), tpm=simulated().tpm)
    assert trusted_anchors("", simulated_tpms=str(file)) == trusted_anchors("").plus(only)
    assert tpm_certificates("", str(file)) == file.read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"no pem", roots_pem() * 3])
def test_a_file_of_tpm_roots_that_does_not_hold_some_stops_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "tpms.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LotaError, match="ANCHORS_MALFORMED"):
        trusted_anchors("", simulated_tpms=str(file))


ONE_ROOT = roots_pem().partition(b"-----END CERTIFICATE-----\n")


@pytest.mark.parametrize("content", [None, b"", b"no pem", ONE_ROOT[0] + ONE_ROOT[1]])
def test_a_file_that_does_not_hold_two_roots_stops_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(LotaError, match="ANCHORS_MALFORMED"):
        trusted_anchors(str(file))


def test_a_status_list_is_signed_anew_when_it_is_a_second_old_or_the_key_is_another() -> None:
    lists, keys = StatusLists("urn:x"), KeySet(KEY)
    assert lists.remembered(keys, NOW) is None
    first = lists.renew(keys, [], NOW)
    assert lists.remembered(keys, NOW + AGE - timedelta(milliseconds=1)) == first
    assert lists.remembered(keys, NOW + AGE) is None
    later = lists.renew(keys, [], NOW + AGE)
    assert read_status_list(later, keys.verifying()).issued_at == NOW + AGE
    other = KeySet(SigningKey(derive_private_key(6, SECP256R1())))
    assert lists.remembered(other, NOW + AGE) is None


def test_the_places_of_revoked_results_are_invalid_and_no_others() -> None:
    lists, keys = StatusLists("urn:x"), KeySet(KEY)
    read = read_status_list(lists.renew(keys, [0, 77, SIZE - 1], NOW), keys.verifying())
    assert [at for at in range(SIZE) if read.get(at) != VALID] == [0, 77, SIZE - 1]


def test_a_status_list_from_the_future_is_not_given_out() -> None:
    lists, keys = StatusLists("urn:x"), KeySet(KEY)
    lists.renew(keys, [], NOW + timedelta(hours=1))
    assert lists.remembered(keys, NOW) is None
