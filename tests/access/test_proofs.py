"""Proofs of possession (RFC 9449) as a pure function, and the memory that takes each once."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from lotabots.access import Call, Proof, SeenProofs, make_proof, verify_proof
from lotabots.access.proofs import FUTURE, PAST
from lotabots.kernel import Kind, LotaError, SigningKey, encode_base64url

# The example of RFC 9449 section 4.1: its key, and a proof for POST https://server.example.com/token.
RFC_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo"
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW"
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsIm"
    "h0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfr"
    "g8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
RFC_THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
MADE = datetime.fromtimestamp(1562262616, UTC)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
CALL = Call("POST", "https://server.example.com/token", (RFC_PROOF,))
KEYS = [SigningKey(generate_private_key(SECP256R1())), SigningKey(Ed25519PrivateKey.generate())]


def test_the_example_of_the_rfc_holds_and_names_its_key() -> None:
    assert verify_proof(CALL, MADE) == Proof(
        RFC_THUMBPRINT, "-BwC3ESc6acc2lTc", MADE + PAST + FUTURE
    )


@pytest.mark.parametrize(
    ("call", "now", "token"),
    [
        (CALL._replace(method="GET"), MADE, None),
        (CALL._replace(url="https://server.example.com/token/"), MADE, None),
        (CALL._replace(url="https://server.example.com:8443/token"), MADE, None),
        (CALL._replace(url="http://server.example.com/token"), MADE, None),
        (CALL, MADE + PAST + timedelta(seconds=1), None),
        (CALL, MADE - FUTURE - timedelta(seconds=1), None),
        (CALL, MADE, "a token"),
        (CALL._replace(proofs=(RFC_PROOF[:-1] + "h",)), MADE, None),
        (CALL._replace(proofs=(RFC_PROOF, RFC_PROOF)), MADE, None),
    ],
)
def test_the_same_proof_for_anything_else_is_refused(
    call: Call, now: datetime, token: str | None
) -> None:
    with pytest.raises(LotaError) as caught:
        verify_proof(call, now, token)
    assert (caught.value.kind, caught.value.code) == (Kind.AUTHENTICATION, "PROOF_INVALID")


@pytest.mark.parametrize("key", KEYS, ids=["ES256", "Ed25519"])
@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    query=st.sampled_from(["", "?limit=1", "#top", "?a=b#top"]),
    token=st.none() | st.text(max_size=60),
)
def test_a_proof_that_was_made_holds_for_its_call_and_for_no_other(
    key: SigningKey, method: str, query: str, token: str | None
) -> None:
    url = "https://server.example.com/v1/me"
    made = make_proof(key, method, url + query, NOW, "an id", token)
    call = Call(method, url, (made,))
    named = encode_base64url(key.verifying.thumbprint())
    assert verify_proof(call, NOW, token) == Proof(named, "an id", NOW + PAST + FUTURE)
    for other, with_token in (
        (call._replace(method="PUT"), token),
        (call._replace(url=url + "/keys"), token),
        (call, f"{token}."),
        (call, None if token is not None else ""),
    ):
        with pytest.raises(LotaError, match="PROOF_INVALID"):
            verify_proof(other, NOW, with_token)


def test_no_proof_is_another_refusal() -> None:
    with pytest.raises(LotaError, match="PROOF_ABSENT"):
        verify_proof(CALL._replace(proofs=()), MADE)


@given(st.text(max_size=300), st.integers(0, 2))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str, place: int) -> None:
    parts = RFC_PROOF.split(".")
    parts[place] = text
    for proof in (text, ".".join(parts)):
        if proof != RFC_PROOF:
            with pytest.raises(LotaError) as caught:
                verify_proof(CALL._replace(proofs=(proof,)), MADE)
            assert caught.value.code == "PROOF_INVALID"


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 5)), max_size=60))
def test_no_proof_is_taken_twice_while_it_could_still_be_valid(uses: list[tuple[int, int]]) -> None:
    seen, now, used = SeenProofs(), NOW, {}
    for wait, number in uses:
        now += timedelta(seconds=wait)
        proof = Proof("key", str(number), now)
        lately = number in used and now - used[number] <= PAST + FUTURE
        taken = True
        try:
            seen.use(proof, now)
        except LotaError:
            taken = False
        assert not (taken and lately)
        assert taken or number in used
        if taken:
            used[number] = now


def test_when_there_is_no_room_a_proof_is_refused_rather_than_another_forgotten() -> None:
    seen = SeenProofs(most=2)
    for number in range(2):
        seen.use(Proof("key", str(number), NOW), NOW)
    with pytest.raises(LotaError) as caught:
        seen.use(Proof("key", "2", NOW), NOW)
    assert (caught.value.kind, caught.value.code) == (Kind.RATE_LIMITED, "PROOF_BUSY")
    with pytest.raises(LotaError, match="PROOF_REPLAYED"):
        seen.use(Proof("key", "0", NOW), NOW)
    seen.use(Proof("key", "2", NOW), NOW + timedelta(seconds=91))
