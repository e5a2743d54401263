"""The verdict on a model: outcome, who signed, findings, and the bytes that a replay reproduces."""

from datetime import datetime
from typing import Literal

import msgspec

from lotabots.appraisal.controls import Status
from lotabots.appraisal.models.facts import Signer
from lotabots.appraisal.models.policy import Mode
from lotabots.appraisal.verdict import Appraiser, Outcome
from lotabots.kernel import canonical, format_time, sha256_hex, strict_struct
from lotabots.models import Severity

MAX_VERDICT_BYTES = 16 * 1024 * 1024


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finding inside a verdict, with what a reader needs to act on it."""

    code: str
    severity: Severity
    """As it counted: under `warn` what would reject is a warning."""
    path: str
    tensor: str
    title: str
    expected: str
    measured: str
    fix: str


class ControlStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one control came to, for the record; the whole of it is in the compliance report."""

    id: str
    status: Status


class ModelVerdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model held against one policy. Every digest is lowercase hex SHA-256."""

    format: Literal["lotabots/model-verdict/v1"] = "lotabots/model-verdict/v1"
    outcome: Outcome
    enforced: Outcome
    """What the outcome is, or would have been, under `enforce`."""
    mode: Mode | None
    """Of the rule that decided; None where no rule did."""
    name: str
    version: str
    root: str
    """The model's identity: the root over its files; empty where no signature verified."""
    tensor_root: str
    algorithm: str
    signers: tuple[Signer, ...]
    """Every verified signer that the rule allows, at the time of the verdict."""
    threshold: int
    """How many distinct ones the rule wants; 0 where no rule decided."""
    strong: bool
    """An allowed signer signed the statement that binds names, sizes and the root."""
    cached: bool
    ignored: tuple[str, ...]
    findings: tuple[Reason, ...]
    """Worst first; equals in the order in which they were found."""
    controls: tuple[ControlStatus, ...]
    catalogue_digest: str
    """Of the catalogue that the controls are from; empty where none was evaluated."""
    rule: str
    """The pattern of the rule that decided."""
    policy_id: str
    previous_version: str
    """The version that was accepted before; empty where there was none."""
    evaluated_at: datetime
    appraiser: Appraiser

    def canonical(self) -> bytes:
        """The RFC 8785 bytes of this verdict: the same inputs give the same bytes, anywhere."""
        plain = msgspec.to_builtins(self, builtin_types=(datetime,))
        plain["evaluated_at"] = format_time(self.evaluated_at)
        return canonical(plain)

    @property
    def digest(self) -> str:
        """Lowercase hex SHA-256 of `canonical()`."""
        return sha256_hex(self.canonical())

    def first_reason(self) -> Reason | None:
        """The finding to show when there is room for one; None where nothing was found."""
        return self.findings[0] if self.findings else None

    @classmethod
    def read(cls, data: bytes) -> "ModelVerdict":
        """The verdict that `canonical()` wrote. Raises LotaError (JSON_*)."""
        return strict_struct(data, cls, max_bytes=MAX_VERDICT_BYTES)
