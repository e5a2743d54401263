"""A node's own TPM: its keys for enrolment, and the root quote over everything else it sends."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from lotabots.evidence import DerivedChallenge, Evidence, Leaf, manifest, root_nonce
from lotabots.evidence.schemes.tpm.collect.kept import AK_CONTEXT, EK_CONTEXT, Kept
from lotabots.evidence.schemes.tpm.collect.keys import load_keys, make_keys, reload_keys
from lotabots.evidence.schemes.tpm.collect.logs import (
    EVENT_LOG,
    IMA_LIST,
    read_event_log,
    read_ima,
)
from lotabots.evidence.schemes.tpm.collect.tools import Session, ToolFailed, Tools
from lotabots.evidence.schemes.tpm.format import ImaPart, TpmEvidence, write_evidence
from lotabots.evidence.schemes.tpm.public import read_public, without_size
from lotabots.evidence.schemes.tpm.quote import PCR_SIZE, PCRS, read_attest
from lotabots.kernel import Kind, LotaError, sha256

SCHEME = "tpm"
TRIES = 4
"""How often a quote is made anew because the machine woke up between its clock and it."""
_CREDENTIAL_HEADER = bytes.fromhex("badcc0de00000001")
"""What tpm2-tools write before a credential: their magic number and version 1."""
_CLOCK = re.compile(r"^\s*(clock|reset_count|restart_count): (\d+)\s*$", re.MULTILINE)

# TPMs differ in the number that they give for a seed that they cannot decrypt.
_UNOPENED = "Esys_ActivateCredential"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TpmKeys:
    """What a node enrols with."""

    ek_public: bytes
    """TPMT_PUBLIC of the endorsement key."""
    ek_certificates: bytes
    """PEM, the endorsement key's first; empty where nobody certified it."""
    ak_public: bytes
    """TPMT_PUBLIC of the attestation key."""
    device_id: str
    """Hex SHA-256 of the endorsement key's SubjectPublicKeyInfo."""


class Quoted(NamedTuple):
    """A quote, and the PCRs that it is over."""

    attest: bytes
    """TPMS_ATTEST."""
    signature: bytes
    """TPMT_SIGNATURE."""
    pcrs: dict[int, bytes]


class Judged(NamedTuple):
    """Up to where the verifier knows this node's logs, and of which boot."""

    reset_count: int
    restart_count: int
    ima_entries: int
    event_log: bool = False
    """Whether it knows what the firmware's log led to."""


class Clock(NamedTuple):
    """A TPM's clock in milliseconds, and its boot counters."""

    clock: int
    reset_count: int
    restart_count: int


@dataclass(frozen=True)
class Logs:
    """Where the kernel shows its logs."""

    event_log: Path = EVENT_LOG
    ima: Path = IMA_LIST


class TpmDevice:
    """The TPM that `tools` reach. Every method raises `TPM_*` where it fails."""

    def __init__(
        self,
        tools: Tools,
        folder: Path,
        *,
        failed: Callable[[LotaError], None],
        logs: Logs | None = None,
        certificates: bytes = b"",
    ) -> None:
        """`folder` keeps the attestation key. `certificates` (PEM) go behind those in the TPM: of
        issuers that its maker did not write into it. `failed` is told which log is left out, and
        why (`TPM_LOG_*`): the verifier decides what is missing.
        """
        self._tools = tools
        self._kept = Kept(folder)
        self._failed = failed
        self._logs = logs or Logs()
        self._certificates = certificates

    def keys(self) -> TpmKeys:
        """The keys to enrol with; an attestation key is made if this TPM knows none of ours."""
        with self._tools.session() as session:
            ek_public, vouched, blobs = make_keys(session, self._kept)
        ek = without_size(ek_public)
        certificates = vouched.certificates
        return TpmKeys(
            ek_public=ek,
            ek_certificates=certificates + self._certificates if certificates else b"",
            ak_public=without_size(blobs.public),
            device_id=read_public(ek).device_id,
        )

    def opened(self, blob: bytes) -> bytes:
        """The secret in a credential: TPM2B_ID_OBJECT, then TPM2B_ENCRYPTED_SECRET.

        Raises `TPM_CREDENTIAL` if it was not made for this TPM and this attestation key.
        """
        with self._tools.session() as session:
            load_keys(session, self._kept)
            session.write("credential", _CREDENTIAL_HEADER + blob)
            return self._retried(session, lambda: _activate(session))

    def clock(self) -> Clock:
        """Where the TPM's clock and counters stand."""
        with self._tools.session() as session:
            return _clock(session)

    def quoted(self, qualifying: bytes) -> Quoted:
        """A quote over the PCRs that a node is asked for, and over this data (at most 64 bytes)."""
        with self._tools.session() as session:
            load_keys(session, self._kept)
            return self._quoted(session, qualifying)

    def evidence(
        self,
        challenge: DerivedChallenge,
        leaves: Sequence[Leaf],
        judged: Judged | None = None,
        *,
        event_log: bool = True,
        subject: str = "tpm0",
    ) -> Evidence:
        """The root's evidence: a quote over the manifest of these leaves, with the kernel's logs.

        Where the verifier has judged this boot, only what is new is sent. Raises `TPM_BUSY` where
        the machine wakes up again and again.
        """
        with self._tools.session() as session:
            load_keys(session, self._kept)
            for _ in range(TRIES):
                clock = _clock(session)
                text = manifest(challenge, clock[1:], leaves)
                quoted = self._quoted(session, root_nonce(challenge.seed(), sha256(text)))
                quote = read_attest(quoted.attest)
                if (quote.reset_count, quote.restart_count) == clock[1:]:
                    break
            else:
                detail = f"The machine woke up during each of {TRIES} quotes."
                raise LotaError(Kind.UNAVAILABLE, "TPM_BUSY", detail)
        same = judged is not None and judged[:2] == clock[1:]
        start = judged.ima_entries if judged is not None and same else 0
        # After the quote: the kernel lists a file before it extends PCR 10, so the list may be
        # ahead of what was quoted, and never behind it.
        lines = self._read(lambda: read_ima(start, self._logs.ima))
        needed = event_log and not (judged is not None and same and judged.event_log)
        log = self._read(lambda: read_event_log(self._logs.event_log)) if needed else None
        data = write_evidence(
            TpmEvidence(
                quote=quoted.attest,
                signature=quoted.signature,
                pcrs=quoted.pcrs,
                manifest=text,
                event_log=log,
                ima=None if lines is None else ImaPart(start=start, log="".join(lines)),
            )
        )
        return Evidence(scheme=SCHEME, subject=subject, data=data, certificates=b"")

    def _read(self, read: Callable[[], T]) -> T | None:
        """The log; None, with the reason told, where it cannot be had."""
        try:
            return read()
        except LotaError as error:
            self._failed(error)
            return None

    def _quoted(self, session: Session, qualifying: bytes) -> Quoted:
        return self._retried(session, lambda: _quote(session, qualifying))

    def _retried(self, session: Session, ask: Callable[[], T]) -> T:
        """What it answers; if the TPM takes the keys' contexts back no more, after a reload."""
        try:
            return ask()
        except ToolFailed:
            reload_keys(session, self._kept)
            return ask()


def _clock(session: Session) -> Clock:
    found = {name: int(value) for name, value in _CLOCK.findall(session.run("tpm2_readclock"))}
    try:
        return Clock(**found)
    except TypeError as error:
        raise ToolFailed("tpm2_readclock", "it printed no clock") from error


def _quote(session: Session, qualifying: bytes) -> Quoted:
    selected = ",".join(str(number) for number in PCRS)
    session.run(
        "tpm2_quote", "-c", AK_CONTEXT, "-l", f"sha256:{selected}", "-q", qualifying.hex(),
        "-g", "sha256", "-m", "quote", "-s", "signature", "-o", "pcrs", "-F", "values",
    )  # fmt: skip
    values = session.read("pcrs")
    if len(values) != PCR_SIZE * len(PCRS):
        detail = "The TPM keeps no SHA-256 bank of PCRs."
        raise LotaError(Kind.UNAVAILABLE, "TPM_BANK_ABSENT", detail)
    parts = (values[at : at + PCR_SIZE] for at in range(0, len(values), PCR_SIZE))
    return Quoted(
        session.read("quote"), session.read("signature"), dict(zip(PCRS, parts, strict=True))
    )


def _activate(session: Session) -> bytes:
    authorization = session.endorsed()
    try:
        session.run(
            "tpm2_activatecredential", "-c", AK_CONTEXT, "-C", EK_CONTEXT, "-i", "credential",
            "-o", "secret", "-P", authorization,
        )  # fmt: skip
    except ToolFailed as error:
        if _UNOPENED not in error.detail:
            raise
        detail = f"The TPM does not open what the server sent: {error.detail}"
        raise LotaError(Kind.VALIDATION, "TPM_CREDENTIAL", detail) from error
    return session.read("secret")
