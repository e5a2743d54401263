"""What a node states of a model is held against its challenge and the registry."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import (
    Anchors,
    Caches,
    Claims,
    Context,
    Evidence,
    KnownModel,
    Level,
    ReferenceFiles,
)
from lotabots.evidence.schemes.model_files import read_statement, verify_models
from lotabots.kernel import LotaError
from lotabots.models import TensorEntry
from lotabots.simulator import ModelOnNode

NONCE = b"n" * 32


def tensor(name: str, digest: bytes = b"\x01" * 32) -> TensorEntry:
    return TensorEntry(
        name=name, dtype="F32", shape=(2, 2), path="w", begin=0, end=16, digest=digest
    )


MODEL = ModelOnNode({"config.json": b"{}", "w": b"weights"}, (tensor("a"), tensor("b")))
KNOWN = KnownModel(
    digest=MODEL.digest,
    name="acme/model",
    version="1.2",
    stages=("production",),
    files=MODEL.entries,
    tensors=MODEL.tensors,
)


def context(
    known: tuple[KnownModel, ...] = (KNOWN,), declared: Mapping[str, str] | None = None
) -> Context:
    return Context(
        nonces={"model0": NONCE},
        reference=ReferenceFiles(()),
        anchors=Anchors(device=(), rim=()),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        max_revocation_age=timedelta(days=1),
        caches=Caches(),
        declared={"model0": MODEL.digest} if declared is None else declared,
        models=known,
    )


def claims(evidence: Evidence, context_: Context | None = None) -> Claims:
    (device,) = verify_models([evidence], context_ or context()).devices
    return device


def codes(of: Claims) -> list[str]:
    return [found.code for found in of.findings]


def test_a_model_as_it_was_registered_is_claimed_with_its_stages() -> None:
    found = claims(MODEL.attest(NONCE))
    assert (found.level, codes(found)) == (Level.CLAIMED, [])
    assert found.facts["manifest"] == found.facts["nonce"] == "match"
    assert (found.facts["id"], found.facts["stages"]) == (MODEL.digest, ["production"])
    assert not found.simulated


def test_a_statement_for_another_challenge_proves_nothing() -> None:
    found = claims(MODEL.attest(b"m" * 32))
    assert (found.level, codes(found)) == (Level.NONE, ["MODEL-NONCE-MISMATCH"])
    assert found.facts["nonce"] == "mismatch"


def test_a_place_that_was_not_challenged_has_no_nonce_to_match() -> None:
    found = claims(MODEL.attest(NONCE, "model7"))
    assert found.level is Level.NONE
    assert "MODEL-NONCE-MISMATCH" in codes(found)


def test_a_changed_file_is_named() -> None:
    found = claims(MODEL.with_file("w", b"weightz").attest(NONCE))
    assert (codes(found), found.facts["manifest"]) == (["MODEL-FILE-CHANGED"], "differs")
    assert found.findings[0].expected.startswith("w: 7 bytes")
    assert "stages" not in found.facts


def test_a_file_more_and_a_file_less_are_named() -> None:
    other = ModelOnNode({"config.json": b"{}", "run.py": b""})
    assert codes(claims(other.attest(NONCE))) == ["MODEL-FILE-MISSING", "MODEL-FILE-EXTRA"]


def test_a_renamed_file_is_another_model() -> None:
    other = ModelOnNode({"config.json": b"{}", "v": b"weights"}, MODEL.tensors)
    assert codes(claims(other.attest(NONCE))) == ["MODEL-FILE-MISSING", "MODEL-FILE-EXTRA"]


def test_the_tensor_that_changed_is_named() -> None:
    changed = ModelOnNode(
        {"config.json": b"{}", "w": b"weightz"}, (tensor("a"), tensor("b", b"\x02" * 32))
    )
    found = claims(changed.attest(NONCE))
    assert codes(found) == ["MODEL-FILE-CHANGED", "MODEL-TENSOR-CHANGED"]
    assert found.findings[1].expected.startswith("b: F32 [2, 2] 0101")


def test_what_is_not_registered_is_no_match() -> None:
    found = claims(MODEL.attest(NONCE), context(known=()))
    assert (codes(found), found.facts["manifest"]) == (["MODEL-UNKNOWN"], "unknown")


def test_a_remembered_digest_is_no_reading() -> None:
    plain = msgspec.json.decode(MODEL.attest(NONCE).data)
    data = msgspec.json.encode(plain | {"source": "cached"})
    found = claims(msgspec.structs.replace(MODEL.attest(NONCE), data=data))
    assert codes(found) == ["MODEL-CACHED"]


def test_very_many_differences_are_counted() -> None:
    other = ModelOnNode({f"f{number}": b"" for number in range(100)})
    found = claims(other.attest(NONCE))
    assert len(found.findings) == 21
    assert found.findings[-1].measured == "82 more differences"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "lotabots/model-files/v2"},
        {"nonce": "!"},
        {"source": "believed"},
        {"files": []},
        {"files": [["b", 1, "00" * 32], ["a", 1, "00" * 32]]},
        {"files": [["a", 1, "00" * 32], ["a", 1, "00" * 32]]},
        {"files": [["a", -1, "00" * 32]]},
        {"files": [["a", 1, "AB" * 32]]},
        {"files": [["a", 1, "00" * 31]]},
        {"extra": 1},
        {"tensors": [["b", "F32", [1], "w", "00" * 32], ["a", "F32", [1], "w", "00" * 32]]},
        {"tensors": [["a", "F32", [-1], "w", "00" * 32]]},
    ],
)
def test_a_statement_of_another_form_is_refused(change: dict[str, object]) -> None:
    plain = msgspec.json.decode(MODEL.attest(NONCE).data) | change
    evidence = msgspec.structs.replace(MODEL.attest(NONCE), data=msgspec.json.encode(plain))
    found = claims(evidence)
    assert (codes(found), found.level, found.facts) == (["MODEL-STATEMENT"], Level.NONE, {})


@given(st.binary(max_size=300))
def test_any_bytes_are_a_statement_or_refused(data: bytes) -> None:
    caught = ""
    try:
        read_statement(data)
    except LotaError as error:
        caught = error.code
    assert caught in {"", "MODEL_STATEMENT"}
