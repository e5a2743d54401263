"""A TPM's keys as a node sends them: who vouches for the TPM, and what its keys may do.

1. the endorsement key protects others and signs nothing, the attestation key signs only what its
   TPM made (`evidence.schemes.tpm`)
2. the certificates lead from this endorsement key to a root of this instance or of the tenant
3. the attestation key's name follows from its public area: it is computed, never asked for
"""

import secrets
from datetime import datetime
from functools import partial
from uuid import UUID

from anyio import to_thread

from lotabots.attestation.enrolment_types import KnownTpm, TpmKeys
from lotabots.evidence import Anchors, Caches, ReferenceFiles
from lotabots.evidence.schemes.tpm import (
    RANDOMNESS,
    EkChain,
    check_attestation_key,
    check_endorsement_key,
    make_credential,
    read_public,
    verify_ek_chain,
    verify_quote,
)
from lotabots.kernel import Kind, LotaError, decode_base64, invalid
from lotabots.reference import References
from lotabots.runtime.database import Database


class Endorsements:
    """Looks at the keys of TPMs with the roots of this instance and of each tenant."""

    def __init__(
        self, database: Database, references: References, anchors: Anchors, own_pem: bytes
    ) -> None:
        """`own_pem`: certificates that this instance has itself, which no node needs to send."""
        self._database = database
        self._references = references
        self._anchors = anchors.tpm
        self._own_pem = own_pem
        self._caches = Caches()

    async def known(self, tenant: UUID, keys: TpmKeys, now: datetime) -> KnownTpm:
        """The TPM with these keys. Raises `ENROLMENT_TPM_REFUSED`, `ENROLMENT_EK_UNKNOWN`."""
        async with self._database.transaction(tenant) as tx:
            in_force = await self._references.in_force(tx)
        reference = await self._references.files(tenant, in_force)
        return await to_thread.run_sync(partial(self._known, keys, reference, now))

    def sealed(self, tpm: KnownTpm, secret: bytes) -> bytes:
        """The secret as this TPM alone gives it out, and only for its attestation key."""
        endorsement_key = read_public(tpm.ek_public)
        return make_credential(
            endorsement_key, tpm.ak_name, secret, secrets.token_bytes(RANDOMNESS)
        )

    def check_quote(self, ak_public: bytes, quote: bytes, signature: bytes, data: bytes) -> None:
        """Returns only if this attestation key signed a quote that carries the data.

        Raises what `verify_quote` does.
        """
        verify_quote(ak_public, quote, signature, data, self._caches)

    def _known(self, keys: TpmKeys, reference: ReferenceFiles, now: datetime) -> KnownTpm:
        try:
            endorsement_key = check_endorsement_key(read_public(_decoded(keys.ek_public)))
            attestation_key = check_attestation_key(_decoded(keys.ak_public), self._caches)
        except LotaError as error:
            raise _refused(error.code, error.detail) from error
        certificates = keys.ek_certificates.encode("utf-8", "surrogatepass")
        verify = partial(
            verify_ek_chain,
            device_id=endorsement_key.device_id,
            reference=reference,
            anchors=self._anchors,
            now=now,
            caches=self._caches,
        )
        chain = verify(certificates)
        if chain.status == "untrusted" and self._own_pem:
            # Stored as it was verified: who judges the TPM's evidence later has no other.
            certificates = certificates.rstrip() + b"\n" + self._own_pem
            chain = verify(certificates)
        if chain.anchor is None:
            raise _unvouched(chain)
        return KnownTpm(
            device_id=endorsement_key.device_id,
            ek_certificates=certificates,
            ek_public=endorsement_key.data,
            ak_public=attestation_key.data,
            ak_name=attestation_key.name,
            root=chain.anchor.spki_sha256,
            simulated=chain.anchor.simulated,
        )


def _decoded(text: str) -> bytes:
    try:
        return decode_base64(text)
    except LotaError as error:
        raise _refused("TPM-PUBLIC-MALFORMED", "A key is not base64.") from error


def _refused(finding: str, detail: str) -> LotaError:
    return invalid("ENROLMENT_TPM_REFUSED", detail, finding=finding)


def _unvouched(chain: EkChain) -> LotaError:
    problem = chain.problem
    if problem is None:
        raise LotaError(Kind.INTERNAL, "INTERNAL", "A chain without a root names its problem.")
    details = {"expected": problem.expected[:200], "measured": problem.measured[:200]}
    if chain.status == "untrusted":
        detail = "No root that is trusted here vouches for this TPM's endorsement key."
        return LotaError(Kind.AUTHORIZATION, "ENROLMENT_EK_UNKNOWN", detail, **details)
    detail = f"The certificates do not vouch for this TPM: {chain.status}."
    return invalid("ENROLMENT_TPM_REFUSED", detail, finding=problem.code, **details)
