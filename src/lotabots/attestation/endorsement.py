"""A TPM's keys as a node sends them to enrol: whose TPM it is, and what its key may do."""

from datetime import datetime
from uuid import UUID

from lotabots.attestation.enrolment_types import KnownTpm, TpmKeys
from lotabots.kernel import Kind, LotaError


class Endorsements:
    """Looks at endorsement keys with the roots of this instance and of each tenant."""

    async def known(self, tenant: UUID, keys: TpmKeys, now: datetime) -> KnownTpm:  # noqa: ARG002
        """The TPM. Raises."""
        raise LotaError(Kind.UNAVAILABLE, "ENROLMENT_TPM", "not yet")

    def sealed(self, tpm: KnownTpm, secret: bytes) -> bytes:
        """The secret as this TPM alone can open it."""
        raise NotImplementedError

    def quoted(self, ak_public: bytes, quote: bytes, signature: bytes, data: bytes) -> bool:
        """Whether the key of this TPM signed a quote that carries this data."""
        raise NotImplementedError
