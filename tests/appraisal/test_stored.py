import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import (
    Appraiser,
    Inputs,
    NodeState,
    Packed,
    Verdict,
    appraise,
    builtin_policy,
    pack_inputs,
    replay,
    unpack_inputs,
)
from lotabots.evidence import Caches, GivenNonce, ReferenceFiles
from lotabots.kernel import LotaError, sha256_hex
from lotabots.simulator import anchors


def state_after(verdict: Verdict) -> NodeState:
    return NodeState(evaluated_at=verdict.evaluated_at, outcome=verdict.outcome)


@pytest.fixture
def packed(inputs_of: Any) -> Packed:
    return pack_inputs(inputs_of())


def test_stored_inputs_give_the_same_verdict_byte_for_byte(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    first = appraise(inputs_of(), Caches(), appraiser)
    variants = [
        inputs_of(),
        inputs_of(previous=state_after(first)),
        inputs_of(challenge=GivenNonce(bytes(range(32)))),
        inputs_of(evidence=()),
        inputs_of(reference=ReferenceFiles((("same name", b"a"), ("same name", b"b")))),
        inputs_of(policy=builtin_policy("strict").with_max_revocation_age(timedelta(hours=1))),
        inputs_of(now=inputs_of().now.replace(microsecond=5)),
    ]
    for inputs in variants:
        verdict = appraise(inputs, Caches(), appraiser)
        stored = pack_inputs(inputs)
        again = replay(stored.manifest, stored.blobs, appraiser)
        assert again.canonical() == verdict.canonical()


def test_inputs_unpack_to_themselves(inputs_of: Any) -> None:
    inputs = inputs_of()
    stored = pack_inputs(inputs)
    assert unpack_inputs(stored.manifest, stored.blobs) == inputs
    assert pack_inputs(unpack_inputs(stored.manifest, stored.blobs)) == stored


def test_every_blob_is_named_by_its_digest(packed: Packed) -> None:
    for digest, data in packed.blobs.items():
        assert sha256_hex(data) == digest
        assert digest.encode() in packed.manifest


def test_another_appraiser_is_named_in_the_verdict(inputs_of: Any, appraiser: Appraiser) -> None:
    stored = pack_inputs(inputs_of())
    other = Appraiser(version="2.0.0", digest="cd" * 32)
    assert replay(stored.manifest, stored.blobs, other).appraiser == other


def test_a_missing_or_changed_blob_is_refused(packed: Packed) -> None:
    for digest in packed.blobs:
        without = {name: data for name, data in packed.blobs.items() if name != digest}
        with pytest.raises(LotaError, match="missing") as missing:
            unpack_inputs(packed.manifest, without)
        assert missing.value.code == "REPLAY_BLOB_MISSING"
        with pytest.raises(LotaError) as changed:
            unpack_inputs(packed.manifest, {**packed.blobs, digest: b"other"})
        assert changed.value.code == "REPLAY_BLOB_CHANGED"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "lotabots/appraisal-inputs/v2"},
        {"now": "2026-11-23T12:00:00"},
        {"now": 1},
        {"evidence": [{}]},
        {"challenge": {"type": "given", "nonce": "AAAA"}},
        {"challenge": {"type": "other"}},
        {"also": 1},
    ],
)
def test_a_manifest_of_another_shape_is_refused(packed: Packed, change: dict[str, Any]) -> None:
    manifest = json.dumps(json.loads(packed.manifest) | change).encode()
    with pytest.raises(LotaError):
        unpack_inputs(manifest, packed.blobs)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_manifest_or_an_error(data: bytes) -> None:
    with pytest.raises(LotaError):
        unpack_inputs(data, {})


@given(st.data())
def test_any_damage_to_a_manifest_is_inputs_or_an_error(data: st.DataObject) -> None:
    stored = _stored()
    manifest = bytearray(stored.manifest)
    for _ in range(data.draw(st.integers(1, 3))):
        manifest[data.draw(st.integers(0, len(manifest) - 1))] = data.draw(st.integers(0, 255))
    with suppress(LotaError):
        unpack_inputs(bytes(manifest), stored.blobs)


def _stored() -> Packed:
    return pack_inputs(
        Inputs(
            evidence=(),
            challenge=GivenNonce(bytes(32)),
            reference=ReferenceFiles((("a", b"a"),)),
            policy=builtin_policy("demo"),
            anchors=anchors(),
            now=datetime(2026, 11, 23, 12, tzinfo=UTC),
            node="node-1",
        )
    )
