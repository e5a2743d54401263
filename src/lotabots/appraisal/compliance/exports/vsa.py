"""A compliance report as a SLSA verification summary: an in-toto statement, not yet signed.

Source: SLSA 1.0, verification summary (predicate `https://slsa.dev/verification_summary/v1`);
in-toto attestation framework, Statement v1. We verify no SLSA track: the levels are our own packs,
and a name that begins with `SLSA_` would claim what nobody looked at.
"""

from lotabots.appraisal.compliance.exports.words import one_line
from lotabots.appraisal.compliance.report import ComplianceReport
from lotabots.appraisal.controls import Status
from lotabots.appraisal.verdict import Outcome
from lotabots.kernel import Json, canonical, format_time

PREDICATE = "https://slsa.dev/verification_summary/v1"
VERIFIER = "https://lotabots.dev/model-compliance"


def verification_summary(report: ComplianceReport) -> bytes:
    """The statement as canonical JSON. PASSED only where every control passes, applies not or is
    waived; what is unknown is FAILED.
    """
    passed = report.outcome is Outcome.ACCEPTED
    # Without a policy the catalogue is what was held against.
    policy: dict[str, Json] = {
        "uri": f"urn:lotabots:catalogue:{'+'.join(report.controls.packs)}",
        "digest": {"sha256": report.controls.catalogue_digest},
    }
    predicate: dict[str, Json] = {
        "verifier": {
            "id": VERIFIER,
            "version": {"lotabots": report.appraiser.version, "digest": report.appraiser.digest},
        },
        "timeVerified": format_time(report.evaluated_at),
        "resourceUri": f"urn:lotabots:model:{one_line(report.name)}@{one_line(report.version)}",
        "policy": policy,
        "inputAttestations": [
            {
                "uri": "urn:lotabots:compliance-report",
                "digest": {"sha256": report.digest},
            }
        ],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": list(_levels(report)) if passed else ["FAILED"],
        "slsaVersion": "1.0",
    }
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": one_line(report.name), "digest": {"strongRoot": report.root}}],
            "predicateType": PREDICATE,
            "predicate": predicate,
        }
    )


def _levels(report: ComplianceReport) -> list[str]:
    """One level for each pack; with a waiver in it, it says so."""
    waived = {one.id for one in report.controls.results if one.status is Status.WAIVED}
    return [
        f"LOTABOTS_{pack.upper().replace('-', '_').replace('.', '_')}"
        + ("_WAIVED" if waived & set(report.controls.members[pack]) else "")
        for pack in report.controls.packs
    ]
