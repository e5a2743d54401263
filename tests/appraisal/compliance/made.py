"""A model of which everything is known and in order, for controls to look at."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from appraisal.models.made import ALICE, APPRAISER, NOW, ROOT, rule, scanned, signed

from lotabots.appraisal.compliance import (
    PACK_TEXTS,
    Ancestor,
    Behaviour,
    Card,
    Catalogue,
    ComplianceReport,
    Declarations,
    Evidence,
    Hardware,
    Provenance,
    Sample,
    Waiver,
    evaluate,
    load_catalogue,
)
from lotabots.appraisal.models import Previous, ScannedFile, load_model_policy
from lotabots.models import TensorEntry

BASE = "b" * 64
METADATA: dict[str, Any] = {
    "license": "apache-2.0",
    "base_model": "acme/llama-base",
    "parameters": "1.0K",
    "dtype": "bfloat16",
    "context_length": 4096,
    "pipeline_tag": "text-generation",
    "release_date": "2026-05-01",
    "distribution": "https://models.acme.example",
    "training_compute_flop": "3.1e24",
    "training_energy_kwh": "120_000",
    "datasets": [{"id": "acme/words", "revision": "1f" * 20, "license": "CC-BY-4.0"}],
    "model-index": [
        {
            "name": "x",
            "results": [
                {
                    "dataset": {"type": "acme/exam", "revision": "2e" * 20},
                    "metrics": [{"type": "accuracy", "value": "0.71"}],
                }
            ],
        }
    ],
}
SECTIONS = {
    "intended use": "Answering questions about pumps.",
    "out-of-scope use": "Medical advice.",
    "training data": "Manuals.",
    "curation": "By hand.",
    "personal data": "None.",
}
CARD = Card(metadata=METADATA, sections=SECTIONS)
TENSORS = (
    TensorEntry(
        name="a", dtype="BF16", shape=(30, 30), path="model.safetensors", begin=0, end=1800
    ),
    TensorEntry(name="b", dtype="BF16", shape=(100,), path="model.safetensors", begin=0, end=200),
)
OWN_SUPPLY = PACK_TEXTS["supply-chain"].replace("pack: supply-chain", "pack: our-supply-chain")
OWN_SUPPLY = OWN_SUPPLY.replace("builders: []", "builders: [https://build.acme.example]")


def catalogue() -> Catalogue:
    """All 26 controls; those of the supply chain with a builder of our own."""
    return load_catalogue(
        ["core", "eu-ai-act-xi", "systemic-risk", "operation"], [OWN_SUPPLY.encode()]
    )


def evidence(**changes: Any) -> Evidence:
    plain: dict[str, Any] = {
        "name": "acme/llama-8b",
        "version": "1.4.0",
        "root": ROOT,
        "now": NOW,
        "signed": signed(ALICE, derived_from=(BASE,)),
        "scanned": scanned(),
        "rule": load_model_policy(rule().encode()).rules[0],
        "previous": Previous(version="1.3.0", root=BASE),
        "tensors": TENSORS,
        "sample": Sample(tensors=2, skipped=0, bad=()),
        "facts": {
            "architecture": "llama",
            "context_length": 4096,
            "templates": 1,
            "derived": "quantised",
            "licence_files": 1,
        },
        "card": CARD,
        "provenance": Provenance(builder="https://build.acme.example", materials=("1f" * 20,)),
        "declarations": Declarations(
            signer="export@acme.example", classification="5D992", destinations=("DE", "FR")
        ),
        "behaviour": Behaviour(
            root=ROOT, outcome="accepted", e_value_millionths=400_000, at=NOW - timedelta(days=2)
        ),
        "hardware": Hardware(
            node="n1", outcome="accepted", simulated=False, at=NOW - timedelta(hours=1), region="DE"
        ),
        "ancestors": (
            Ancestor(name="acme/llama-base", licence="Apache-2.0", root=BASE, approved=True),
        ),
    }
    return Evidence(**(plain | changes))


def card(**changes: Any) -> Card:
    """The card with other front matter; None takes an entry away."""
    metadata = {key: value for key, value in (METADATA | changes).items() if value is not None}
    return Card(metadata=metadata, sections=SECTIONS)


def sections(**changes: str) -> Card:
    return msgspec.structs.replace(CARD, sections=changes)


def report(
    waivers: tuple[Waiver, ...] = (), cat: Catalogue | None = None, **changes: Any
) -> ComplianceReport:
    return evaluate(
        cat or catalogue(),
        evidence(**changes),
        waivers=waivers,
        policy_id="urn:lotabots:model-policy:models@sha256:0",
        appraiser=APPRAISER,
    )


def file(path: str, form: str = "text") -> ScannedFile:
    return ScannedFile(path=path, format=form, size=1)


def waiver(control: str, until: datetime = NOW, model: str = ROOT) -> Waiver:
    return Waiver(
        control=control,
        model=model,
        by="legal@acme.example",
        until=until,
        reason="It is being mended.",
        approval="sha256:0",
    )
