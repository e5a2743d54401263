"""A host's word about itself, held against its challenge.

1. the statement has its form
2. it carries the nonce of its own place

Software that the host's owner controls says all of this, so its level is `claimed`, whatever holds.
What of it contradicts signed evidence is the appraisal's to find.
"""

from collections.abc import Sequence

import msgspec

from lotabots.evidence import Claims, Context, Evidence, Facts, Finding, Level, NodeClaims
from lotabots.evidence.schemes.host_claims.codes import finding
from lotabots.evidence.schemes.host_claims.statement import Statement, read_statement
from lotabots.kernel import LotaError, equal

KIND = "host"


def verify_hosts(evidence: Sequence[Evidence], context: Context) -> NodeClaims:
    """The claims of each statement. Nothing raises; no fact is about the space between devices."""
    devices = tuple(_verify(item, context) for item in evidence)
    return NodeClaims(devices=devices, facts={}, findings=())


def _verify(item: Evidence, context: Context) -> Claims:
    try:
        statement = read_statement(item.data)
    except LotaError as error:
        why = str(error.details.get("why", error.detail))
        unread = finding("HOST-STATEMENT", item.subject, expected="a statement", measured=why)
        return _claims(item.subject, Level.NONE, {}, (unread,))
    nonce = context.nonces.get(item.subject)
    if nonce is None or not equal(statement.nonce, nonce):
        other = finding(
            "HOST-NONCE-MISMATCH", item.subject, expected="the nonce of its place",
            measured="another",
        )  # fmt: skip
        facts = {**_facts(statement), "level": Level.NONE.value, "nonce": "mismatch"}
        return _claims(item.subject, Level.NONE, facts, (other,))
    facts = {**_facts(statement), "level": Level.CLAIMED.value, "nonce": "match"}
    # Which node it is, the challenge said; whoever answered it is taken to be that node's host.
    if (declared := context.declared.get(item.subject)) is not None:
        facts["id"] = declared
    return _claims(item.subject, Level.CLAIMED, facts, ())


def _facts(statement: Statement) -> Facts:
    """What was stated, by the statement's own names; the GPUs as `devices`, their count `gpus`."""
    # Through JSON: a fact is a list, never a tuple, which nobody would read as one.
    plain: Facts = msgspec.json.decode(msgspec.json.encode(statement.machine))
    devices = plain.pop("gpus", [])
    return {
        "class": KIND,
        "simulated": False,
        **plain,
        "gpus": len(statement.machine.gpus),
        "devices": devices,
    }


def _claims(subject: str, level: Level, facts: Facts, findings: tuple[Finding, ...]) -> Claims:
    return Claims(
        subject=subject, kind=KIND, level=level, simulated=False, facts=facts, findings=findings
    )
