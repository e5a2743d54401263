"""Whatever the bytes, an answer; whatever is changed, a refusal; and what is signed verifies."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from models.signing.material import (
    HASHERS,
    KEY,
    MODEL,
    NOW,
    TRUST,
    codes,
    hashed,
    new_key,
    resigned,
    sharded,
    signed,
    statement_in,
    strong_of,
    value_of,
    verify,
)

from lotabots.kernel import LotaError, canonical
from lotabots.models import (
    Algorithm,
    Leniency,
    MemoryTree,
    Trust,
    load_certificates,
    load_public_key,
    load_trusted_root,
    manifest_of,
    open_bundle,
    open_strong,
    sign_manifest,
    sign_strong,
)
from lotabots.models.paths import collisions, flaw_of
from lotabots.models.rekor import read_entry

GOOD = signed(MODEL)
STRONG = sign_strong(strong_of(MODEL), KEY)
LENIENT = Leniency(legacy=True, no_hint=True, symlinks=True)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(("name", "digest", "x")) | st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.binary(max_size=400))
def test_any_bytes_as_a_bundle_give_findings_and_nothing_else(data: bytes) -> None:
    assert open_bundle(data, TRUST, LENIENT, NOW).findings
    assert open_strong(data, TRUST, LENIENT, NOW).findings


@given(st.binary(max_size=400))
def test_any_bytes_as_a_key_a_certificate_or_a_root_give_a_value_or_an_error(data: bytes) -> None:
    for read in (load_public_key, load_certificates, load_trusted_root):
        with pytest.raises(LotaError):
            read(data)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    if isinstance(value, dict):
        found += [one for key, inner in value.items() for one in places(inner, (*path, key))]
    elif isinstance(value, list):
        found += [one for key, inner in enumerate(value) for one in places(inner, (*path, key))]
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    target = value
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = new
    return value


@given(st.data(), json_values)
def test_any_value_at_any_place_of_a_bundle_gives_an_answer(data: Any, new: Any) -> None:
    value = value_of(GOOD)
    changed = replaced(value, data.draw(st.sampled_from(places(value))), new)
    try:
        bundle = canonical(changed)
    except LotaError:
        return
    verify(bundle, MODEL)
    open_strong(bundle, TRUST, LENIENT, NOW)


@given(st.data(), json_values)
def test_any_value_at_any_place_of_a_signed_statement_gives_an_answer(data: Any, new: Any) -> None:
    """A trusted signer that is broken or worse: an answer, and an acceptance of nothing else."""
    source = data.draw(st.sampled_from((GOOD, STRONG)))
    value = statement_in(source)
    before = canonical(value)
    changed = replaced(value, data.draw(st.sampled_from(places(value))), new)
    try:
        payload = canonical(changed)
    except LotaError:
        return
    verified = verify(resigned(payload), MODEL)
    if source is STRONG:
        opened = open_strong(resigned(payload), TRUST, Leniency(), NOW)
        assert opened.strong is None or opened.strong.files == strong_of(MODEL).files
    elif verified.holds and payload != before:
        assert verified.root == verify(GOOD, MODEL).root


@given(json_values)
def test_any_value_as_an_entry_of_a_log_gives_a_value_or_an_error(value: Any) -> None:
    with pytest.raises(LotaError):
        read_entry(value)


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\\"), min_size=1, max_size=12
)  # fmt: skip
trees = st.dictionaries(names, st.binary(max_size=20), min_size=1, max_size=6).filter(
    lambda files: (
        not any(map(flaw_of, files)) and not collisions(files) and ".git" not in str(files)
    )
)


@given(trees, st.sampled_from(Algorithm), st.booleans())
def test_what_is_signed_verifies_and_no_changed_byte_does(
    files: dict[str, bytes], algorithm: Algorithm, in_shards: bool
) -> None:
    if in_shards:
        manifest = sharded(files, 3, algorithm)
        files = {path: data for path, data in files.items() if data}
        if not files:
            return
    else:
        manifest = manifest_of("m", hashed(MemoryTree(files), algorithm).files, algorithm)
    bundle = sign_manifest(manifest, KEY)
    good = verify(bundle, files, algorithm=algorithm)
    assert good.holds, good.findings
    for path, data in files.items():
        for place in {0, len(data) // 2, len(data) - 1} if data else set():
            changed = bytearray(data)
            changed[place] ^= 1
            bad = verify(bundle, {**files, path: bytes(changed)}, algorithm=algorithm)
            assert {"FILE-MODIFIED"} <= codes(bad)
        longer = verify(bundle, {**files, path: data + b"\0"}, algorithm=algorithm)
        assert not longer.holds


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_of_a_signed_payload_is_accepted(place: int, change: int) -> None:
    value = value_of(GOOD)
    payload = bytearray(base64.b64decode(value["dsseEnvelope"]["payload"]))
    payload[place % len(payload)] ^= change
    value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    verified = verify(canonical(value), MODEL)
    assert "SIGNATURE-INVALID" in codes(verified)
    assert verified.signers == ()


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_each_curve_signs_and_verifies_with_its_own_hash(curve: ec.EllipticCurve) -> None:
    key = new_key(curve)
    verified = verify(signed(MODEL, key), MODEL, Trust(keys=(TRUST.keys[0], key.public)))
    assert verified.holds
    assert [signer.id for signer in verified.signers] == [key.public.fingerprint]


def test_a_curve_that_nobody_registered_is_no_key() -> None:
    with pytest.raises(LotaError) as caught:
        new_key(ec.SECP256K1())
    assert caught.value.code == "MODEL_KEY"


def test_the_digests_are_those_of_the_libraries() -> None:
    assert {algorithm.size for algorithm in HASHERS} == {32, 64}
