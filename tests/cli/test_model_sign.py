"""`lotabots model sign` and `verify` on folders: what is said, and with which exit code."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from models.signing.material import Authority, key_pem

from lotabots.models import load_signing_key

Run = Callable[..., Any]
HOUR = "2026-11-25T12:00:00Z"


def safetensors(*values: bytes) -> bytes:
    """One tensor of bytes for each value."""
    header, at = {}, 0
    for number, value in enumerate(values):
        place = [at, at + len(value)]
        header[f"layer.{number}"] = {"dtype": "U8", "shape": [len(value)], "data_offsets": place}
        at += len(value)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(values)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests are remembered in a home of this test's own."""
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(safetensors(b"first", b"second"))
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (folder / "README.md").write_text("# A model\n")
    return folder


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    private.write_bytes(key_pem(ec.SECP384R1()))
    public.write_bytes(load_signing_key(private.read_bytes()).public.pem)
    return private, public


def sign(lotabots: Run, model: Path, keys: tuple[Path, Path], *more: object) -> Any:
    ran = lotabots("model", "sign", model, "--key", keys[0], "--name", "acme/tiny", *more)
    assert ran.status == 0, ran.err
    return ran


def verify(lotabots: Run, model: Path, keys: tuple[Path, Path], *more: object) -> Any:
    return lotabots(
        "model", "verify", model, "--bundle", model / "model.sig", "--key", keys[1], *more
    )


def found(ran: Any) -> set[tuple[str, str]]:
    return {(one["code"], one["path"]) for one in json.loads(ran.out)["findings"]}


@pytest.mark.parametrize("algorithm", ["sha256", "blake3", "blake2b"])
def test_a_model_that_was_signed_is_accepted(
    lotabots: Run, model: Path, keys: tuple[Path, Path], algorithm: str
) -> None:
    signed = json.loads(sign(lotabots, model, keys, "--hash", algorithm, "-o", "json").out)
    ran = verify(lotabots, model, keys, "-o", "json")
    assert ran.status == 0, ran.out
    told = json.loads(ran.out)
    assert told["verdict"] == "accepted"
    assert told["findings"] == []
    assert told["model"]["identity"] == signed["identity"]
    assert told["model"]["algorithm"] == algorithm
    assert all(one["holds"] for one in told["guarantees"])
    assert verify(lotabots, model, keys, "--against", signed["identity"]).status == 0
    assert verify(lotabots, model, keys, "--against", "ab" * 32).status == 1


def test_the_tensor_that_changed_is_named(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    sign(lotabots, model, keys)
    (model / "model.safetensors").write_bytes(safetensors(b"first", b"sEcond"))
    ran = verify(lotabots, model, keys)
    assert ran.status == 1
    assert "TENSOR-CHANGED" in ran.out
    assert "tensor layer.1" in ran.out
    assert "layer.0" not in ran.out


def test_without_the_strong_statement_what_is_missing_is_said(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    sign(lotabots, model, keys, "--no-strong")
    ran = verify(lotabots, model, keys, "-o", "json")
    assert ran.status == 0
    assert found(ran) == {("STRONG-MISSING", "")}
    guarantees = json.loads(ran.out)["guarantees"]
    lacking = {one["what"] for one in guarantees if not one["holds"]}
    assert lacking == {"identity", "tensors", "age"}


def test_an_older_signature_is_refused_where_a_newer_is_known(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    sign(lotabots, model, keys, "--counter", 4)
    assert verify(lotabots, model, keys, "--counter", 4).status == 0
    ran = verify(lotabots, model, keys, "--counter", 5, "-o", "json")
    assert ran.status == 1
    assert ("STRONG-ROLLBACK", "") in found(ran)


def test_a_signature_that_has_ended_is_refused(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    sign(lotabots, model, keys, "--not-after", HOUR)
    assert verify(lotabots, model, keys, "--at", HOUR).status == 0
    ran = verify(lotabots, model, keys, "--at", "2026-11-25T12:00:01Z", "-o", "json")
    assert ran.status == 1
    assert ("STRONG-EXPIRED", "") in found(ran)


def test_an_unsigned_text_is_refused_until_it_is_ignored_and_code_always(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    sign(lotabots, model, keys)
    (model / "NOTES").write_text("hello")
    assert verify(lotabots, model, keys).status == 1
    ran = verify(lotabots, model, keys, "--ignore", "NOTES", "-o", "json")
    assert ran.status == 0
    assert found(ran) == {("FILE-IGNORED", "NOTES")}
    (model / "modeling.py").write_text("print()")
    ran = verify(
        lotabots, model, keys, "--ignore", "NOTES", "--ignore", "modeling.py", "-o", "json"
    )
    assert ran.status == 1
    assert ("FILE-IGNORED-READ", "modeling.py") in found(ran)


def test_a_model_of_one_file_is_signed_beside_it_with_its_name(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    file = model / "model.safetensors"
    sign(lotabots, file, keys)
    given = ("--bundle", f"{file}.sig", "--key", keys[1])
    assert lotabots("model", "verify", file, *given).status == 0
    renamed = file.rename(model / "other.safetensors")
    ran = lotabots("model", "verify", renamed, *given, "-o", "json")
    assert ran.status == 1
    assert ("FILE-RENAMED", "model.safetensors") in found(ran)


def test_a_certificate_chain_is_accepted_under_its_root(
    lotabots: Run, model: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    root = Authority()
    leaf = root.leaf(load_signing_key(keys[0].read_bytes()))
    (tmp_path / "chain.pem").write_bytes(leaf.parsed.public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_bytes(root.pem)
    sign(lotabots, model, keys, "--cert-chain", tmp_path / "chain.pem")
    given = ("model", "verify", model, "--bundle", model / "model.sig", "--at", HOUR)
    assert lotabots(*given, "--root", tmp_path / "root.pem").status == 0
    assert lotabots(*given, "--key", keys[1]).status == 1


def test_a_model_is_judged_by_a_policy(
    lotabots: Run, model: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    pem = "".join(f"          {line}\n" for line in keys[1].read_text().splitlines())
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "name: test\nrules:\n  - match: acme/*\n    mode: enforce\n    signers:\n      - key: |\n"
        + pem
    )
    sign(lotabots, model, keys)
    given = ("model", "verify", model, "--bundle", model / "model.sig", "--policy", policy)
    ran = lotabots(*given, "-o", "json")
    told = json.loads(ran.out)
    assert told["policy"]["rule"] == "acme/*"
    assert told["policy"]["signers"], told
    assert ran.status == {"accepted": 0, "rejected": 1, "inconclusive": 3}[told["verdict"]]
    other = json.loads(lotabots(*given, "--name", "other/model", "-o", "json").out)
    assert other["verdict"] == "rejected"


def test_the_controls_that_a_policy_asks_for_are_evaluated(
    lotabots: Run, model: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    policy = tmp_path / "policy.json"
    rule = {"match": "acme/*", "mode": "enforce", "signers": [{"key": keys[1].read_text()}]}
    policy.write_text(json.dumps({"name": "test", "rules": [rule | {"controls": ["core"]}]}))
    sign(lotabots, model, keys)
    given = ("model", "verify", model, "--bundle", model / "model.sig", "--policy", policy)
    judged = json.loads(lotabots(*given, "-o", "json").out)["policy"]
    statuses = {one["id"]: one["status"] for one in judged["controls"]}
    assert statuses["LB-INT-01"] == "pass"
    assert "CONTROL-NOT-EVALUATED" not in {one["code"] for one in judged["findings"]}


def test_what_loaders_read_cannot_be_left_out_of_a_signature(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    ran = lotabots("model", "sign", model, "--key", keys[0], "--ignore", "config.json")
    assert ran.status == 4
    assert "MODEL_IGNORE" in ran.err
    assert not (model / "model.sig").exists()


def test_a_link_in_a_model_is_not_signed(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    (model / "more.bin").symlink_to("model.safetensors")
    ran = lotabots("model", "sign", model, "--key", keys[0])
    assert ran.status == 4
    assert "MODEL_IGNORE" in ran.err


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("--trusted-root", "x"),
        ("--identity", "a@example.com"),
    ],
)
def test_whom_to_trust_must_be_said(lotabots: Run, model: Path, given: tuple[str, ...]) -> None:
    ran = lotabots("model", "verify", model, "--bundle", model / "config.json", *given)
    assert ran.status == 2


def test_a_bundle_that_is_none_is_rejected_and_one_that_is_absent_is_a_failure(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    (model / "model.sig").write_bytes(b"no bundle")
    assert verify(lotabots, model, keys).status == 1
    (model / "model.sig").unlink()
    assert verify(lotabots, model, keys).status == 4


def test_a_name_made_for_terminals_is_told_without_its_control_characters(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    sign(lotabots, model, keys)
    (model / "\x1b[2Jx").write_text("hello")
    ran = verify(lotabots, model, keys)
    assert ran.status == 1
    assert "\x1b[2J" not in ran.out


def test_a_verdict_on_remembered_digests_says_so(
    lotabots: Run,
    model: Path,
    keys: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lotabots.models.cache.RACY_NS", 0)  # else the files are too young
    sign(lotabots, model, keys)
    told = [json.loads(verify(lotabots, model, keys, "-o", "json").out) for _ in range(2)]
    assert [one["model"]["cached"] for one in told] == [False, True]
    assert told[0]["findings"] == told[1]["findings"] == []
    assert "cached" in verify(lotabots, model, keys).out
    assert "cached" not in verify(lotabots, model, keys, "--no-cache").out


def test_a_bundle_larger_than_any_is_rejected_and_not_read(
    lotabots: Run, model: Path, keys: tuple[Path, Path]
) -> None:
    with (model / "model.sig").open("wb") as file:
        file.truncate(200_000_000)
    ran = verify(lotabots, model, keys, "-o", "json")
    assert ran.status == 1
    assert found(ran) == {("BUNDLE-JSON", "")}
