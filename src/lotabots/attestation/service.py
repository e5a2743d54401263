"""From challenge to result: spend, load, judge, apply. Each of the two commits stands alone.

1. `challenge`: random bytes for one node, one session key, one policy; stored hashed, for 60 s.
2. `submit` spends it, in a transaction of its own, before a byte of evidence is looked at.
3. What is needed is loaded; the verdict is a pure function of it, computed in a worker thread.
4. What many attestations share (certificates, policy) goes to the blobs, by content.
5. One transaction stores attestation, evidence, devices, result, audit entry, how the node stands
   now, and the challenge for what comes next; then we answer.

If anything fails after 2, nothing is acknowledged and the challenge stays spent.
"""

from datetime import datetime

from lotabots.appraisal import Inputs, Scope
from lotabots.attestation.challenging import Challenges
from lotabots.attestation.judge import Judge
from lotabots.attestation.loading import Loaded, Loader
from lotabots.attestation.metrics import Metrics
from lotabots.attestation.outcome import challenge_entry
from lotabots.attestation.policies import Policies
from lotabots.attestation.recording import Recorder
from lotabots.attestation.results import Results
from lotabots.attestation.revoked import RevokedThings
from lotabots.attestation.session import (
    check_inventory,
    check_life,
    check_own_key,
    check_use,
    decode_evidence,
    session_key_digest,
)
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.submission import Submission
from lotabots.attestation.types import (
    AttestationRequest,
    Attested,
    ChallengeRequest,
    IssuedChallenge,
)
from lotabots.audit import Group, Journal
from lotabots.evidence import DerivedChallenge, Evidence
from lotabots.kernel import LotaError, Principal
from lotabots.result import Profile
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process


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
        self._server = process.settings.section(AttestationSettings).server
        self._judge = judge
        self._group = Group(process.database, journal)
        self._metrics = Metrics(process.telemetry.registry)
        revoked = RevokedThings(process.caches)
        self._challenges = Challenges(self._server, policies, revoked, journal)
        self._loader = Loader(process, policies, revoked, journal)
        self._recorder = Recorder(
            process, policies, self._challenges, results, journal, self._metrics
        )

    async def challenge(
        self, tx: Transaction, principal: Principal, request: ChallengeRequest, now: datetime
    ) -> IssuedChallenge:
        """A new challenge for a node. Raises `NODE_*`, `POLICY_*`, `KEY_*`, `CHALLENGE_*`."""
        return await self._challenges.create(tx, principal, request, now)

    async def submit(
        self, principal: Principal, request: AttestationRequest, profile: Profile, now: datetime
    ) -> Attested:
        """The verdict on what a node sent, stored and signed.

        Raises `CHALLENGE_*`, `NODE_*`, `CREDENTIAL_REPLACED`, `EVIDENCE_*`, `APPRAISAL_BUSY`,
        `DATABASE_*`; false evidence raises nothing: it gets a verdict.
        """
        loaded = await self._loader.spend(principal, request.challenge, now)
        known = loaded.known
        try:
            check_life(principal, known.lifecycle, known.agent_key)
            challenge, evidence = self._read(loaded, request, now)
        except LotaError as error:
            await self._refused(principal, loaded, error)
            raise
        inputs = Inputs(
            evidence=evidence,
            challenge=challenge,
            reference=await self._loader.files(principal, loaded),
            policy=loaded.policy,
            anchors=self._judge.anchors,
            now=now,
            node=str(known.node_id),
            scope=Scope(loaded.spent.scope),
            identity=known.identity,
            previous=known.state,
            tpms=known.tpms,
            revoked=loaded.revoked.things,
            models=loaded.models,
        )
        judged = await self._judge.judge(inputs)
        return await self._recorder.record(
            Submission(
                principal=principal,
                request=request,
                profile=profile,
                loaded=loaded,
                inputs=inputs,
                judged=judged,
            )
        )

    def _read(
        self, loaded: Loaded, request: AttestationRequest, now: datetime
    ) -> tuple[DerivedChallenge, tuple[Evidence, ...]]:
        key = session_key_digest(request.session_key)
        nonce = check_use(loaded.spent, nonce=request.nonce, session_key_sha256=key, now=now)
        check_own_key(key, loaded.known.agent_key)
        if loaded.spent.scope is Scope.FULL:
            check_inventory(loaded.asked, loaded.known.inventory)
        return loaded.spent.derived(self._server, nonce), decode_evidence(request.evidence)

    async def _refused(self, principal: Principal, loaded: Loaded, error: LotaError) -> None:
        """Leaves the event behind. It changes nobody's standing: for the node it is silence."""
        self._metrics.refused(error.code)
        entry = challenge_entry(principal, "attestation.refuse", loaded.spent.id, error.code)
        await self._group.append(principal.tenant_id, entry)
