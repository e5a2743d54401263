"""Models as the judges see them: signed by whom, scanned how, judged by which policy."""

from datetime import UTC, datetime
from typing import Any

from lotabots.appraisal import Appraiser
from lotabots.appraisal.models import (
    ModelVerdict,
    Scanned,
    ScannedFile,
    Signed,
    Signer,
    SignerKind,
    judge_model,
    load_model_policy,
)
from lotabots.models import FileEntry

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
APPRAISER = Appraiser(version="0", digest="0" * 64)
ALICE, BOB, EVE = (
    Signer(kind=SignerKind.KEY, id=digit * 64, key_sha256=digit * 64) for digit in "abe"
)
ROOT = "5" * 64
FILES = (("config.json", "json", 20), ("model.safetensors", "safetensors", 4096))


def signed(*signers: Signer, **changes: Any) -> Signed:
    plain: dict[str, Any] = {
        "signers": signers,
        "strong": signers,
        "root": ROOT,
        "tensor_root": "7" * 64,
        "files": tuple(FileEntry(path=path, size=size, digest=b"d") for path, _, size in FILES),
        "algorithm": "sha256",
        "name": "acme/llama-8b",
        "version": "1.4.0",
        "signed_at": datetime(2026, 5, 1, tzinfo=UTC),
    }
    return Signed(**(plain | changes))


def scanned(**changes: Any) -> Scanned:
    files = tuple(ScannedFile(path=path, format=form, size=size) for path, form, size in FILES)
    return Scanned(**({"files": files, "findings": ()} | changes))


def rule(more: str = "", mode: str = "enforce", match: str = "acme/llama-*") -> str:
    """A policy of one rule that trusts Alice and Bob, either of them; `more` are lines of it."""
    lines = "".join(f"    {line}\n" for line in more.splitlines())
    return (
        f"name: models\nrules:\n  - match: {match}\n    mode: {mode}\n    signers:\n"
        f"      - key: {ALICE.key_sha256}\n      - key: {BOB.key_sha256}\n{lines}"
    )


def judge(policy: str, **changes: Any) -> ModelVerdict:
    plain: dict[str, Any] = {
        "name": "acme/llama-8b",
        "version": "1.4.0",
        "signed": signed(ALICE),
        "scanned": scanned(),
        "controls": None,
        "policy": load_model_policy(policy.encode()),
        "previous": None,
        "now": NOW,
        "appraiser": APPRAISER,
    }
    return judge_model(**(plain | changes))


def codes(verdict: ModelVerdict) -> set[str]:
    return {reason.code for reason in verdict.findings}
