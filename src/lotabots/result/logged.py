"""Whether the appraisal behind a result stands in the audit log: the receipt, checked offline.

The log's leaf commits to the appraisal, never to the token, so the receipt brings the entry along
(as the extra data of its C2SP tlog-proof), and the entry must name the appraisal of the token.
"""

import msgspec

from lotabots.kernel import LotaError, invalid, strict_json
from lotabots.result.types import Result
from lotabots.tlog import Policy, Receipt, Receipted, verify_receipt

RECORDED = "attestation.record"
"""The verb of the entry of an attestation."""
MAX_ENTRY_BYTES = 65_535
"""Of any entry (C2SP tlog-tiles)."""


class _Entry(msgspec.Struct, frozen=True):
    """What we ask of an entry; it says more."""

    verb: str
    outcome: str
    subject: str
    digests: dict[str, str]


def check_receipt(result: Result, policy: Policy) -> Receipted:
    """Where the log, as `policy` knows it, holds the appraisal of this result.

    1. the result carries a receipt
    2. the receipt proves its entry under a checkpoint that the policy accepts, at the named index
    3. the entry records an attestation of the result's subject, with its verdict and appraisal

    Raises `RESULT_RECEIPT_MISSING`, `TLOG_*`, `RESULT_RECEIPT_FOREIGN`.
    """
    if result.log is None or result.log.receipt is None:
        raise invalid("RESULT_RECEIPT_MISSING", "The result carries no receipt.")
    entry = Receipt.read(result.log.receipt).extra
    if entry is None:
        raise _foreign("it brings no entry along")
    receipted = verify_receipt(result.log.receipt, entry, policy)
    if receipted.index != result.log.index:
        raise _foreign("it is about another place in the log")
    _check_entry(result, entry)
    return receipted


def _check_entry(result: Result, data: bytes) -> None:
    try:
        entry = msgspec.convert(strict_json(data, max_bytes=MAX_ENTRY_BYTES), _Entry)
    except (LotaError, msgspec.ValidationError) as error:
        raise _foreign("its entry is none of ours") from error
    if entry.verb != RECORDED or entry.digests.get("appraisal") != result.appraisal:
        raise _foreign("its entry records something else than this appraisal")
    if entry.subject != f"node:{result.subject}" or entry.outcome != result.verdict:
        raise _foreign("its entry names another node or verdict")


def _foreign(why: str) -> LotaError:
    return invalid("RESULT_RECEIPT_FOREIGN", f"The receipt is not one of this result: {why}.")
