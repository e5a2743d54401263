"""`lotabots model comply` and `bom`: a folder, signed with real keys, held against controls."""

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.kernel import format_time
from lotabots.models import (
    Algorithm,
    ModelSigningKey,
    StrongManifest,
    manifest_of,
    sign_manifest,
    sign_strong,
)
from lotabots.models.read import hash_tree, open_folder
from lotabots.models.scan import scan

Run = Callable[..., Any]
CARD = """---
license: mit
parameters: 16
dtype: float32
context_length: 128
pipeline_tag: text-generation
---
# Tiny
"""
NAME = ("--name", "acme/tiny", "--model-version", "1.0.0")


class Model(NamedTuple):
    folder: Path
    options: tuple[object, ...]
    """With bundle, key and policy."""
    waivers: Path
    """For the licence's text, which is not there."""


def write(folder: Path, number: float = 1.0) -> None:
    folder.mkdir(exist_ok=True)
    tensors = {"w": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}}
    header = json.dumps(tensors).encode()
    header += b" " * (-len(header) % 8)
    numbers = struct.pack("<16f", *[number] * 16)
    data = struct.pack("<Q", len(header)) + header + numbers
    (folder / "model.safetensors").write_bytes(data)
    config = {"architectures": ["TinyForCausalLM"], "max_position_embeddings": 128}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text(CARD)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    folder = tmp_path / "tiny"
    write(folder)
    key = ModelSigningKey(generate_private_key(SECP256R1()))
    now = datetime.now(UTC).replace(microsecond=0)
    with open_folder(folder) as tree:
        hashed = hash_tree(tree, tensors=scan(tree).tensors)
    manifest = manifest_of("tiny", hashed.files, Algorithm.SHA256)
    strong = StrongManifest(
        name="acme/tiny",
        version="1.0.0",
        counter=1,
        oms_root=manifest.root,
        algorithm=Algorithm.SHA256,
        files=hashed.files,
        signed_at=now - timedelta(minutes=1),
    ).with_tensors(hashed.tensors)
    (tmp_path / "model.sig").write_bytes(sign_manifest(manifest, key))
    (tmp_path / "strong.sig").write_bytes(sign_strong(strong, key))
    pem = key.public.pem.decode().replace("\n", "\n          ")
    (tmp_path / "policy.yaml").write_text(
        "name: t\nrules:\n  - match: acme/*\n    mode: enforce\n    signers:\n"
        f"      - key: |\n          {pem}\n    require: [strong_manifest, tensor_root]\n"
    )
    (tmp_path / "waivers.yaml").write_text(
        f'waivers:\n  - control: LB-LIC-02\n    model: "{strong.root.hex()}"\n    by: legal\n'
        f'    until: "{format_time(now + timedelta(days=1))}"\n    reason: On its way.\n'
    )
    options = (
        *("--bundle", tmp_path / "model.sig", "--strong", tmp_path / "strong.sig"),
        *("--policy", tmp_path / "policy.yaml"),
    )
    return Model(folder, options, tmp_path / "waivers.yaml")


def statuses(ran: Any) -> dict[str, str]:
    return {one["id"]: one["status"] for one in ran.json["controls"]["results"]}


def test_a_signed_model_passes_every_control_of_core(lotabots: Run, model: Model) -> None:
    waived = ("--waivers", model.waivers, "-o", "json")
    ran = lotabots("model", "comply", model.folder, *model.options, *waived)
    assert ran.status == 0, statuses(ran)
    assert statuses(ran)["LB-LIC-02"] == "waived"
    assert ran.json["name"] == "acme/tiny"
    assert ran.json["summary"]["unevaluated"] == ["LB-LIC-02"]


def test_what_could_not_be_judged_is_3(lotabots: Run, model: Model) -> None:
    ran = lotabots("model", "comply", model.folder, *model.options)
    assert ran.status == 3
    assert "not evaluated: LB-LIC-02" in ran.out
    assert lotabots("model", "comply", model.folder).status == 3


@pytest.mark.parametrize(
    ("change", "control"),
    [
        ("weights", "LB-INT-01"),
        ("not a number", "LB-SAF-05"),
        ("card", "LB-DOC-02"),
        ("code", "LB-SAF-03"),
    ],
)
def test_a_control_that_fails_is_1(lotabots: Run, model: Model, change: str, control: str) -> None:
    match change:
        case "weights":
            write(model.folder, 2.0)
        case "not a number":
            write(model.folder, float("nan"))
        case "card":
            (model.folder / "README.md").write_text(CARD.replace("16", "17"))
        case _:
            (model.folder / "modeling.py").write_text("import os\n")
    ran = lotabots("model", "comply", model.folder, *model.options, "-o", "json")
    assert (ran.status, statuses(ran)[control]) == (1, "fail")


def test_a_waiver_is_about_the_bytes_that_it_names(lotabots: Run, model: Model) -> None:
    write(model.folder, 2.0)
    ran = lotabots("model", "comply", model.folder, "--waivers", model.waivers, "-o", "json")
    assert statuses(ran)["LB-LIC-02"] == "unknown"


def test_bundles_in_the_models_own_folder_are_no_part_of_it(lotabots: Run, model: Model) -> None:
    options = list(model.options)
    for index in (1, 3):
        inside = model.folder / Path(str(options[index])).name
        inside.write_bytes(Path(str(options[index])).read_bytes())
        options[index] = inside
    ran = lotabots("model", "comply", model.folder, *options, "-o", "json")
    assert statuses(ran)["LB-INT-01"] == "pass"
    assert statuses(ran)["LB-INT-02"] == "pass"


@pytest.mark.parametrize(
    ("output", "begins"),
    [
        ("json", '{"appraiser"'),
        ("html", "<!doctype html>"),
        ("markdown", "# Controls on acme/tiny"),
        ("oscal", '{"assessment-results"'),
        ("vsa", '{"_type"'),
    ],
)
def test_a_report_is_written_in_every_form(
    lotabots: Run, model: Model, output: str, begins: str
) -> None:
    ran = lotabots("model", "comply", model.folder, *model.options, "-o", output)
    assert ran.status == 3
    assert ran.out.replace("\\", "").startswith(begins)
    assert ran.out.endswith("\n")


def test_packs_are_named_or_given_as_files(lotabots: Run, model: Model, tmp_path: Path) -> None:
    own = tmp_path / "house.yaml"
    own.write_text(
        "pack: house\nversion: 1\ntitle: Ours\ncontrols:\n"
        "  - {id: A-B, title: t, check: licence-allowed, severity: low, why: w, fix: f}\n"
    )
    ran = lotabots("model", "comply", model.folder, "--catalogue", own, "-o", "json")
    assert (ran.status, statuses(ran)) == (0, {"A-B": "pass"})
    both = ("--catalogue", own, "--catalogue", "systemic-risk")
    ran = lotabots("model", "comply", model.folder, *both, "-o", "json")
    assert len(statuses(ran)) == 22
    ran = lotabots("model", "comply", model.folder, "--catalogue", "hipaa")
    assert ran.status != 0
    assert "core, eu-ai-act-xi" in ran.err


def test_a_policy_needs_a_name_and_a_strong_bundle_the_other_one(
    lotabots: Run, model: Model
) -> None:
    assert lotabots("model", "comply", model.folder, *model.options[4:]).status == 2
    assert lotabots("model", "comply", model.folder, *model.options[2:4]).status == 2


def test_a_bundle_that_is_none_is_no_signature(lotabots: Run, model: Model) -> None:
    (model.folder.parent / "model.sig").write_bytes(b"{}")
    ran = lotabots("model", "comply", model.folder, *model.options, *NAME, "-o", "json")
    assert (ran.status, statuses(ran)["LB-INT-01"]) == (1, "fail")


def test_a_card_is_taken_from_elsewhere(lotabots: Run, model: Model, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text(CARD.replace("mit", "proprietary"))
    ran = lotabots("model", "comply", model.folder, "--card", card, "-o", "json")
    assert statuses(ran)["LB-LIC-01"] == "fail"


def test_the_bill_of_materials_is_valid(
    lotabots: Run, model: Model, cyclonedx_schemas: Path
) -> None:
    def read(uri: str) -> Any:
        name = uri.rsplit("/", 1)[-1].replace(".schema.json", "").replace(".SNAPSHOT", "")
        return json.loads((cyclonedx_schemas / f"{name}.SNAPSHOT.schema.json").read_bytes())

    ran = lotabots("model", "bom", model.folder, *model.options)
    assert ran.status == 0
    jsonschema_rs.Draft7Validator(read("bom-1.6"), retriever=read).validate(ran.json)
    assert {one["name"] for one in ran.json["components"]} == {
        *("README.md", "config.json", "model.safetensors"),
    }
