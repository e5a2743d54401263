"""A result's receipt: held against the appraisal that the token names, and required where asked."""

import json
from typing import Any

import pytest
from plugins.logs import SmallLog, small_log
from result.samples import NOW, need, result, status_list, verdict

from lotabots.appraisal import Verdict
from lotabots.kernel import LotaError, canonical
from lotabots.result import LogEntry, Result, admit, check_receipt
from lotabots.tlog import Policy

PLACE = 3


def entry(about: Verdict, **changes: Any) -> bytes:
    said = {
        "verb": "attestation.record",
        "subject": f"node:{about.node}",
        "outcome": str(about.outcome),
        "digests": {"appraisal": about.digest, "policy": "00"},
        "at": "2026-03-01T12:00:00Z",
    }
    return canonical(said | changes)


def log_with(data: bytes, seed: int = 1) -> SmallLog:
    log = small_log(9, seed=seed)
    log.entries[PLACE] = data
    return log


def trust(log: SmallLog) -> Policy:
    return Policy.parse(f"log {log.verifier.vkey()}\nquorum none\n".encode())


def logged(log: SmallLog, data: bytes | None, place: int = PLACE, **changes: Any) -> Result:
    return result(log=LogEntry(place, log.receipt(PLACE, data)), **changes)


def refused(about: Result, log: SmallLog) -> str:
    with pytest.raises(LotaError) as refusal:
        check_receipt(about, trust(log))
    return refusal.value.code


def test_a_receipt_of_this_very_appraisal_holds() -> None:
    data = entry(verdict())
    log = log_with(data)
    receipted = check_receipt(logged(log, data), trust(log))
    assert (receipted.index, receipted.checkpoint) == (PLACE, log.checkpoint())


def test_a_result_without_receipt_has_none() -> None:
    log = small_log(9)
    assert refused(result(), log) == "RESULT_RECEIPT_MISSING"
    assert refused(result(log=LogEntry(3)), log) == "RESULT_RECEIPT_MISSING"


@pytest.mark.parametrize(
    "changes",
    [
        {"digests": {"appraisal": "00" * 32}},
        {"digests": {}},
        {"verb": "policy.add"},
        {"subject": "node:another"},
        {"outcome": "rejected"},
        {"digests": None},
    ],
)
def test_a_receipt_of_another_entry_is_refused(changes: dict[str, Any]) -> None:
    data = entry(verdict(), **changes)
    log = log_with(data)
    assert refused(logged(log, data), log) == "RESULT_RECEIPT_FOREIGN"


def test_a_receipt_without_its_entry_or_with_a_foreign_one_is_refused() -> None:
    log = log_with(entry(verdict()))
    assert refused(logged(log, None), log) == "RESULT_RECEIPT_FOREIGN"
    assert refused(logged(log, entry(verdict(), at="later")), log) == "TLOG_ROOT_MISMATCH"


def test_a_receipt_for_another_place_is_refused() -> None:
    data = entry(verdict())
    log = log_with(data)
    assert refused(logged(log, data, place=4), log) == "RESULT_RECEIPT_FOREIGN"


def test_a_receipt_of_a_log_that_is_not_trusted_is_refused() -> None:
    data = entry(verdict())
    log = log_with(data)
    assert refused(logged(log_with(data, seed=2), data), log) == "TLOG_UNSIGNED"


def test_what_a_relying_party_asks_of_the_log_is_a_condition_of_admission() -> None:
    data = entry(verdict())
    log = log_with(data)
    asking = need(log=trust(log))
    assert admit(logged(log, data), "node-1", asking, status_list(), NOW)
    (reason,) = admit(result(), "node-1", asking, status_list(), NOW).reasons
    assert reason.code == "ADMIT_UNLOGGED"


def test_what_the_policy_asks_cannot_be_left_out_by_the_relying_party() -> None:
    data = entry(verdict())
    log = log_with(data)
    asking = logged(log, data, needs_receipt=True)
    (reason,) = admit(asking, "node-1", need(), status_list(), NOW).reasons
    assert reason.code == "ADMIT_UNLOGGED"
    assert admit(asking, "node-1", need(log=trust(log)), status_list(), NOW)


def test_no_changed_letter_of_a_receipt_goes_unseen() -> None:
    data = entry(verdict())
    log = log_with(data)
    text = log.receipt(PLACE, data)
    for place, letter in enumerate(text):
        changed = text[:place] + chr(ord(letter) ^ 1) + text[place + 1 :]
        with pytest.raises(LotaError):
            check_receipt(result(log=LogEntry(PLACE, changed)), trust(log))
    assert json.loads(data)["verb"] == "attestation.record"
