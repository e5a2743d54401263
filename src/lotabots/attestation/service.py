"""From challenge to result: spend, load, judge, apply. Each of the two commits stands alone.

1. `challenge`: random bytes for one node, one session key, one policy; stored hashed, for 60 s.
2. `submit` spends it, in a transaction of its own, before a byte of evidence is looked at.
3. What is needed is loaded; the verdict is a pure function of it, computed in a worker thread.
4. What many attestations share (certificates, policy) goes to the blobs, by content.
5. One transaction stores attestation, evidence, devices, result and audit entry; then we answer.

If anything fails after 2, nothing is acknowledged and the challenge stays spent.
"""

import secrets
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from lotabots.appraisal import Inputs, Policy
from lotabots.attestation import nodes, store
from lotabots.attestation.judge import Judge, Judged
from lotabots.attestation.metrics import Metrics
from lotabots.attestation.models.known import asked_models, known_models
from lotabots.attestation.outcome import (
    attestation_entry,
    attestation_row,
    attested,
    challenge_entry,
    device_rows,
    evidence_rows,
)
from lotabots.attestation.parcel import make_parcel
from lotabots.attestation.policies import Policies
from lotabots.attestation.results import Results
from lotabots.attestation.session import (
    LIFETIME,
    NONCE_BYTES,
    Challenge,
    check_node,
    check_use,
    decode_evidence,
    new_standing,
    pack_inventory,
    session_key_digest,
    unpack_inventory,
)
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.store import ResultRow, Spent
from lotabots.attestation.types import (
    AttestationRequest,
    Attested,
    ChallengeRequest,
    Device,
    IssuedChallenge,
    Logged,
)
from lotabots.audit import Group, Journal
from lotabots.evidence import DerivedChallenge, Evidence, KnownModel
from lotabots.kernel import LotaError, Principal, Role, encode_base64url, sha256
from lotabots.reference import InForce, References
from lotabots.result import Profile
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process

REMEMBERED = 4096
"""Digests of blobs known to be stored: certificates, reference files and policies come again."""


class Loaded(msgspec.Struct, frozen=True):
    """What was read in the transaction that spent the challenge."""

    spent: Spent
    policy: Policy
    reference: tuple[InForce, ...]
    models: tuple[KnownModel, ...]


class Attestations:
    """Challenges and submissions of every tenant of this instance."""

    def __init__(
        self,
        process: Process,
        judge: Judge,
        policies: Policies,
        results: Results,
        journal: Journal,
    ) -> None:
        self._process = process
        self._settings = process.settings.section(AttestationSettings)
        self._judge = judge
        self._policies = policies
        self._results = results
        self._journal = journal
        self._group = Group(process.database, journal)
        self._references = References(process)
        self._kept: OrderedDict[str, None] = OrderedDict()
        self._metrics = Metrics(process.telemetry.registry)

    async def challenge(
        self, tx: Transaction, principal: Principal, request: ChallengeRequest, now: datetime
    ) -> IssuedChallenge:
        """A new challenge for a node. Raises `NODE_*`, `POLICY_*`, `KEY_*`."""
        check_node(principal, request.node)
        items = (
            *await nodes.inventory(tx, request.node),
            *await asked_models(tx, request.models),
        )
        policy = await self._policies.for_challenge(tx, principal, request.policy)
        nonce = secrets.token_bytes(NONCE_BYTES)
        challenge = Challenge(
            id=uuid4(),
            node_id=request.node,
            policy_id=policy.id,
            nonce_sha256=sha256(nonce),
            session_key_sha256=session_key_digest(request.session_key),
            inventory=pack_inventory(items),
            expires_at=now + LIFETIME,
        )
        await store.insert_challenge(tx, challenge, now)
        entry = challenge_entry(principal, "challenge.create", challenge.id, "done")
        await self._journal.append(tx, entry)
        return IssuedChallenge(
            id=challenge.id,
            nonce=encode_base64url(nonce),
            expires_at=challenge.expires_at,
            server=self._settings.server,
            node=request.node,
            policy=policy.id,
            inventory=tuple(
                Device(subject=subject, kind=item.kind, index=index, device_id=item.device_id)
                for subject, index, item in nodes.places(items)
            ),
        )

    async def submit(
        self, principal: Principal, request: AttestationRequest, profile: Profile, now: datetime
    ) -> Attested:
        """The verdict on what a node sent, stored and signed.

        Raises `CHALLENGE_*`, `NODE_NOT_YOURS`, `EVIDENCE_*`, `APPRAISAL_BUSY`, `DATABASE_*`; false
        evidence raises nothing: it gets a verdict.
        """
        loaded = await self._spend(principal, request.challenge, now)
        try:
            challenge, evidence = self._read(loaded.spent, request, now)
        except LotaError as error:
            await self._refused(principal, loaded.spent, error)
            raise
        inputs = Inputs(
            evidence=evidence,
            challenge=challenge,
            reference=await self._references.files(principal.tenant_id, loaded.reference),
            policy=loaded.policy,
            anchors=self._judge.anchors,
            now=now,
            node=str(loaded.spent.node_id),
            models=loaded.models,
        )
        judged = await self._judge.judge(inputs)
        return await self._apply(principal, request, profile, loaded, judged, inputs)

    async def _spend(self, principal: Principal, challenge: UUID, now: datetime) -> Loaded:
        own = (
            UUID(principal.node_id) if principal.role is Role.AGENT and principal.node_id else None
        )
        async with self._process.database.transaction(principal.tenant_id) as tx:
            spent = await store.spend(tx, challenge, own, now)
            check_node(principal, spent.node_id)
            entry = challenge_entry(principal, "challenge.spend", challenge, "done")
            await self._journal.append(tx, entry)
            policy = await self._policies.get(tx, spent.policy_id)
            models = await known_models(tx, unpack_inventory(spent.inventory))
            return Loaded(spent, policy, await self._references.in_force(tx), models)

    def _read(
        self, spent: Spent, request: AttestationRequest, now: datetime
    ) -> tuple[DerivedChallenge, tuple[Evidence, ...]]:
        key = session_key_digest(request.session_key)
        nonce = check_use(spent, nonce=request.nonce, session_key_sha256=key, now=now)
        return spent.derived(self._settings.server, nonce), decode_evidence(request.evidence)

    async def _refused(self, principal: Principal, spent: Spent, error: LotaError) -> None:
        """Leaves the event behind. It changes nobody's standing: for the node it is silence."""
        self._metrics.refused(error.code)
        entry = challenge_entry(principal, "attestation.refuse", spent.id, error.code)
        await self._group.append(principal.tenant_id, entry)

    async def _apply(
        self,
        principal: Principal,
        request: AttestationRequest,
        profile: Profile,
        loaded: Loaded,
        judged: Judged,
        inputs: Inputs,
    ) -> Attested:
        verdict, spent = judged.verdict, loaded.spent
        own = {item.data_sha256 for item in verdict.evidence}
        await self._keep_shared(judged, own)
        row = attestation_row(judged, uuid4(), spent.id, inputs.now)
        evidence = evidence_rows(verdict, inputs.evidence)
        standing = new_standing(verdict, principal)
        declared = nodes.by_subject(unpack_inventory(spent.inventory))
        devices = device_rows(verdict, declared, standing=standing is not None)
        result = ResultRow(
            id=uuid4(),
            session_key=msgspec.json.encode(request.session_key),
            status_index=spent.status_index,
            issued_at=verdict.evaluated_at,
            expires_at=verdict.evaluated_at + self._lifetime(),
        )
        token = await self._results.sign(
            verdict, judged.digest, result, profile, result.issued_at, loaded.policy
        )
        async with self._process.database.transaction(principal.tenant_id) as tx:
            appended = await self._journal.append(tx, attestation_entry(principal, row))
            await store.record(
                tx,
                row,
                make_parcel(judged.packed, sorted(own)),
                evidence,
                devices,
                result,
                standing,
                appended.id,
            )
        self._metrics.recorded(row.status)
        log = Logged(entry=appended.id, leaf=appended.leaf.hex())
        return attested(row, verdict, evidence, log, token, result.expires_at)

    def _lifetime(self) -> timedelta:
        return self._process.settings.section(AttestationSettings).lifetime  # may have changed

    async def _keep_shared(self, judged: Judged, own: Collection[str]) -> None:
        """Puts what many attestations share where it is found by digest.

        Once in a while: this process remembers what it put.
        """
        for digest, blob in judged.packed.blobs.items():
            if digest not in own:
                if digest not in self._kept:
                    await self._process.blobs.put(blob)
                self._kept[digest] = None
                self._kept.move_to_end(digest)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
