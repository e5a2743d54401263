"""Of verdicts that come at one time each follows the state that it was made from, or is refused."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from lotabots.appraisal import Outcome
from lotabots.attestation.committing import standing_before
from lotabots.attestation.store import AttestationRow, Held, StandingRow
from lotabots.attestation.submission import Prepared
from lotabots.kernel import LotaError

NODE, OTHER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KNOWN = "of the state that all of them were judged from"


def prepared(
    standing: Outcome | None, known: str | None = KNOWN, node: UUID = NODE, *, own: bool = True
) -> Prepared:
    """A verdict about to be stored: as far as it matters here."""
    none: Any = None
    texts = dict.fromkeys(AttestationRow.__struct_fields__, "")
    row: Any = texts | {"id": NODE, "hardware_id": str(node), "metadata": {}, "created_at": NOW}
    return Prepared(
        one=none,
        row=AttestationRow(**row),
        parcel=b"",
        evidence=[],
        node=StandingRow(standing=standing, known=known) if own else None,
        result=none,
    )


def befores(*given: Prepared) -> list[str | None]:
    nodes = {NODE: Held("accepted", KNOWN), OTHER: Held("stale", None)}
    return [
        one.code if isinstance(one, LotaError) else one
        for one in standing_before(nodes, list(given))
    ]


def test_a_verdict_from_the_nodes_own_state_passes_and_says_how_the_node_stood() -> None:
    assert befores(prepared(Outcome.INCONCLUSIVE)) == ["accepted"]
    assert befores(prepared(Outcome.ACCEPTED, None, OTHER)) == ["stale"]


def test_of_two_from_one_state_the_first_counts() -> None:
    pair = (prepared(Outcome.ACCEPTED), prepared(Outcome.ACCEPTED))
    assert befores(*pair) == ["accepted", "NODE_STATE_CHANGED"]


def test_one_from_a_state_that_is_gone_does_not_count() -> None:
    assert befores(prepared(Outcome.ACCEPTED, "of an older one")) == ["NODE_STATE_CHANGED"]
    assert befores(prepared(Outcome.INCONCLUSIVE, None)) == ["NODE_STATE_CHANGED"]


def test_a_rejection_counts_from_whatever_state_and_nothing_made_beside_it_undoes_it() -> None:
    assert befores(prepared(Outcome.REJECTED, "of an older one")) == ["accepted"]
    several = (
        prepared(Outcome.ACCEPTED),
        prepared(Outcome.REJECTED),
        prepared(Outcome.ACCEPTED),
    )
    assert befores(*several) == ["accepted", "accepted", "NODE_STATE_CHANGED"]


def test_nodes_do_not_get_in_each_others_way() -> None:
    pair = (prepared(Outcome.ACCEPTED), prepared(Outcome.ACCEPTED, None, OTHER))
    assert befores(*pair) == ["accepted", "stale"]


def test_what_counts_as_silence_is_only_tried_and_what_is_not_the_nodes_own_moves_nothing() -> None:
    tried = prepared(None, "of an older one")
    assert befores(tried, prepared(Outcome.ACCEPTED)) == ["accepted", "accepted"]
    assert befores(prepared(None, own=False), prepared(Outcome.ACCEPTED)) == [None, "accepted"]


def test_a_node_that_is_not_there_any_more_has_no_verdict() -> None:
    assert befores(prepared(Outcome.REJECTED, node=UUID(int=3))) == ["NODE_STATE_CHANGED"]
