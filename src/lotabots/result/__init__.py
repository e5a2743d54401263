"""The signed attestation result, and the one door through which relying parties admit it."""

from lotabots.result.admission import Admission, Need, Reason, Required, admit
from lotabots.result.issuance import issue
from lotabots.result.logged import check_receipt
from lotabots.result.read import SKEW, read_result, verify_result
from lotabots.result.status import (
    INVALID,
    SUSPENDED,
    VALID,
    StatusList,
    issue_status_list,
    read_status_list,
)
from lotabots.result.tiers import Tier
from lotabots.result.types import LogEntry, Profile, Result, ResultPart, StatusRef

__all__ = [
    "INVALID",
    "SKEW",
    "SUSPENDED",
    "VALID",
    "Admission",
    "LogEntry",
    "Need",
    "Profile",
    "Reason",
    "Required",
    "Result",
    "ResultPart",
    "StatusList",
    "StatusRef",
    "Tier",
    "admit",
    "check_receipt",
    "issue",
    "issue_status_list",
    "read_result",
    "read_status_list",
    "verify_result",
]
