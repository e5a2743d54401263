"""The signed result about a model: what the registry knows of it now, for a relying party."""

from datetime import datetime
from uuid import uuid4

import msgspec

from lotabots.appraisal.models import ModelVerdict
from lotabots.attestation.models import store, work
from lotabots.attestation.models.presented import as_verdict
from lotabots.attestation.models.registry import entry
from lotabots.attestation.models.stages import Stages
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.types import SessionKey, SignedResult
from lotabots.audit import Journal
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.result import Profile, StatusRef, issue
from lotabots.runtime.process import Process
from lotabots.runtime.web import WebSettings

KEY_PURPOSE = "result"


class ModelResults:
    """Issues results about models with the keys and the status list of all results."""

    def __init__(self, process: Process, stages: Stages, journal: Journal) -> None:
        self._process = process
        self._stages = stages
        self._journal = journal
        settings = process.settings.section(AttestationSettings)
        self._uri = settings.status_uri(process.settings.section(WebSettings).url)

    async def issue(
        self,
        principal: Principal,
        digest: str,
        session_key: SessionKey,
        profile: Profile,
        now: datetime,
    ) -> SignedResult:
        """The result under the newest verdict; its subject is `model:<digest>`.

        Raises `MODEL_NOT_FOUND`, `MODEL_NOT_VERIFIED`, `KEY_*`.
        """
        settings = self._process.settings.section(AttestationSettings)  # may have changed
        keys = await self._process.keyring.load(KEY_PURPOSE)
        moment = now.replace(microsecond=0)
        async with self._process.database.transaction(principal.tenant_id) as tx:
            row = await store.found(tx, digest)
            newest = await work.newest_verdict(tx, digest)
            if newest is None:
                detail = "The model was not verified yet."
                raise LotaError(Kind.CONFLICT, "MODEL_NOT_VERIFIED", detail)
            approved = await self._stages.is_approved(tx, row, newest[0])
            verdict = as_verdict(ModelVerdict.read(newest[1]), digest, moment, approved=approved)
            place = await store.next_status_index(tx)
            token_id = uuid4()
            await self._journal.append(
                tx,
                entry(
                    principal, "model.result", digest, verdict.outcome,
                    {"appraisal": newest[0], "result": token_id.hex},
                ),
            )  # fmt: skip
            token = issue(
                verdict,
                profile=profile,
                key=keys.current,
                issuer=settings.server,
                audience=settings.audience,
                subject=verdict.node,
                session_key=msgspec.to_builtins(session_key),
                now=moment,
                lifetime=settings.lifetime,
                token_id=str(token_id),
                status=StatusRef(idx=place, uri=self._uri),
                digest=newest[0],
            )
        return SignedResult(result=token, expires_at=moment + settings.lifetime)
