"""A policy: rules over claims, proven fail-closed when loaded, named by the digest of its content.

name: default
require: {gpu: {min: 1}}
parameters:
  {max_revocation_age: 30d, allow_simulated: false, require_receipt: false, light: 60s, full: 5m,
  stale_after: 2, reject_after: 5}
rules:
  - id: gpu-signature
    evidence: gpu              # whose facts `when` sees, under this name
    claim: instance-identity   # the AR4SI name that this rule speaks for
    when: gpu.signature == "valid"
    tier: 96                   # what is left when it is false: 96, 32 (with `accepted`), or 0
    severity: critical
    title: The report is signed by this device
    why: ...
    fix: ...
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated

import msgspec

from lotabots.appraisal.cadence import Cadence
from lotabots.appraisal.cel import compile_condition
from lotabots.appraisal.document import read_document
from lotabots.appraisal.fixture import GOOD, NODE, with_overrides
from lotabots.appraisal.proofs import prove
from lotabots.appraisal.rule import LoadedRule, Name, Rule
from lotabots.kernel import (
    LotaError,
    canonical,
    format_duration,
    invalid,
    parse_duration,
    parse_time,
    sha256_hex,
)

MAX_RULES = 128


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many devices of a kind must send evidence."""

    min: Annotated[int, msgspec.Meta(ge=1, le=256)]


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What verification and appraisal take from the policy, beside its rules."""

    max_revocation_age: str = "30d"
    """How old an answer about revocation may be."""
    allow_simulated: bool = False
    """Whether hardware under a simulator's root may be accepted."""
    require_receipt: bool = False
    """Whether a result is of use only with the receipt that its appraisal stands in the log."""
    light: str = "60s"
    """How often a node with an agent proves itself."""
    full: str = "5m"
    """How often with all of its devices."""
    stale_after: int = 2
    """So many silent intervals, and the node is stale."""
    reject_after: int = 5
    """So many silent intervals, and the node is rejected."""

    def cadence(self) -> Cadence:
        """The intervals. Raises `POLICY_MALFORMED` and `DURATION_*`."""
        return Cadence(
            light=parse_duration(self.light),
            full=parse_duration(self.full),
            stale_after=self.stale_after,
            reject_after=self.reject_after,
        )


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy as written."""

    name: Name
    description: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    require: Annotated[dict[str, Requirement], msgspec.Meta(min_length=1)]
    parameters: Parameters = Parameters()
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(min_length=1, max_length=MAX_RULES)]
    good: dict[str, dict[str, object]] = {}


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded policy: every condition compiled, every proof done. Safe to share between threads.

    Only `load_policy` makes one.
    """

    id: str
    """`urn:lotabots:policy:<name>@sha256:<hex of document>`."""
    name: str
    description: str
    require: Mapping[str, Requirement]
    max_revocation_age: timedelta
    allow_simulated: bool
    require_receipt: bool
    cadence: Cadence
    rules: tuple[Rule, ...]
    by_kind: Mapping[str, tuple[LoadedRule, ...]]
    """The compiled rules by the kind of evidence that they are about, in the policy's order."""
    document: bytes
    """The policy as RFC 8785 JSON: what the id is the digest of, and what loads to the same."""

    def with_max_revocation_age(self, age: timedelta) -> "Policy":
        """The same policy with another age, and so another id: a verdict names what it used."""
        plain = msgspec.json.decode(self.document, type=dict[str, object])
        parameters = msgspec.convert(plain.get("parameters", {}), dict[str, object])
        text = format_duration(age)
        document = canonical(plain | {"parameters": parameters | {"max_revocation_age": text}})
        return msgspec.structs.replace(
            self,
            id=_policy_id(self.name, document),
            max_revocation_age=age,
            document=document,
        )


def load_policy(data: bytes) -> Policy:
    """The policy that these bytes (YAML or JSON) write.

    Raises LotaError: POLICY_MALFORMED, POLICY_TOO_LARGE, POLICY_CONDITION_REFUSED,
    POLICY_RULE_MISSING, POLICY_REJECTS_GOOD, POLICY_FAILS_OPEN, and the kernel's JSON_*, TIME_*
    and DURATION_* codes.
    """
    plain = read_document(data)
    try:
        document = msgspec.convert(plain, _Document)
    except msgspec.ValidationError as error:
        raise invalid("POLICY_MALFORMED", f"This policy has another shape: {error}.") from error
    _check_names(document)
    rules = tuple(_load_rule(rule) for rule in document.rules)
    # From JSON it came, so its values are facts; a float, the one exception, judges as missing.
    prove(rules, with_overrides(msgspec.to_builtins(document.good)))
    encoded = canonical(plain)
    return Policy(
        id=_policy_id(document.name, encoded),
        name=document.name,
        description=document.description,
        require=MappingProxyType(document.require),
        max_revocation_age=parse_duration(document.parameters.max_revocation_age),
        allow_simulated=document.parameters.allow_simulated,
        require_receipt=document.parameters.require_receipt,
        cadence=document.parameters.cadence(),
        rules=document.rules,
        by_kind=MappingProxyType(
            {kind: tuple(rule for rule in rules if rule.rule.evidence == kind) for kind in GOOD}
        ),
        document=encoded,
    )


def _policy_id(name: str, document: bytes) -> str:
    return f"urn:lotabots:policy:{name}@sha256:{sha256_hex(document)}"


def _check_names(document: _Document) -> None:
    kinds = {rule.evidence for rule in document.rules}
    for kind in kinds | set(document.require) | set(document.good):
        if kind not in GOOD:
            known = ", ".join(GOOD)
            raise invalid("POLICY_MALFORMED", f"`{kind}` is no kind of evidence; known: {known}.")
    for kind in document.require:
        if kind == NODE:
            raise invalid("POLICY_MALFORMED", "`node` is not sent, so it cannot be required.")
        if kind not in kinds:
            raise invalid("POLICY_RULE_MISSING", f"It requires `{kind}` and has no rule about it.")
    if len({rule.id for rule in document.rules}) != len(document.rules):
        raise invalid("POLICY_MALFORMED", "Two rules have the same id.")


def _load_rule(rule: Rule) -> LoadedRule:
    if (rule.tier == 32) != (rule.accepted is not None):
        raise invalid(
            "POLICY_MALFORMED",
            f"Rule {rule.id}: tier 32 needs `accepted` with owner, until and reason, and no other "
            "tier may have it.",
            rule=rule.id,
        )
    if rule.accepted is not None:
        parse_time(rule.accepted.until)
    try:
        return LoadedRule(rule, compile_condition(rule.when, rule.evidence))
    except LotaError as error:
        raise invalid(error.code, f"Rule {rule.id}: {error.detail}", rule=rule.id) from error
