"""Every published bundle is judged as its publisher says."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from models.signing.material import NOW, codes, verify

from lotabots.models import (
    Leniency,
    MemoryTree,
    Options,
    Trust,
    Verified,
    load_certificates,
    load_public_key,
    open_bundle,
)

OMS = Path("model", "oms-spec", "v1.0")
RELEASES = Path("model", "model-transparency")


def folder(path: Path, names: Sequence[str]) -> MemoryTree:
    return MemoryTree({name: (path / name).read_bytes() for name in names})


@pytest.fixture
def trust(vectors: Path) -> Trust:
    keys = vectors / RELEASES / "keys"
    roots = b"".join((keys / name).read_bytes() for name in ("ca-cert.pem", "int-ca-cert.pem"))
    return Trust(
        keys=(load_public_key((keys / "signing-key-pub.pem").read_bytes()),),
        roots=load_certificates(roots),
    )


@pytest.mark.parametrize("name", ["key", "certificate"])
def test_the_valid_bundles_of_the_specification_hold(
    vectors: Path, trust: Trust, name: str
) -> None:
    bundle = (vectors / OMS / "valid" / f"{name}.bundle.json").read_bytes()
    tree = folder(vectors / RELEASES / "v1.1.0-elliptic-key", ("signme-1", "signme-2"))
    verified = verify(bundle, tree, trust)
    assert verified.holds, verified.findings
    assert [signer.kind for signer in verified.signers] == [name]
    assert codes(verified) == set()


@pytest.mark.parametrize(
    "release",
    ["v1.0.1-elliptic-key", "v1.0.1-certificate", "v1.1.0-elliptic-key", "v1.1.0-certificate"],
)
def test_the_bundles_of_releases_hold_once_the_unsigned_file_is_ignored_by_name(
    vectors: Path, trust: Trust, release: str
) -> None:
    path = vectors / RELEASES / release
    bundle = (path / "model.sig").read_bytes()
    names = [one.name for one in path.iterdir()]
    verified = verified_folder(bundle, folder(path, names), trust, ignore=("ignore-me",))
    assert verified.holds, verified.findings
    assert codes(verified) <= {"FILE-IGNORED", "KEY-HINT-OLD"}
    assert "ignore-me" in verified.ignored
    changed = {name: (path / name).read_bytes() for name in names} | {"signme-1": b"changed"}
    refused = verified_folder(bundle, MemoryTree(changed), trust, ignore=("ignore-me",))
    assert [one.path for one in refused.findings if one.code == "FILE-MODIFIED"] == ["signme-1"]


@pytest.mark.parametrize("release", ["v1.0.1-elliptic-key", "v1.0.1-certificate"])
def test_the_unsigned_file_of_a_release_is_refused_when_nothing_ignores_it(
    vectors: Path, trust: Trust, release: str
) -> None:
    path = vectors / RELEASES / release
    bundle = (path / "model.sig").read_bytes()
    verified = verified_folder(bundle, folder(path, [one.name for one in path.iterdir()]), trust)
    assert not verified.holds
    assert [one.path for one in verified.findings if one.code == "FILE-EXTRA"] == ["ignore-me"]


def verified_folder(
    bundle: bytes, tree: MemoryTree, trust: Trust, ignore: tuple[str, ...] = ()
) -> Verified:
    options = Options(ignore=ignore, excluded=frozenset(("model.sig",)))
    return verify(bundle, tree, trust, options)


def test_the_bundle_of_a_model_of_one_file_holds_and_says_that_its_name_is_not_signed(
    vectors: Path, trust: Trust
) -> None:
    path = vectors / RELEASES / "v0.3.1-elliptic-key"
    bundle = (path / "model.sig").read_bytes()
    verified = verify(bundle, folder(path, ["signme-1"]), trust)
    assert verified.holds, verified.findings
    assert codes(verified) == {"FILE-UNNAMED", "KEY-HINT-OLD"}


@pytest.mark.parametrize("kind", ["invalid", "invalid-payload"])
def test_the_invalid_bundles_of_the_specification_are_refused(
    vectors: Path, trust: Trust, kind: str
) -> None:
    files = sorted((vectors / OMS / kind).iterdir())
    assert files
    for file in files:
        opened = open_bundle(file.read_bytes(), trust, Leniency(legacy=True, no_hint=True), NOW)
        assert any(one.severity == "reject" for one in opened.findings), file.name
        assert opened.manifest is None or not opened.signers, file.name


def test_a_valid_sigstore_bundle_is_refused_where_no_sigstore_is_trusted(
    vectors: Path, trust: Trust
) -> None:
    bundle = (vectors / OMS / "valid" / "sigstore.bundle.json").read_bytes()
    opened = open_bundle(bundle, trust, Leniency(), NOW)
    assert [one.code for one in opened.findings] == ["SIGSTORE-UNTRUSTED"]
    assert opened.manifest is not None
