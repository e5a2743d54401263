"""Who is trusted to sign which models, and the verdict on one: findings, signers, outcome."""

from lotabots.appraisal.models.facts import Previous, Signed, Signer, SignerKind
from lotabots.appraisal.models.judge import judge_model
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

__all__ = [
    "Choice",
    "ControlStatus",
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
    "count_distinct",
    "judge_model",
    "load_model_policy",
]
