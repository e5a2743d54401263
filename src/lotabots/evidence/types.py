"""What a device sends (Evidence), what is proven from it (Claims), and why not (Finding)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from lotabots.models import FileEntry, TensorEntry

Fact: TypeAlias = "str | int | bool | list[Fact] | dict[str, Fact] | None"
Facts: TypeAlias = "dict[str, Fact]"


class Cause(StrEnum):
    """Whose fault a finding is: it decides whether the verdict is `rejected` or `inconclusive`."""

    MALICIOUS = "malicious"
    """Malformed or false evidence: only tampering or a broken device makes it. Rejected."""
    MISCONFIGURED = "misconfigured"
    """Genuine evidence of a state that is not allowed. Rejected."""
    COLLATERAL = "collateral"
    """Something needed to judge is missing, stale or expired. Inconclusive."""
    UNSUPPORTED = "unsupported"
    """A format or version this verifier does not know. Rejected: unknown is never a pass."""
    WARNING = "warning"
    """Genuine, and weaker than it could be: the tier is 32 at best, and the token says why."""


class Level(StrEnum):
    """How strongly hardware is known (DESIGN section 7); the levels are never mixed."""

    NONE = "none"
    CLAIMED = "claimed"
    CHALLENGED = "challenged"
    ATTESTED = "attested"
    BOUND = "bound"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One coded reason inside a verdict: what was expected, what was measured, what to do."""

    code: str
    cause: Cause
    subject: str
    """The submodule it is about (`gpu0`, `switch1`, `node`)."""
    title: str
    expected: str
    measured: str
    fix: str
    retryable: bool = False
    rule: str = ""
    """The policy rule that failed; empty for what verification itself found."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes from one device, untrusted. Nothing in it is believed before `verify`."""

    scheme: str
    """The scheme that can read it, e.g. `nvidia_gpu`."""
    subject: str
    """Submodule name: kind and place in the node's inventory (`gpu0`, `switch3`)."""
    data: bytes
    certificates: bytes
    """PEM, leaf first, as the device gave it."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Facts verified from one device's evidence, and every finding on the way.

    A fact that could not be verified is absent or has a value that says so; it is never a default.
    """

    subject: str
    kind: str
    """`gpu` or `switch`: the name under which a policy's rules see the facts."""
    level: Level
    simulated: bool
    """The trust anchor that verified the chain is a simulator's. Set by the verifier only."""
    facts: Facts
    findings: tuple[Finding, ...]


class NodeClaims(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of every device of one node, and the facts that only exist between devices."""

    devices: tuple[Claims, ...]
    facts: Facts
    """`topology`, `duplicates`, counts per kind: what policies see as `node`."""
    findings: tuple[Finding, ...]
    reference_digest: str = ""
    """Hex SHA-256 over the reference values that could be used; names do not count."""
    collateral_digest: str = ""
    """The same over what states revocation."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A root we trust: SHA-256 of its SubjectPublicKeyInfo (32 bytes) and its common name."""

    spki_sha256: bytes
    name: str
    simulated: bool = False


class Anchors(msgspec.Struct, frozen=True, kw_only=True):
    """The roots for device chains, for reference values (RIM) chains, and for TPMs."""

    device: tuple[Anchor, ...]
    rim: tuple[Anchor, ...]
    tpm: tuple[Anchor, ...] = ()
    """For endorsement keys (EK) of TPMs, beside those that reference files bring."""

    def plus(self, other: "Anchors") -> "Anchors":
        """Both sets together, in order."""
        return Anchors(
            device=self.device + other.device, rim=self.rim + other.rim, tpm=self.tpm + other.tpm
        )


class ReferenceFiles(msgspec.Struct, frozen=True):
    """Reference values and collateral as untrusted files, by name; a scheme says which it can use.

    The name is only for messages. What a file is follows from its content.
    """

    files: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> "ReferenceFiles":
        """The files sorted by name."""
        pairs = files.items() if isinstance(files, Mapping) else files
        return cls(tuple(sorted(pairs)))


class KnownModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model as our own registry knows it: no evidence, and no reference file that anyone sent."""

    digest: str
    """Hex of the strong root over its files: what it is called everywhere."""
    name: str
    version: str
    stages: tuple[str, ...]
    """The stages that have this version now, each after its approvals."""
    files: tuple[FileEntry, ...]
    tensors: tuple[TensorEntry, ...] = ()


class EnrolledTpm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TPM as its node enrolled it: what we recorded ourselves, no evidence.

    That attestation key and endorsement key are in one TPM was proven then, by activating a
    credential (TPM 2.0 Library, Part 1, section 24).
    """

    device_id: str
    """Lowercase hex SHA-256 of the endorsement key's SubjectPublicKeyInfo (DER)."""
    ek_certificates: bytes
    """PEM, the endorsement key's first; empty where the TPM has none."""
    ak_public: bytes
    """The attestation key as TPMT_PUBLIC."""


class TpmState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the newest quote of a node's TPM said: the next one goes on from there."""

    reset_count: int
    restart_count: int
    clock: int
    """Milliseconds."""
    ima_entries: int = 0
    """How many entries of the IMA log were replayed and judged since the last reset."""
    ima_pcr: str = ""
    """Hex of PCR 10 (SHA-256 bank) after that many entries; empty where there were none."""
    boot_pcrs: tuple[int, ...] = ()
    """The PCRs of the boot that the last full attestation, where it was accepted, judged good."""
    boot_digest: str = ""
    """Hex SHA-256 over their values, in that order; empty where there are none."""


class Revocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that an operator does not vouch for any more, and why."""

    kind: Literal["node", "quarantine", "device", "reference", "key", "driver"]
    value: str
    """A node's id, a device id, hex SHA-256 of a reference file, hex SHA-256 of a signing key's
    SubjectPublicKeyInfo, or a driver version."""
    reason: str
