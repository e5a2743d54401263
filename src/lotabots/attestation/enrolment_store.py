"""SQL of enrolment tokens, enrolments, credentials and renewals."""

from datetime import datetime
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation.enrolment_types import Asked, KnownTpm
from lotabots.runtime.database import Transaction

MOST_REMOVED = 1000
"""Renewals over that go with each new one."""


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment token as it is stored; its text is not."""

    id: UUID
    secret_sha256: bytes
    node_name: str | None
    node_class: str
    policy_ref: str | None
    identity: str
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    spent_at: datetime | None = None


class EnrolmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An enrolment that waits for its activation."""

    id: UUID
    token_id: UUID
    asked: bytes
    proof_sha256: bytes
    expires_at: datetime

    def what(self) -> Asked:
        """What is to become a node."""
        return msgspec.json.decode(self.asked, type=Asked)


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node as its own agent meets it, and the credential that it has."""

    node_id: UUID
    name: str
    lifecycle: str
    identity: str
    key_thumbprint: str
    token_id: str
    expires_at: datetime


class RenewalRow(msgspec.Struct, frozen=True, kw_only=True):
    """A renewal just spent."""

    node_id: UUID
    nonce_sha256: bytes
    expires_at: datetime


async def insert_token(tx: Transaction, row: TokenRow) -> None:
    """Stores a token that nobody used."""
    await tx.execute(
        "insert into attestation.enrolment_tokens (id, secret_sha256, node_name, node_class,"
        " policy_ref, identity, created_by, created_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *msgspec.structs.astuple(row)[:-1],
    )


_COLUMNS = (
    "id, secret_sha256, node_name, node_class, policy_ref, identity, created_by, created_at,"
    " expires_at, spent_at"
)


async def spend_token(
    tx: Transaction, token_id: UUID, secret_sha256: bytes, now: datetime
) -> TokenRow | None:
    """The token, spent when this transaction commits; of any number of callers one gets it."""
    return await tx.fetch_one(
        "update attestation.enrolment_tokens set spent_at = $3 where id = $1"  # noqa: S608 - names
        f" and secret_sha256 = $2 and spent_at is null and expires_at > $3 returning {_COLUMNS}",
        token_id,
        secret_sha256,
        now,
        into=TokenRow,
    )


async def token(tx: Transaction, token_id: UUID, secret_sha256: bytes) -> TokenRow | None:
    """The token with this secret, spent or not."""
    return await tx.fetch_one(
        f"select {_COLUMNS} from attestation.enrolment_tokens where id = $1 and secret_sha256 = $2",  # noqa: S608
        token_id,
        secret_sha256,
        into=TokenRow,
    )


async def insert_enrolment(tx: Transaction, row: EnrolmentRow, now: datetime) -> None:
    """Stores an enrolment for its activation."""
    await tx.execute(
        "insert into attestation.enrolments (id, token_id, asked, proof_sha256, created_at,"
        " expires_at) values ($1, $2, $3, $4, $5, $6)",
        row.id,
        row.token_id,
        row.asked,
        row.proof_sha256,
        now,
        row.expires_at,
    )


async def end_enrolment(tx: Transaction, enrolment: UUID, now: datetime) -> EnrolmentRow | None:
    """The enrolment, over when this transaction commits; None where it is over, or never was."""
    return await tx.fetch_one(
        "update attestation.enrolments set ended_at = $2 where id = $1 and ended_at is null"
        " returning id, token_id, asked, proof_sha256, expires_at",
        enrolment,
        now,
        into=EnrolmentRow,
    )


async def insert_tpm(tx: Transaction, node_id: UUID, tpm: KnownTpm, now: datetime) -> None:
    """Stores the TPM of a node, whose device is pinned already."""
    await tx.execute(
        "insert into attestation.tpms (id, node_id, device_id, ek_certificates, ak_public, ak_name,"
        " enrolled_at) values ($1, $2, $3, $4, $5, $6, $7)",
        uuid4(),
        node_id,
        tpm.device_id,
        tpm.ek_certificates,
        tpm.ak_public,
        tpm.ak_name,
        now,
    )


async def ak_public(tx: Transaction, node_id: UUID) -> bytes | None:
    """The attestation key of the one TPM that a node enrols with."""
    return await tx.fetch_value(
        "select ak_public from attestation.tpms where node_id = $1", node_id, into=bytes
    )


_AGENT = (
    "select n.id as node_id, n.name, n.lifecycle, n.identity, a.key_thumbprint, a.token_id,"
    " a.expires_at from attestation.nodes n join attestation.agents a on a.node_id = n.id"
    " where n.id = $1"
)


async def agent(tx: Transaction, node_id: UUID, *, hold: bool = False) -> AgentRow | None:
    """The node with its agent; None where there is no node, or it never enrolled.

    With `hold`, no other transaction changes the credential before this one ends.
    """
    return await tx.fetch_one(
        f"{_AGENT} for update of a" if hold else _AGENT,
        node_id,
        into=AgentRow,
    )


async def put_agent(
    tx: Transaction,
    node_id: UUID,
    key_thumbprint: str,
    token_id: str,
    issued_at: datetime,
    expires_at: datetime,
) -> None:
    """Stores the one credential that the node's agent has from now on."""
    await tx.execute(
        "insert into attestation.agents (node_id, key_thumbprint, token_id, issued_at, expires_at)"
        " values ($1, $2, $3, $4, $5) on conflict (node_id) do update"
        " set key_thumbprint = excluded.key_thumbprint, token_id = excluded.token_id,"
        " issued_at = excluded.issued_at, expires_at = excluded.expires_at",
        node_id,
        key_thumbprint,
        token_id,
        issued_at,
        expires_at,
    )


# What is over goes with what comes: anyone may ask for a renewal, and few are open at any time.
_INSERT_RENEWAL = """
with over as (
    delete from attestation.renewals where id in (
        select id from attestation.renewals where expires_at < $5 limit $6 for update skip locked)
)
insert into attestation.renewals (id, node_id, nonce_sha256, created_at, expires_at)
values ($1, $2, $3, $5, $4)
"""


async def insert_renewal(
    tx: Transaction,
    renewal: UUID,
    node_id: UUID,
    nonce_sha256: bytes,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Stores a renewal, and takes away what is over."""
    await tx.execute(_INSERT_RENEWAL, renewal, node_id, nonce_sha256, expires_at, now, MOST_REMOVED)


async def spend_renewal(tx: Transaction, renewal: UUID, now: datetime) -> RenewalRow | None:
    """The renewal, spent when this transaction commits; None where it was, or never was."""
    return await tx.fetch_one(
        "update attestation.renewals set spent_at = $2 where id = $1 and spent_at is null"
        " returning node_id, nonce_sha256, expires_at",
        renewal,
        now,
        into=RenewalRow,
    )
