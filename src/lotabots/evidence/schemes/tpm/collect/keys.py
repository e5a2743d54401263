"""Endorsement and attestation key in a TPM: found or made, loaded, and kept loadable.

The endorsement key (EK) is the one that its maker certified: found at a persistent handle, else
made anew from the TPM's own seed by the standard template, which gives the same key each time. The
attestation key (AK) is a restricted ECDSA key on P-256 under it.
"""

import re
from contextlib import suppress

from lotabots.evidence.schemes.tpm.collect.certificates import (
    Algorithm,
    Endorsed,
    endorsed,
    numbers,
)
from lotabots.evidence.schemes.tpm.collect.kept import AK_CONTEXT, EK_CONTEXT, Blobs, Kept
from lotabots.evidence.schemes.tpm.collect.tools import Session, ToolFailed
from lotabots.evidence.schemes.tpm.public import read_public, without_size
from lotabots.kernel import Kind, LotaError

_PERSISTENT = range(0x8101_0000, 0x8102_0000)
"""Of the endorsement hierarchy (TCG Registry of Reserved TPM 2.0 Handles, section 2.3.1)."""
_UNREADABLE = frozenset({"TPM_COMMAND_FAILED", "TPM-PUBLIC-MALFORMED", "TPM-PUBLIC-UNSUPPORTED"})
"""What other keys at persistent handles may be."""
# Format-one codes about the first parameter (TPM 2.0 Library, Part 2, section 6.6.2): the private
# area is not this TPM's (TPM_RC_INTEGRITY, 0x1DF), or no private area.
_FOREIGN = re.compile(r"ys_Load\(0x1D[0-9A-F]\)")


def make_keys(session: Session, kept: Kept) -> tuple[bytes, Endorsed, Blobs]:
    """TPM2B_PUBLIC of the endorsement key, who vouches for it, and an attestation key under it.

    The one that is kept, if this TPM knows it; a new one, which is kept, if there is none or the
    TPM was cleared or exchanged.
    """
    vouched = endorsed(session)
    handle = _persistent(session, vouched.device_id)
    ek_public = _load_endorsement_key(session, vouched.algorithm, handle)
    blobs = None
    try:
        if (blobs := kept.blobs()) is not None:
            _load(session, blobs)
    except LotaError as error:
        if error.code != "TPM_KEY_LOST":
            raise
        blobs = None
    if blobs is None:
        public, private = _make(session)
        blobs = Blobs(public=public, private=private, algorithm=vouched.algorithm, handle=handle)
        kept.keep(blobs)
    _remember(session, kept)
    return ek_public, vouched, blobs


def load_keys(session: Session, kept: Kept) -> None:
    """Puts contexts of both keys into the session's folder. TPM_KEY_MISSING, TPM_KEY_LOST."""
    blobs = kept.blobs()
    if blobs is None:
        detail = "No attestation key of this machine's TPM is kept here."
        raise LotaError(Kind.CONFLICT, "TPM_KEY_MISSING", detail)
    contexts = [kept.read(AK_CONTEXT), kept.read(EK_CONTEXT)]
    for name, context in zip((AK_CONTEXT, EK_CONTEXT), contexts, strict=True):
        if context is not None:
            session.write(name, context)
    if None in contexts:
        reload_keys(session, kept, blobs)


def reload_keys(session: Session, kept: Kept, blobs: Blobs | None = None) -> None:
    """Loads both keys anew: after a reset the TPM takes no earlier context back."""
    blobs = blobs or kept.blobs()
    if blobs is None:
        return
    kept.forget_contexts()
    _load_endorsement_key(session, blobs.algorithm, blobs.handle)
    _load(session, blobs)
    _remember(session, kept)


def _remember(session: Session, kept: Kept) -> None:
    for name in (AK_CONTEXT, EK_CONTEXT):
        kept.write(name, session.read(name))


def _persistent(session: Session, device_id: str) -> str:
    """The handle at which the certified endorsement key stays; empty where it does not."""
    if not device_id:
        return ""
    for handle in numbers(session.run("tpm2_getcap", "handles-persistent")):
        if handle not in _PERSISTENT:
            continue
        name = f"{handle:#x}.pub"
        try:
            session.run("tpm2_readpublic", "-c", f"{handle:#x}", "-f", "tss", "-o", name)
            if read_public(without_size(session.read(name))).device_id == device_id:
                return f"{handle:#x}"
        except LotaError as error:
            if error.code not in _UNREADABLE:
                raise
    return ""


def _load_endorsement_key(session: Session, algorithm: Algorithm, handle: str) -> bytes:
    """TPM2B_PUBLIC; a context of the key is in the session's folder."""
    if handle:
        # Clearing a TPM, or its owner, takes the key from its handle; the same one is made again.
        with suppress(ToolFailed):
            session.run(
                "tpm2_readpublic", "-c", handle, "-f", "tss", "-o", "ek.pub", "-t", EK_CONTEXT
            )
            return session.read("ek.pub")
    session.run("tpm2_createek", "-G", algorithm, "-c", EK_CONTEXT, "-f", "tss", "-u", "ek.pub")
    return session.read("ek.pub")


def _make(session: Session) -> tuple[bytes, bytes]:
    """TPM2B_PUBLIC and TPM2B_PRIVATE of a new attestation key; its context is in the folder."""
    session.run(
        "tpm2_createak", "-C", EK_CONTEXT, "-c", AK_CONTEXT, "-G", "ecc", "-g", "sha256",
        "-s", "ecdsa", "-f", "tss", "-u", "ak.pub", "-r", "ak.priv",
    )  # fmt: skip
    return session.read("ak.pub"), session.read("ak.priv")


def _load(session: Session, blobs: Blobs) -> None:
    session.write("ak.pub", blobs.public)
    session.write("ak.priv", blobs.private)
    authorization = session.endorsed()
    try:
        session.run(
            "tpm2_load", "-C", EK_CONTEXT, "-P", authorization, "-u", "ak.pub", "-r", "ak.priv",
            "-c", AK_CONTEXT,
        )  # fmt: skip
    except ToolFailed as error:
        if not _FOREIGN.search(error.detail):
            raise
        detail = "This TPM does not know the attestation key that is kept here."
        raise LotaError(Kind.CONFLICT, "TPM_KEY_LOST", detail) from error
