"""What of a machine proves something: its root of trust, and the collectors of its devices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lotabots.agent.wire import TpmKeys, TpmPlace
from lotabots.evidence import DerivedChallenge, Evidence, InventoryItem, Leaf
from lotabots.kernel import LotaError, sha256_hex

ROOT = "tpm0"
"""The place of a node's root of trust in every challenge."""


class Root(Protocol):
    """A root of trust: it enrols with keys of its own, and signs what nothing else can."""

    def keys(self) -> TpmKeys:
        """The keys to enrol with. Raises `TPM_*`, as everything here does where the TPM fails."""

    def opened(self, blob: bytes) -> bytes:
        """The secret in a credential that was made for these keys."""

    def quoted(self, data: bytes) -> tuple[bytes, bytes]:
        """A quote that carries this data, and its signature: TPMS_ATTEST and TPMT_SIGNATURE."""


class Asked(NamedTuple):
    """One place of a challenge: which device has to answer there, and with which nonce."""

    subject: str
    device_id: str
    nonce: bytes


class Found(NamedTuple):
    """The devices that can enrol, by the ids that their evidence carries; why others cannot."""

    items: tuple[InventoryItem, ...] = ()
    failed: tuple[LotaError, ...] = ()


class Collected(NamedTuple):
    """Evidence, and what failed on the way: a lost device stops no other."""

    evidence: tuple[Evidence, ...] = ()
    failed: tuple[LotaError, ...] = ()


class Collector(Protocol):
    """Devices of one or more kinds, each of which answers for itself."""

    kinds: frozenset[str]

    def inventory(self) -> Found:
        """What is there to enrol."""

    def collect(self, asked: Sequence[Asked]) -> Collected:
        """What the devices in these places answer."""


class Machine(Protocol):
    """What a node attests with. Nothing of it is believed by anyone but the verifier."""

    @property
    def simulated(self) -> bool:
        """Whether there is no such machine."""

    @property
    def root(self) -> Root | None:
        """None: the node has a software identity."""

    def inventory(self) -> Found:
        """Every device that enrols beside the TPM, which follows from its keys."""

    def answer(self, challenge: DerivedChallenge, place: TpmPlace | None) -> Collected:
        """Everything that answers the challenge, and what failed on the way.

        A leaf that fails is left out, and the server judges what is missing. `place` is what of the
        TPM's logs was judged already. Raises what the root raises: an answer without its quote
        would only be refused.
        """


class QuotingRoot(Root, Protocol):
    """A root that quotes over the evidence of others."""

    def evidence(
        self, challenge: DerivedChallenge, leaves: Sequence[Leaf], place: TpmPlace | None
    ) -> Evidence:
        """The root quote over these leaves."""


@dataclass(frozen=True)
class RealMachine:
    """This machine."""

    root: QuotingRoot | None
    collectors: tuple[Collector, ...]
    simulated: bool = False

    def inventory(self) -> Found:
        """What its collectors find."""
        found = [one.inventory() for one in self.collectors]
        return Found(
            tuple(item for one in found for item in one.items),
            tuple(error for one in found for error in one.failed),
        )

    def answer(self, challenge: DerivedChallenge, place: TpmPlace | None) -> Collected:
        """Leaves first, then the quote over them."""
        nonces, devices = challenge.expected(), challenge.devices()
        sent: list[Evidence] = []
        failed: list[LotaError] = []
        for collector in self.collectors:
            asked = [
                Asked(subject, devices[subject].device_id, nonce)
                for subject, nonce in nonces.items()
                if devices[subject].kind in collector.kinds
            ]
            if asked:
                collected = collector.collect(asked)
                sent += collected.evidence
                failed += collected.failed
        if self.root is not None and ROOT in nonces:
            sent.append(self.root.evidence(challenge, leaves_of(sent), place))
        return Collected(tuple(sent), tuple(failed))


def leaves_of(evidence: Iterable[Evidence]) -> tuple[Leaf, ...]:
    """The evidence as a root quote commits to it: by place and content."""
    return tuple(
        Leaf(
            kind=one.subject.rstrip("0123456789"),
            index=int(one.subject.lstrip("abcdefghijklmnopqrstuvwxyz")),
            sha256=sha256_hex(one.data),
        )
        for one in evidence
    )
