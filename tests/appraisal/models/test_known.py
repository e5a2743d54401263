"""Real keys sign real files; what verification found is judged by a policy that names the keys."""

from datetime import timedelta

import msgspec
import pytest
from appraisal.models.made import APPRAISER, NOW, codes
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key

from lotabots.appraisal import Outcome
from lotabots.appraisal.models import (
    ModelVerdict,
    Previous,
    Scanned,
    ScannedFile,
    judge_model,
    load_model_policy,
    signed_of,
)
from lotabots.kernel import sha256
from lotabots.models import (
    Algorithm,
    FileEntry,
    Hashed,
    MemoryTree,
    ModelSigningKey,
    StrongManifest,
    Trust,
    manifest_of,
    sign_manifest,
    sign_strong,
    verify_bundle,
)

FILES = {"config.json": b"{}", "model.safetensors": bytes(64)}
RELEASE, STRANGER = (ModelSigningKey(generate_private_key(SECP384R1())) for _ in range(2))


def entries(files: dict[str, bytes]) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(path=path, size=len(data), digest=sha256(data))
        for path, data in sorted(files.items())
    )


def judged(
    *,
    key: ModelSigningKey = RELEASE,
    trusted: ModelSigningKey = RELEASE,
    files: dict[str, bytes] | None = None,
    name: str = "acme/llama",
    strong: bool = True,
    counter: int = 3,
    previous: Previous | None = None,
    bundle: bytes | None = None,
) -> ModelVerdict:
    """The files signed by `key`, then what is there now verified and judged."""
    manifest = manifest_of("llama", entries(FILES), Algorithm.SHA256)
    statement = StrongManifest(
        name=name,
        version="1.4.0",
        counter=counter,
        oms_root=manifest.root,
        algorithm=Algorithm.SHA256,
        files=entries(FILES),
        signed_at=NOW - timedelta(days=1),
    )
    there = FILES if files is None else files
    hashed = Hashed(algorithm=Algorithm.SHA256, files=entries(there))
    verified = verify_bundle(
        sign_manifest(manifest, key) if bundle is None else bundle,
        Trust(keys=(RELEASE.public, STRANGER.public)),
        hashed,
        MemoryTree(there),
        NOW,
        strong=sign_strong(statement, key) if strong else None,
    )
    require = "    require: [strong_manifest]\n    min_version: 1.4.0\n    max_age: 30d\n"
    policy = (
        "name: t\nrules:\n  - match: acme/*\n    mode: enforce\n    signers:\n"
        f"      - key: '{trusted.public.fingerprint}'\n{require}"
    )
    scan = tuple(
        ScannedFile(path=path, format=path.rpartition(".")[2], size=len(data))
        for path, data in there.items()
    )
    return judge_model(
        name="acme/llama",
        version="1.4.0",
        signed=signed_of(verified),
        scanned=Scanned(files=scan, findings=()),
        controls=None,
        policy=load_model_policy(policy.encode()),
        previous=previous,
        now=NOW,
        appraiser=APPRAISER,
    )


def test_what_the_release_key_signed_is_accepted() -> None:
    verdict = judged()
    assert (verdict.outcome, codes(verdict)) == (Outcome.ACCEPTED, set())
    assert verdict.signers[0].key_sha256 == RELEASE.public.fingerprint
    assert verdict.strong


def test_a_key_that_verifies_and_is_not_in_the_rule_counts_for_nothing() -> None:
    verdict = judged(key=STRANGER)
    assert verdict.outcome is Outcome.REJECTED
    assert {"MODEL-SIGNERS-TOO-FEW", "MODEL-SIGNER-NOT-ALLOWED"} <= codes(verdict)


@pytest.mark.parametrize(
    "files",
    [
        FILES | {"model.safetensors": bytes(63) + b"\x01"},
        FILES | {"extra.py": b"x"},
        {"config.json": b"{}"},
    ],
    ids=["changed", "added", "removed"],
)
def test_other_files_than_the_signed_ones_are_refused(files: dict[str, bytes]) -> None:
    assert judged(files=files).outcome is Outcome.REJECTED


def test_a_statement_about_another_model_is_refused() -> None:
    assert "MODEL-NAME-DIFFERS" in codes(judged(name="acme/other"))


def test_without_the_strong_statement_no_version_is_known() -> None:
    found = codes(judged(strong=False))
    assert {"MODEL-STRONG-MISSING", "MODEL-VERSION-UNSIGNED", "MODEL-SIGNATURE-UNDATED"} <= found


def test_a_counter_that_goes_back_is_refused() -> None:
    before = Previous(version="1.4.0", root=judged().root, counter=4)
    assert "MODEL-VERSION-ROLLBACK" in codes(judged(previous=before))
    assert "MODEL-VERSION-ROLLBACK" in codes(judged(previous=before, strong=False))
    assert judged(previous=msgspec.structs.replace(before, counter=3)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("bundle", [b"", b"{}", b"\xff", b"[" * 100])
def test_a_bundle_that_cannot_be_read_is_no_signature(bundle: bytes) -> None:
    verdict = judged(bundle=bundle)
    assert verdict.outcome is Outcome.REJECTED
    assert "MODEL-UNSIGNED" in codes(verdict)
