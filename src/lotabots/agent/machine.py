"""What of a machine proves something: its root of trust, and the collectors of its devices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lotabots.agent.wire import TpmKeys, TpmPlace
from lotabots.evidence import DerivedChallenge, Evidence, InventoryItem, Leaf
from lotabots.kernel import LotaError, sha256_hex


class Root(Protocol):
    """A root of trust: it enrols with keys of its own, and quotes over all other evidence."""

    subject: str

    def keys(self) -> TpmKeys:
        """The keys to enrol with. Raises `TPM_*`, as everything here does where the TPM fails."""

    def opened(self, blob: bytes) -> bytes:
        """The secret in a credential that was made for these keys."""

    def quoted(self, data: bytes) -> tuple[bytes, bytes]:
        """A quote that carries this data, and its signature: TPMS_ATTEST and TPMT_SIGNATURE."""

    def evidence(
        self, challenge: DerivedChallenge, leaves: Sequence[Leaf], place: TpmPlace | None
    ) -> Evidence:
        """The root quote over these leaves; `place` is what of the logs was judged already."""


class Asked(NamedTuple):
    """One place of a challenge: which device has to answer there, and with which nonce."""

    subject: str
    device_id: str
    nonce: bytes


class Found(NamedTuple):
    """The devices that can enrol, each by the id that its evidence will carry; why others cannot."""

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


@dataclass(frozen=True)
class Machine:
    """What this node attests with. Nothing of it is believed by anyone but the verifier."""

    root: Root | None
    """None: the node has a software identity."""
    collectors: tuple[Collector, ...]
    simulated: bool = False

    @property
    def identity(self) -> str:
        """What the session key is going to rest on."""
        return "software" if self.root is None else "tpm"

    def inventory(self) -> Found:
        """Every device that enrols beside the TPM, which follows from its keys."""
        found = [one.inventory() for one in self.collectors]
        return Found(
            tuple(item for one in found for item in one.items),
            tuple(error for one in found for error in one.failed),
        )

    def answer(self, challenge: DerivedChallenge, place: TpmPlace | None) -> Collected:
        """Everything that answers the challenge, leaves first, and what failed on the way.

        A leaf that fails is left out, and the server judges what is missing. Raises what the root
        raises: a root quote over less than all that is sent would only be refused.
        """
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
        if self.root is not None and self.root.subject in nonces:
            sent.append(self.root.evidence(challenge, _leaves(sent), place))
        return Collected(tuple(sent), tuple(failed))


def _leaves(evidence: Iterable[Evidence]) -> tuple[Leaf, ...]:
    """The evidence as a root quote commits to it: by place and content."""
    return tuple(
        Leaf(
            kind=one.subject.rstrip("0123456789"),
            index=int(one.subject.lstrip("abcdefghijklmnopqrstuvwxyz")),
            sha256=sha256_hex(one.data),
        )
        for one in evidence
    )
