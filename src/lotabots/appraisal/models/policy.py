"""A trust policy for models: rules by name, default deny, named by the digest of its content.

name: models
rules:
  - match: acme/llama-*          # the most specific rule that matches decides, alone
    mode: enforce                # enforce, warn, off
    signers:
      - key: 4f1c...             # its SHA-256, or the PEM of the key
        until: "2028-01-01T00:00:00Z"
      - certificate: {root: 9a0b..., subject: "CN=Release,O=Acme"}
      - sigstore: {identity: release@acme.example, issuer: "https://accounts.acme.example"}
    threshold: 2                 # of distinct signers
    formats: [safetensors, json, text]
    require: [strong_manifest, tensor_root]
    min_version: 1.4.0
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from lotabots.appraisal.models.patterns import Pattern, check_name, read_pattern
from lotabots.appraisal.models.trusted import TrustedSigner, read_signer
from lotabots.appraisal.models.versions import order_of
from lotabots.appraisal.models.written import Document, Pinned, Rule
from lotabots.kernel import LotaError, canonical, invalid, parse_duration, parse_time, sha256_hex
from lotabots.kernel.yaml_text import Reading, read_yaml

POLICY = Reading("model trust policy", "MODEL_POLICY_MALFORMED", "MODEL_POLICY_TOO_LARGE")


class Mode(StrEnum):
    """What a rule does with what it finds."""

    ENFORCE = "enforce"
    WARN = "warn"
    """What would be rejected is accepted, with warnings; the verdict says what `enforce` says."""
    OFF = "off"
    """Nothing is judged; the verdict is `inconclusive`, which is no pass."""


class ModelRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as loaded. What a field means stands in docs/policies.md."""

    pattern: Pattern
    mode: Mode
    signers: tuple[TrustedSigner, ...]
    threshold: int
    formats: frozenset[str]
    hash: frozenset[str]
    strong_manifest: bool
    tensor_root: bool
    allow_ignore: frozenset[str]
    pinned_code: frozenset[str]
    """Hex SHA-256 of the files with code that may come along; empty where none may."""
    min_version: str
    """Empty where any version will do."""
    max_age: timedelta | None
    expires: datetime | None
    controls: tuple[str, ...]
    templates: frozenset[str]
    """Hex SHA-256 of the chat templates that were approved."""


class Choice(msgspec.Struct, frozen=True):
    """Which rule decides about a model: the rule, or the code of why there is none."""

    rule: ModelRule | None
    code: Literal["", "MODEL-NO-RULE", "MODEL-RULE-TIE"] = ""
    patterns: tuple[str, ...] = ()
    """Of the rules that matched with the greatest specificity."""


class ModelPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded policy. Only `load_model_policy` makes one."""

    id: str
    """`urn:lotabots:model-policy:<name>@sha256:<hex of document>`."""
    name: str
    description: str
    rules: tuple[ModelRule, ...]
    document: bytes
    """The policy as RFC 8785 JSON: what the id is the digest of, and what loads to the same."""

    def choose(self, name: str) -> Choice:
        """The rule that decides about the model of this name. Raises MODEL_NAME_MALFORMED."""
        check_name(name)
        matching = [rule for rule in self.rules if rule.pattern.matches(name)]
        if not matching:
            return Choice(None, "MODEL-NO-RULE")
        most = max(rule.pattern.specificity for rule in matching)
        best = [rule for rule in matching if rule.pattern.specificity == most]
        patterns = tuple(rule.pattern.text for rule in best)
        if len(best) > 1:
            return Choice(None, "MODEL-RULE-TIE", patterns)
        return Choice(best[0], patterns=patterns)


def load_model_policy(data: bytes) -> ModelPolicy:
    """The policy that these bytes (YAML or JSON) write.

    Raises LotaError: MODEL_POLICY_MALFORMED, MODEL_POLICY_TOO_LARGE, MODEL_POLICY_FAILS_OPEN, and
    the kernel's JSON_*, TIME_* and DURATION_* codes.
    """
    plain = read_yaml(data, POLICY)
    try:
        document = msgspec.convert(plain, Document)
    except msgspec.ValidationError as error:
        detail = f"This model trust policy has another shape: {error}."
        raise invalid("MODEL_POLICY_MALFORMED", detail) from error
    patterns = [rule.match for rule in document.rules]
    twice = sorted({pattern for pattern in patterns if patterns.count(pattern) > 1})
    if twice:
        raise invalid("MODEL_POLICY_MALFORMED", f"Two rules have the pattern `{twice[0]}`.")
    encoded = canonical(plain)
    return ModelPolicy(
        id=f"urn:lotabots:model-policy:{document.name}@sha256:{sha256_hex(encoded)}",
        name=document.name,
        description=document.description,
        rules=tuple(_load_rule(rule) for rule in document.rules),
        document=encoded,
    )


def _load_rule(rule: Rule) -> ModelRule:
    try:
        loaded = _loaded(rule)
        _prove(loaded)
    except LotaError as error:
        raise invalid(error.code, f"Rule {rule.match}: {error.detail}", rule=rule.match) from error
    return loaded


def _loaded(rule: Rule) -> ModelRule:
    signers = tuple(read_signer(signer) for signer in rule.signers)
    return ModelRule(
        pattern=read_pattern(rule.match),
        mode=Mode(rule.mode),
        signers=signers,
        threshold=rule.threshold,
        formats=frozenset(rule.formats),
        hash=frozenset(rule.hash),
        strong_manifest="strong_manifest" in rule.require,
        tensor_root="tensor_root" in rule.require,
        allow_ignore=frozenset(rule.allow_ignore),
        pinned_code=frozenset(
            rule.remote_code.pinned if isinstance(rule.remote_code, Pinned) else ()
        ),
        min_version=rule.min_version,
        max_age=None if rule.max_age is None else parse_duration(rule.max_age),
        expires=None if rule.expires is None else parse_time(rule.expires),
        controls=rule.controls,
        templates=frozenset(rule.templates),
    )


def _prove(rule: ModelRule) -> None:
    """Refuses a rule that could accept what nobody vouches for."""
    who = [signer.trusted for signer in rule.signers]
    if len(set(who)) != len(who):
        raise invalid("MODEL_POLICY_MALFORMED", "one signer stands there twice.")
    if rule.min_version and order_of(rule.min_version) is None:
        raise invalid("MODEL_POLICY_MALFORMED", "`min_version` is not numbers joined by dots.")
    if rule.mode is Mode.OFF:
        return
    if rule.mode is Mode.ENFORCE and not rule.signers:
        detail = "it enforces and names no signers, so anybody's model, or nobody's, would do."
        raise invalid("MODEL_POLICY_FAILS_OPEN", detail)
    if rule.signers and rule.threshold > len(rule.signers):
        detail = f"{rule.threshold} of {len(rule.signers)} signers can never have signed."
        raise invalid("MODEL_POLICY_MALFORMED", detail)
    if rule.min_version and not rule.strong_manifest:
        detail = (
            "it has a `min_version`, and only a strong manifest signs a version: put "
            "`strong_manifest` under `require`."
        )
        raise invalid("MODEL_POLICY_FAILS_OPEN", detail)
