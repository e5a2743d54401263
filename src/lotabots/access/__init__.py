"""Who may do what: roles, permissions, and the strict profile of user tokens."""

from lotabots.access.api_keys import PREFIX as API_KEY_PREFIX
from lotabots.access.api_keys import ApiKey, read_api_key, write_api_key
from lotabots.access.decision import Decision, Resource, authorize
from lotabots.access.enrolment import PREFIX as ENROLMENT_PREFIX
from lotabots.access.enrolment import (
    EnrolmentToken,
    activation_proof,
    read_enrolment_token,
    renewal_data,
)
from lotabots.access.internal import InternalCache, Visit, issue_internal, verify_internal
from lotabots.access.proofs import ALGORITHMS, Call, Proof, SeenProofs, make_proof, verify_proof
from lotabots.access.roles import PERMISSIONS, Permission, may_give, permissions_of
from lotabots.access.tokens import MAX_CREDENTIAL_LIFETIME, issue_token, verify_token

__all__ = [
    "ALGORITHMS",
    "API_KEY_PREFIX",
    "ENROLMENT_PREFIX",
    "MAX_CREDENTIAL_LIFETIME",
    "PERMISSIONS",
    "ApiKey",
    "Call",
    "Decision",
    "EnrolmentToken",
    "InternalCache",
    "Permission",
    "Proof",
    "Resource",
    "SeenProofs",
    "Visit",
    "activation_proof",
    "authorize",
    "issue_internal",
    "issue_token",
    "make_proof",
    "may_give",
    "permissions_of",
    "read_api_key",
    "read_enrolment_token",
    "renewal_data",
    "verify_internal",
    "verify_proof",
    "verify_token",
    "write_api_key",
]
