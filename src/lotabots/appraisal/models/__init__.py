"""Who is trusted to sign which models, and the verdict on one: findings, signers, outcome."""

from lotabots.appraisal.models.case import Case
from lotabots.appraisal.models.checks.signatures import check as check_signatures
from lotabots.appraisal.models.checks.versions import check as check_versions
from lotabots.appraisal.models.facts import Previous, Signed, Signer, SignerKind
from lotabots.appraisal.models.judge import judge_model
from lotabots.appraisal.models.known import scan_options, scanned_of, signed_of
from lotabots.appraisal.models.policy import (
    Choice,
    Mode,
    ModelPolicy,
    ModelRule,
    load_model_policy,
)
from lotabots.appraisal.models.scanned import Scanned, ScannedFile
from lotabots.appraisal.models.trusted import TrustedSigner, count_distinct
from lotabots.appraisal.models.verdict import ControlStatus, ModelVerdict, Reason
from lotabots.appraisal.models.versions import order_of
from lotabots.appraisal.models.written import SAFE_FORMATS, Digest

__all__ = [
    "SAFE_FORMATS",
    "Case",
    "Choice",
    "ControlStatus",
    "Digest",
    "Mode",
    "ModelPolicy",
    "ModelRule",
    "ModelVerdict",
    "Previous",
    "Reason",
    "Scanned",
    "ScannedFile",
    "Signed",
    "Signer",
    "SignerKind",
    "TrustedSigner",
    "check_signatures",
    "check_versions",
    "count_distinct",
    "judge_model",
    "load_model_policy",
    "order_of",
    "scan_options",
    "scanned_of",
    "signed_of",
]
