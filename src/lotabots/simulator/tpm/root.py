"""The evidence of a node's root of trust: a quote over the manifest of everything else it sends.

The format `lotabots/tpm/v1`, written here on its own: RFC 8785 JSON of quote and signature
(base64), PCR values (hex, by number), the manifest as one text, the event log (base64) and a part
of the list of measured files, or null in the place of either.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from lotabots.evidence import DerivedChallenge, Evidence, Leaf, manifest, root_nonce
from lotabots.kernel import canonical, sha256, sha256_hex
from lotabots.simulator.tpm.ima import list_of
from lotabots.simulator.tpm.simulated import PCRS, Quoted, SimulatedTpm

SCHEME = "tpm"
FORMAT = "lotabots/tpm/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """What goes with a quote so that its PCRs can be explained."""

    event_log: bool = True
    """Whether the firmware's event log is sent."""
    ima_from: int | None = 0
    """The first entry of the list of measured files that is sent; None sends no list."""


EVERYTHING = Logs()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a node lets its TPM quote, before it does."""

    tpm: SimulatedTpm
    manifest: bytes
    qualifying: bytes
    pcrs: tuple[int, ...] = PCRS

    @classmethod
    def of(cls, tpm: SimulatedTpm, challenge: DerivedChallenge, leaves: Sequence[Leaf]) -> "Draft":
        """What a good node quotes when it has collected these leaves."""
        text = manifest(challenge, (tpm.reset_count, tpm.restart_count), leaves)
        return cls(tpm=tpm, manifest=text, qualifying=qualifying(challenge, text))

    def root(self, logs: Logs) -> "Root":
        """The quote, and what goes with it."""
        tpm, start = self.tpm, logs.ima_from
        return Root(
            quoted=tpm.quote(self.qualifying, self.pcrs),
            pcrs={number: tpm.pcrs[number] for number in self.pcrs},
            manifest=self.manifest,
            event_log=tpm.boot.log if logs.event_log else None,
            ima=None if start is None else (start, list_of(tpm.entries[start:])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The parts of one piece of evidence."""

    quoted: Quoted
    pcrs: dict[int, bytes]
    manifest: bytes
    event_log: bytes | None
    ima: tuple[int, str] | None
    """The number of the first entry, and the lines from there on."""

    def encode(self) -> bytes:
        """The bytes that are sent."""
        ima = None if self.ima is None else {"from": self.ima[0], "log": self.ima[1]}
        log = self.event_log
        return canonical(
            {
                "format": FORMAT,
                "quote": b64encode(self.quoted.attest).decode(),
                "signature": b64encode(self.quoted.signature).decode(),
                "pcrs": {str(number): value.hex() for number, value in self.pcrs.items()},
                "manifest": self.manifest.decode(),
                "event_log": None if log is None else b64encode(log).decode(),
                "ima": ima,
            }
        )


def qualifying(challenge: DerivedChallenge, manifest_text: bytes) -> bytes:
    """What the root quote carries for this manifest (extraData)."""
    return root_nonce(challenge.seed(), sha256(manifest_text))


def leaf_of(evidence: Evidence) -> Leaf:
    """This piece of evidence as the manifest names it."""
    kind = evidence.subject.rstrip("0123456789")
    index = int(evidence.subject[len(kind) :])
    return Leaf(kind=kind, index=index, sha256=sha256_hex(evidence.data))


def root_evidence(
    tpm: SimulatedTpm,
    challenge: DerivedChallenge,
    leaves: Sequence[Leaf],
    logs: Logs = EVERYTHING,
) -> Evidence:
    """A good TPM's answer to this challenge, over these leaves."""
    return evidence_of(Draft.of(tpm, challenge, leaves).root(logs).encode())


def evidence_of(data: bytes) -> Evidence:
    """The bytes as the TPM's evidence; its certificates were enrolled and are not sent again."""
    return Evidence(scheme=SCHEME, subject="tpm0", data=data, certificates=b"")
