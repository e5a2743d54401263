"""A node enrols in two steps, with a token that is good for one try.

1. `begin` spends the token, in a commit of its own, before anything else of the request is
   believed. Then the keys of the node's TPM are looked at, and a secret is made that this TPM
   alone can open.
2. `activate` ends the enrolment whatever comes of it. Whoever proves the secret has the TPM: the
   node is created with its devices pinned, and its agent gets a credential for its session key.

The enrolment's id becomes the node's: an agent that never heard the answer to 2 renews (`renewal`).
"""

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from lotabots.access import activation_proof
from lotabots.attestation import enrolment_store as store
from lotabots.attestation import nodes
from lotabots.attestation.credentials import Credentials
from lotabots.attestation.endorsement import Endorsements
from lotabots.attestation.enrolment_store import EnrolmentRow, TokenRow
from lotabots.attestation.enrolment_tokens import EnrolmentTokens, token_ref
from lotabots.attestation.enrolment_types import (
    Activation,
    Asked,
    Credential,
    Enrolment,
    EnrolmentRequest,
)
from lotabots.attestation.nodes import NewNode
from lotabots.attestation.settings import AttestationSettings
from lotabots.audit import ANONYMOUS, Entry, Journal
from lotabots.kernel import (
    Kind,
    LotaError,
    VerifyingKey,
    decode_base64,
    encode_base64,
    encode_base64url,
    equal,
    invalid,
    sha256,
)
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process

LIFETIME = timedelta(minutes=5)
"""Of an enrolment between its steps: a TPM takes seconds."""
OWN_KINDS = frozenset({"tpm", "host", "model"})
"""Kinds of device of which the server itself says what a node has."""
_ENDS = frozenset(
    {
        "ENROLMENT_OVER",
        "ENROLMENT_KEY_MISMATCH",
        "ENROLMENT_PROOF_WRONG",
        "NODE_NAME_TAKEN",
        "NODE_DEVICE_TAKEN",
    }
)


class Enrolments:
    """Enrolments of every tenant of this instance."""

    def __init__(
        self,
        process: Process,
        tokens: EnrolmentTokens,
        endorsements: Endorsements,
        credentials: Credentials,
        journal: Journal,
    ) -> None:
        self._database = process.database
        self._server = process.settings.section(AttestationSettings).server
        self._tokens = tokens
        self._endorsements = endorsements
        self._credentials = credentials
        self._journal = journal

    async def begin(
        self, request: EnrolmentRequest, thumbprint: str, address: str, now: datetime
    ) -> Enrolment:
        """The first step of an agent whose DPoP proof was of the key with this thumbprint.

        Raises `ENROLMENT_*`, `KEY_*`, `NODE_DEVICE_TWICE`, the token is spent then, unless
        it could not be.
        """
        tenant, token = await self._tokens.spend(request.token, address, now)
        enrolment, secret = uuid4(), secrets.token_bytes(32)
        try:
            asked = await self._looked_at(tenant, token, request, thumbprint, now)
        except LotaError as error:
            async with self._database.transaction(tenant) as tx:
                await self._journal.append(tx, _refused(token_ref(token.id), error))
            raise
        row = EnrolmentRow(
            id=enrolment,
            token_id=token.id,
            asked=msgspec.json.encode(asked),
            proof_sha256=sha256(activation_proof(secret, enrolment, thumbprint)),
            expires_at=now + LIFETIME,
        )
        async with self._database.transaction(tenant) as tx:
            await store.insert_enrolment(tx, row, now)
            await self._journal.append(tx, _begun(row, asked))
        blob = None if asked.tpm is None else self._endorsements.sealed(asked.tpm, secret)
        return Enrolment(
            id=enrolment,
            tenant=tenant,
            expires_at=row.expires_at,
            credential_blob=None if blob is None else encode_base64(blob),
            secret_for_software=encode_base64(secret) if blob is None else None,
        )

    async def _looked_at(
        self,
        tenant: UUID,
        token: TokenRow,
        request: EnrolmentRequest,
        thumbprint: str,
        now: datetime,
    ) -> Asked:
        """What is to become a node."""
        key = VerifyingKey.from_jwk(msgspec.to_builtins(request.session_key))
        if encode_base64url(key.thumbprint()) != thumbprint:
            raise _other_key()
        if token.identity == "tpm" and request.identity != "tpm":
            detail = "This token takes nodes with a TPM alone."
            raise LotaError(Kind.AUTHORIZATION, "ENROLMENT_NEEDS_TPM", detail)
        if (request.identity == "tpm") != (request.tpm is not None):
            raise invalid("ENROLMENT_IDENTITY", "A TPM's keys come with the identity `tpm` alone.")
        if any(device.kind in OWN_KINDS for device in request.inventory):
            raise invalid("ENROLMENT_KIND", "A node cannot declare a device of this kind.")
        if len(set(request.inventory)) != len(request.inventory):
            raise invalid("NODE_DEVICE_TWICE", "The inventory names a device twice.")
        tpm = None
        if request.tpm is not None:
            tpm = await self._endorsements.known(tenant, request.tpm, now)
        return Asked(
            name=token.node_name or request.name,
            node_class=token.node_class,
            policy=token.policy_ref,
            identity=request.identity,
            key_thumbprint=thumbprint,
            devices=request.inventory,
            tpm=tpm,
        )

    async def activate(
        self, enrolment: UUID, request: Activation, thumbprint: str, now: datetime
    ) -> Credential:
        """The node, created, and its agent's credential.

        Raises `ENROLMENT_*`, `NODE_NAME_TAKEN`, `NODE_DEVICE_TAKEN`; the enrolment is over then.
        """
        key = await self._credentials.key()
        try:
            async with self._database.transaction(request.tenant) as tx:
                row = await store.end_enrolment(tx, enrolment, now)
                if row is None:
                    detail = "There is no such enrolment, or it is over."
                    raise LotaError(Kind.NOT_FOUND, "ENROLMENT_NOT_FOUND", detail)
                asked = _proven(row, request, thumbprint, now)
                await self._create(tx, row, asked, now)
                given = await self._credentials.give(tx, key, row.id, thumbprint, now)
        except LotaError as error:
            if error.code in _ENDS:
                await self._end(request.tenant, enrolment, error, now)
            raise
        return Credential(
            node=enrolment,
            tenant=request.tenant,
            name=asked.name,
            server=self._server,
            credential=given.token,
            expires_at=given.expires_at,
        )

    async def _create(
        self, tx: Transaction, row: EnrolmentRow, asked: Asked, now: datetime
    ) -> None:
        new = NewNode(
            id=row.id,
            name=asked.name,
            node_class=asked.node_class,
            identity=asked.identity,
            policy=asked.policy,
            devices=asked.inventory(),
        )
        await nodes.create(tx, new, now)
        if asked.tpm is not None:
            await store.insert_tpm(tx, row.id, asked.tpm, now)
        await self._journal.append(tx, _enrolled(row, asked))

    async def _end(self, tenant: UUID, enrolment: UUID, error: LotaError, now: datetime) -> None:
        """Ends what was refused: the transaction that did, and refused, was rolled back."""
        async with self._database.transaction(tenant) as tx:
            if await store.end_enrolment(tx, enrolment, now) is not None:
                await self._journal.append(tx, _refused(f"enrolment:{enrolment}", error))


def _proven(row: EnrolmentRow, request: Activation, thumbprint: str, now: datetime) -> Asked:
    if now >= row.expires_at:
        raise LotaError(Kind.CONFLICT, "ENROLMENT_OVER", "The enrolment's time is over.")
    asked = row.what()
    if thumbprint != asked.key_thumbprint:
        raise _other_key()
    try:
        proof = decode_base64(request.proof)
    except LotaError as error:
        raise _wrong_proof() from error
    if not equal(sha256(proof), row.proof_sha256):
        raise _wrong_proof()
    return asked


def _other_key() -> LotaError:
    detail = "The DPoP proof is of another key than the session key of this enrolment."
    return LotaError(Kind.AUTHENTICATION, "ENROLMENT_KEY_MISMATCH", detail)


def _wrong_proof() -> LotaError:
    detail = "This is not the proof that the enrolled TPM, or software, can make."
    return LotaError(Kind.AUTHENTICATION, "ENROLMENT_PROOF_WRONG", detail)


def _begun(row: EnrolmentRow, asked: Asked) -> Entry:
    return Entry(
        actor_ref=ANONYMOUS,
        verb="enrolment.begin",
        subject_ref=f"enrolment:{row.id}",
        outcome="done",
        digests={"identity": asked.identity, "token": str(row.token_id)},
    )


def _enrolled(row: EnrolmentRow, asked: Asked) -> Entry:
    digests = {
        "identity": asked.identity,
        "inventory": nodes.inventory_digest(asked.inventory()),
        "session_key": asked.key_thumbprint,
        "token": str(row.token_id),
    }
    if asked.tpm is not None:
        digests |= {
            "ak_name": asked.tpm.ak_name.hex(),
            "root": asked.tpm.root.hex(),
            "simulated": str(asked.tpm.simulated).lower(),
            "tpm": asked.tpm.device_id,
        }
    return Entry(
        actor_ref=ANONYMOUS,
        verb="node.enroll",
        subject_ref=f"node:{row.id}",
        outcome="done",
        digests=digests,
    )


def _refused(subject: str, error: LotaError) -> Entry:
    return Entry(
        actor_ref=ANONYMOUS, verb="enrolment.refuse", subject_ref=subject, outcome=error.code
    )
