"""The page about policies: its examples load, its refusals are true, its tables are whole."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from lotabots.appraisal import POLICY_TEXTS, load_policy
from lotabots.appraisal.models import Mode, load_model_policy, written
from lotabots.appraisal.policy import Parameters, Requirement
from lotabots.appraisal.rule import Accepted, Rule
from lotabots.evidence import Facts
from lotabots.evidence.schemes import SCHEMES
from lotabots.kernel import LotaError

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policies.md").read_text()
EXAMPLE, BORNE, GOOD, MODELS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
REFUSED = re.findall(r"^(\S.*)\n    (POLICY_[A-Z_]+): (.*)$", PAGE, re.MULTILINE)
MINIMAL = """
name: t
require:
  gpu: {{min: 1}}
rules:
  - id: r
    evidence: gpu
    claim: hardware
    when: {when}
    tier: 96
    severity: low
    title: t
    why: w
    fix: f
"""

HOLDERS = {"chain", "rim", "topology", "measurements", "revocation", "versions"}
HOLDERS |= {"ak", "manifest", "quote", "boot", "reference", "event_log", "ima", "roots"}
"""Facts that only hold others; the tables name what they hold."""


def names(facts: Facts) -> Iterator[str]:
    """Every name in a tree of facts; a PCR's number is none."""
    for name, value in facts.items():
        if not name.isdecimal():
            yield name
        if isinstance(value, dict):
            yield from names(value)


def test_the_example_loads_under_the_id_that_the_page_shows() -> None:
    policy = load_policy(EXAMPLE.encode())
    assert PAGE.count(policy.id) >= 4
    assert all(f"\n{rule.id} " in PAGE for rule in policy.rules)


def test_a_weak_binding_is_borne_by_a_rule_that_loads_with_a_policy() -> None:
    policy = load_policy(f"{POLICY_TEXTS['default']}{BORNE}".encode())
    assert policy.rules[-1].accepted is not None


def test_the_overrides_of_the_good_example_load_with_a_policy() -> None:
    load_policy(f"{POLICY_TEXTS['default']}{GOOD}".encode())


@pytest.mark.parametrize(("when", "code", "said"), REFUSED, ids=[code for _, code, _ in REFUSED])
def test_a_refusal_on_the_page_is_what_the_program_says(when: str, code: str, said: str) -> None:
    with pytest.raises(LotaError) as refused:
        load_policy(MINIMAL.format(when=msgspec.json.encode(when).decode()).encode())
    assert (refused.value.code, refused.value.detail) == (code, said)


def test_the_page_shows_some_refusals() -> None:
    assert len(REFUSED) == 5


@pytest.mark.parametrize("kind", ["gpu", "switch", "tpm", "node"])
def test_every_fact_that_a_rule_can_name_is_in_the_tables(kind: str) -> None:
    facts: Mapping[str, Facts] = {
        kind: facts for scheme in SCHEMES for kind, facts in scheme.good_facts.items()
    }
    missing = {name for name in names(facts[kind]) if not re.search(rf"`[\w.]*\b{name}`", PAGE)}
    assert missing <= HOLDERS


@pytest.mark.parametrize("shape", [Requirement, Parameters, Rule, Accepted])
def test_every_field_of_a_policy_is_in_the_tables(shape: type[msgspec.Struct]) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(shape)}
    assert {name for name in fields if f"`{name}`" not in PAGE} == set()


def test_the_trust_policy_for_models_loads_and_has_all_modes() -> None:
    assert {rule.mode for rule in load_model_policy(MODELS.encode()).rules} == set(Mode)


@pytest.mark.parametrize(
    ("patterns", "decides"),
    re.findall(r"^\| (`[^|]*/[^|]*) \| (`[^`]*`|nobody)", PAGE, re.MULTILINE),
)
def test_the_rule_that_the_page_names_decides(patterns: str, decides: str) -> None:
    rules = "".join(
        f"  - {{match: '{one}', mode: 'off'}}\n" for one in re.findall(r"`([^`]+)`", patterns)
    )
    chosen = load_model_policy(f"name: t\nrules:\n{rules}".encode()).choose("acme/llama-8b").rule
    assert (f"`{chosen.pattern.text}`" if chosen else "nobody") == decides


@pytest.mark.parametrize(
    "shape", [written.Rule, written.Signer, written.Certificate, written.Sigstore, written.Pinned]
)
def test_every_field_of_a_trust_policy_is_in_the_tables(shape: type[msgspec.Struct]) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(shape)}
    missing = {name for name in fields if not re.search(rf"[`{{]{name}[`:]", PAGE)}
    assert missing == set()
