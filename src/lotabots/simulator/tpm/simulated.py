"""A TPM 2.0 that does not exist: its keys, PCRs, clock and counters, and the quotes it signs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import Encoding

from lotabots.evidence import EnrolledTpm, InventoryItem
from lotabots.simulator.authorities import tpm_issuer, tpm_root
from lotabots.simulator.tpm import ima
from lotabots.simulator.tpm.boot import GOOD_BOOT, Boot, extend
from lotabots.simulator.tpm.credential import open_credential
from lotabots.simulator.tpm.endorsement import certificate
from lotabots.simulator.tpm.keys import Algorithm, TpmKey, attestation_key, endorsement_key
from lotabots.simulator.tpm.structures import Attest, qualified_name

KIND = "tpm"
PCRS = (*range(11), 14)
"""What a node quotes: firmware and boot (0 to 9), files (10), shim's lists (14)."""
FIRMWARE = 0x2019_1023_0016_3636
_UP = 60_000  # milliseconds from power-on to the first quote


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote: TPMS_ATTEST and TPMT_SIGNATURE."""

    attest: bytes
    signature: bytes


@dataclass(frozen=True, eq=False)
class SimulatedTpm:
    """A TPM in its machine, at one moment. Frozen: another state is another value of the same TPM.

    The same seed and algorithm give the same TPM; machines started alike have equal PCRs.
    """

    seed: bytes
    algorithm: Algorithm = Algorithm.ECC
    """Of endorsement key (EK) and attestation key (AK)."""
    boot: Boot = GOOD_BOOT
    files: tuple[ima.Measured, ...] = ima.AT_BOOT
    """What the kernel has measured since the start, but for the boot aggregate."""
    extended: tuple[tuple[int, bytes], ...] = ()
    """Extensions that stand in no log: PCR and digest (32 bytes), after everything else."""
    clock: int = _UP
    """Milliseconds that it was powered; no reset takes it back."""
    reset_count: int = 1
    """How often the machine was started."""
    restart_count: int = 0
    """How often it woke up since, or was started without losing its state."""
    safe: bool = True

    @property
    def ek(self) -> TpmKey:
        """Its endorsement key."""
        return endorsement_key(self.seed, self.algorithm)

    @property
    def ak(self) -> TpmKey:
        """Its attestation key, a child of the endorsement key."""
        return attestation_key(self.seed, self.algorithm)

    @property
    def device_id(self) -> str:
        """Hex SHA-256 of the endorsement key's SubjectPublicKeyInfo."""
        return self.ek.device_id

    @property
    def item(self) -> InventoryItem:
        """What a node's inventory says of it."""
        return InventoryItem(KIND, self.device_id)

    @cached_property
    def certificates(self) -> bytes:
        """PEM: the endorsement key's certificate, its issuer's, the root's."""
        issuers = (tpm_issuer().certificate, tpm_root().certificate)
        chain = (certificate(self.seed, self.ek), *issuers)
        return b"".join(one.public_bytes(Encoding.PEM) for one in chain)

    @property
    def enrolled(self) -> EnrolledTpm:
        """What a server records of it at its enrolment."""
        return EnrolledTpm(
            device_id=self.device_id, ek_certificates=self.certificates, ak_public=self.ak.public
        )

    @cached_property
    def entries(self) -> tuple[ima.Measured, ...]:
        """The whole list of measured files."""
        return (ima.boot_aggregate(self.boot.pcrs), *self.files)

    @cached_property
    def pcrs(self) -> dict[int, bytes]:
        """PCRs 0 to 15 of the SHA-256 bank."""
        values = dict(self.boot.pcrs)
        for entry in self.entries:
            values[ima.PCR] = extend(values[ima.PCR], entry.extension)
        for number, digest in self.extended:
            values[number] = extend(values[number], digest)
        return values

    def attest(self, qualifying: bytes, pcrs: Iterable[int] = PCRS) -> Attest:
        """What it would sign in a quote over this data."""
        covered = tuple(sorted(set(pcrs)))
        joined = b"".join(self.pcrs[number] for number in covered)
        return Attest(
            signer=qualified_name((self.ek.name, self.ak.name)),
            extra=qualifying,
            clock=self.clock,
            reset_count=self.reset_count,
            restart_count=self.restart_count,
            safe=self.safe,
            firmware=FIRMWARE,
            pcrs=covered,
            digest=sha256(joined).digest(),
        )

    def quote(self, qualifying: bytes, pcrs: Iterable[int] = PCRS) -> Quoted:
        """TPM2_Quote with the attestation key, over the SHA-256 bank."""
        return self.signed(self.attest(qualifying, pcrs).encode())

    def signed(self, attest: bytes) -> Quoted:
        """These bytes and the attestation key's signature over them."""
        return Quoted(attest, self.ak.sign(attest))

    def activate_credential(self, blob: bytes) -> bytes:
        """The secret in a credential: TPM2B_ID_OBJECT, then TPM2B_ENCRYPTED_SECRET.

        ValueError unless it was made for this TPM's endorsement key and attestation key.
        """
        return open_credential(blob, self.ek, self.ak.name)

    def extend(self, pcr: int, digest: bytes) -> "SimulatedTpm":
        """The TPM after this digest (32 bytes) went into a PCR (0 to 15), in no log."""
        return replace(self, extended=(*self.extended, (pcr, digest)))

    def measure(self, *files: ima.Measured) -> "SimulatedTpm":
        """The TPM after the kernel measured these files as well."""
        return replace(self, files=self.files + files)

    def later(self, milliseconds: int) -> "SimulatedTpm":
        """The TPM after this time."""
        return replace(self, clock=self.clock + milliseconds)

    def reboot(self, boot: Boot | None = None) -> "SimulatedTpm":
        """The TPM after its machine was started again, as before or otherwise."""
        return replace(
            self,
            boot=boot or self.boot,
            files=ima.AT_BOOT,
            extended=(),
            clock=self.clock + _UP,
            reset_count=self.reset_count + 1,
            restart_count=0,
        )

    def resume(self) -> "SimulatedTpm":
        """The TPM after its machine slept: PCRs stay, the restart counter does not."""
        return replace(self, clock=self.clock + 1, restart_count=self.restart_count + 1)
