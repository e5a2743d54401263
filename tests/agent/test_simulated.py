"""A simulated machine sends the logs that a quote needs, and no others."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lotabots.agent.simulated import SimulatedMachine, new_simulation
from lotabots.agent.wire import TpmPlace
from lotabots.evidence import DerivedChallenge, InventoryItem

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def root_of(place: TpmPlace | None) -> dict[str, Any]:
    """The root's evidence for a light challenge."""
    machine = SimulatedMachine.of(new_simulation(0, "GH100", tpm=True), lambda: NOW)
    challenge = DerivedChallenge(
        server="urn:server",
        challenge="challenge-1",
        node="node-1",
        session_key_sha256="cd" * 32,
        nonce=bytes(32),
        inventory=(*machine.node.inventory, InventoryItem("host", "node-1")),
    )
    said = {one.subject: one for one in machine.answer(challenge, place).evidence}
    assert said.keys() == {"host0", "tpm0"}
    return dict(json.loads(said["tpm0"].data))


def place(**changes: Any) -> TpmPlace:
    fields = {"reset_count": 1, "restart_count": 0, "ima_entries": 4, "event_log": False}
    return TpmPlace(**(fields | changes))


def test_in_a_boot_that_was_judged_only_what_is_new_is_sent() -> None:
    sent = root_of(place())
    assert (sent["event_log"], sent["ima"]["from"]) == (None, 4)


def test_the_firmwares_log_is_sent_where_it_is_needed() -> None:
    sent = root_of(place(event_log=True))
    assert sent["event_log"] is not None
    assert sent["ima"]["from"] == 4


@pytest.mark.parametrize("before", [None, place(reset_count=0), place(restart_count=1)])
def test_of_another_boot_both_logs_are_sent_from_their_beginning(before: TpmPlace | None) -> None:
    sent = root_of(before)
    assert sent["event_log"] is not None
    assert sent["ima"]["from"] == 0
