"""The attestation service put together over one process."""

from lotabots.attestation.anchors import tpm_certificates, trusted_anchors
from lotabots.attestation.api import HANDLERS as ATTESTATION_HANDLERS
from lotabots.attestation.authority_api import HANDLERS as AUTHORITY_HANDLERS
from lotabots.attestation.credentials import Credentials
from lotabots.attestation.endorsement import Endorsements
from lotabots.attestation.enrolment import Enrolments
from lotabots.attestation.enrolment_api import HANDLERS as ENROLMENT_HANDLERS
from lotabots.attestation.enrolment_tokens import EnrolmentTokens
from lotabots.attestation.event_api import HANDLERS as EVENT_HANDLERS
from lotabots.attestation.fleet import Fleets
from lotabots.attestation.fleet_api import HANDLERS as FLEET_HANDLERS
from lotabots.attestation.history import History
from lotabots.attestation.judge import Judge
from lotabots.attestation.lifecycle import Lives
from lotabots.attestation.models.api import HANDLERS as MODEL_HANDLERS
from lotabots.attestation.models.contents import Contents
from lotabots.attestation.models.policies import ModelPolicies
from lotabots.attestation.models.registry import Registry
from lotabots.attestation.models.results import ModelResults
from lotabots.attestation.models.stages import Stages
from lotabots.attestation.models.verifying import Verifier
from lotabots.attestation.node_api import HANDLERS as NODE_HANDLERS
from lotabots.attestation.policies import Policies
from lotabots.attestation.renewal import Renewals
from lotabots.attestation.resource_metrics import NewestReports
from lotabots.attestation.results import Results
from lotabots.attestation.revocation_api import HANDLERS as REVOCATION_HANDLERS
from lotabots.attestation.samples import Keeper
from lotabots.attestation.samples_api import HANDLERS as SAMPLES_HANDLERS
from lotabots.attestation.service import Attestations
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.stream import Stream
from lotabots.attestation.webhooks.api import HANDLERS as WEBHOOK_HANDLERS
from lotabots.attestation.webhooks.managing import Webhooks
from lotabots.audit import REFUSALS, AuditSettings, Journal, Receipts, log_signers
from lotabots.evidence import Anchors
from lotabots.reference import References
from lotabots.runtime.appraiser import this_appraiser
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop
from lotabots.runtime.web import Service

HANDLERS = (
    *ATTESTATION_HANDLERS,
    *NODE_HANDLERS,
    *FLEET_HANDLERS,
    *ENROLMENT_HANDLERS,
    *SAMPLES_HANDLERS,
    *AUTHORITY_HANDLERS,
    *REVOCATION_HANDLERS,
    *EVENT_HANDLERS,
    *WEBHOOK_HANDLERS,
    *MODEL_HANDLERS,
)


def service(process: Process, anchors: Anchors | None = None) -> Service:
    """The attestation service. `anchors` are trusted beside NVIDIA's and those of the settings.

    Raises `ANCHORS_MALFORMED`, `ENROLMENT_CA_FILE`, `POLICY_UNKNOWN` for settings that cannot be
    used.
    """
    settings = process.settings.section(AttestationSettings)
    added = (settings.simulated_anchors, settings.simulated_tpms)
    roots = trusted_anchors(added[0], anchors, added[1])
    judge = Judge(roots, this_appraiser(), settings.appraisers, settings.max_waiting)
    journal = Journal(process.keyring)
    policies = Policies(settings.default_policy, journal, process.caches)
    stages = Stages(journal, settings.model_approvals)
    contents = Contents(process.model_files)
    model_policies = ModelPolicies(journal)
    verifier = Verifier(
        journal=journal,
        contents=contents,
        policies=model_policies,
        appraiser=this_appraiser(),
    )
    signers = log_signers(process.keyring, process.settings.section(AuditSettings).origin)
    history = History(process, judge, policies)
    endorsements = Endorsements(
        process.database, References(process), roots, tpm_certificates(*added)
    )
    credentials = Credentials(process)
    tokens = EnrolmentTokens(process, policies, journal)
    keeper = Keeper(settings)
    results = Results(process, policies, Receipts(process.log_files, signers))
    return Service(
        name="attestation",
        handlers=HANDLERS,
        given={
            "contents": contents,
            "model_policies": model_policies,
            "model_results": ModelResults(process, stages, journal),
            "registry": Registry(journal, settings.model_approvals),
            "stages": stages,
            "attestations": Attestations(process, judge, policies, results, journal),
            "fleets": Fleets(process, judge, policies, history),
            "history": history,
            "enrolment_tokens": tokens,
            "enrolments": Enrolments(process, tokens, endorsements, credentials, policies, journal),
            "renewals": Renewals(process, endorsements, credentials, journal),
            "keeper": keeper,
            "lives": Lives(journal),
            "journal": journal,
            "policies": policies,
            "results": results,
            "stream": Stream(process),
            "webhooks": Webhooks(process, journal),
        },
        loops=(REFUSALS, verifier.loop, keeper.loop, *_shown(process, settings)),
    )


def _shown(process: Process, settings: AttestationSettings) -> tuple[Loop, ...]:
    """What keeps the newest reports at /metrics, if they are to be there."""
    if not settings.resource_metrics:
        return ()
    newest = NewestReports(process.telemetry.registry, process.clock, settings.resource_metrics)
    return (newest.loop,)
