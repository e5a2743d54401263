"""Faults in what a machine measured, and in what was enrolled of its TPM."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec.structs import replace as replaced

from lotabots.evidence import EnrolledTpm
from lotabots.simulator.authorities import device_root, tpm_issuer, tpm_root
from lotabots.simulator.certificates import Authority
from lotabots.simulator.seeds import derive
from lotabots.simulator.tpm.boot import LOADER, SHIM, Boot
from lotabots.simulator.tpm.endorsement import EK_PURPOSE, issue
from lotabots.simulator.tpm.faults import TpmFault
from lotabots.simulator.tpm.ima import AT_BOOT, Measured
from lotabots.simulator.tpm.keys import attestation_key
from lotabots.simulator.tpm.reference import DENIED
from lotabots.simulator.tpm.simulated import SimulatedTpm
from lotabots.simulator.tpm.structures import ATTESTATION_KEY

StateFault = Callable[[SimulatedTpm], SimulatedTpm]
EnrolmentFault = Callable[[SimulatedTpm], EnrolledTpm]

OTHER_BOOT = Boot(applications=(SHIM, LOADER, "linux 6.12.0-patched"))
_FORGED = "forged-tpm-root"
_RESTRICTED = 1 << 16


def another(tpm: SimulatedTpm) -> SimulatedTpm:
    """Another genuine TPM in a machine in the same state."""
    return replace(tpm, seed=derive(tpm.seed, "another TPM", 32))


STATES: Mapping[TpmFault, StateFault] = MappingProxyType(
    {
        TpmFault.FIRMWARE_OTHER: lambda tpm: replace(
            tpm, boot=Boot(firmware="LotaBots Simulated Firmware 0.9")
        ),
        TpmFault.SECURE_BOOT_OFF: lambda tpm: replace(tpm, boot=Boot(secure_boot=False)),
        TpmFault.KERNEL_OTHER: lambda tpm: replace(tpm, boot=OTHER_BOOT),
        TpmFault.PCR_EXTENDED: lambda tpm: tpm.extend(4, sha256(b"no event of a log").digest()),
        TpmFault.KEYS_CHANGED: lambda tpm: tpm.extend(14, sha256(b"a key of its owner").digest()),
        TpmFault.FILE_UNKNOWN: lambda tpm: tpm.measure(Measured.of("/tmp/downloaded")),  # noqa: S108 a path inside the simulation
        TpmFault.FILE_CHANGED: lambda tpm: tpm.measure(Measured.of(AT_BOOT[2].path, b"changed")),
        TpmFault.FILE_DENIED: lambda tpm: tpm.measure(DENIED),
        TpmFault.FILE_VIOLATION: lambda tpm: tpm.measure(
            replace(AT_BOOT[3], violation=True),
        ),
        TpmFault.CLOCK_BACK: lambda tpm: replace(tpm, clock=tpm.clock // 2),
        TpmFault.RESETS_BACK: lambda tpm: replace(tpm, reset_count=tpm.reset_count - 1),
        # The bytes of the log are changed once it is read; what was measured is this.
        TpmFault.LOG_SECURE_BOOT_LIES: lambda tpm: replace(tpm, boot=Boot(secure_boot=False)),
        TpmFault.LOG_APPLICATION_LIES: lambda tpm: replace(tpm, boot=OTHER_BOOT),
    }
)


def _without_certificate(tpm: SimulatedTpm) -> EnrolledTpm:
    return replaced(tpm.enrolled, ek_certificates=b"")


def _issued(
    *issuers: Callable[[], Authority], purpose: x509.ObjectIdentifier = EK_PURPOSE
) -> EnrolmentFault:
    """Enrolled with a certificate by the first of these; the others are those above it."""

    def record(tpm: SimulatedTpm) -> EnrolledTpm:
        above = [issuer() for issuer in issuers]
        leaf = issue(tpm.seed, tpm.ek.public_key, above[0], purpose)
        chain = (leaf, *(one.certificate for one in above))
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        return replaced(tpm.enrolled, ek_certificates=pem)

    return record


def _of_another(tpm: SimulatedTpm) -> EnrolledTpm:
    return replaced(tpm.enrolled, ek_certificates=another(tpm).certificates)


def _unrestricted(tpm: SimulatedTpm) -> EnrolledTpm:
    ak = attestation_key(tpm.seed, tpm.algorithm, ATTESTATION_KEY & ~_RESTRICTED)
    return replaced(tpm.enrolled, ak_public=ak.public)


ENROLMENTS: Mapping[TpmFault, EnrolmentFault] = MappingProxyType(
    {
        TpmFault.EK_WITHOUT_CERTIFICATE: _without_certificate,
        TpmFault.EK_FORGED_ROOT: _issued(lambda: tpm_issuer(_FORGED), lambda: tpm_root(_FORGED)),
        TpmFault.EK_BY_DEVICE_ROOT: _issued(device_root),
        TpmFault.EK_OTHER_PURPOSE: _issued(
            tpm_issuer, tpm_root, purpose=ExtendedKeyUsageOID.SERVER_AUTH
        ),
        TpmFault.EK_OF_ANOTHER: _of_another,
        TpmFault.AK_UNRESTRICTED: _unrestricted,
    }
)


def start(tpm: SimulatedTpm, fault: TpmFault) -> SimulatedTpm:
    """The TPM in the state that the fault is of, or as it is."""
    change = STATES.get(fault)
    return change(tpm) if change else tpm


def enrol(tpm: SimulatedTpm, fault: TpmFault | None) -> EnrolledTpm:
    """What is recorded at the enrolment of this TPM."""
    change = ENROLMENTS.get(fault) if fault else None
    return change(tpm) if change else tpm.enrolled
