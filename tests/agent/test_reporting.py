"""Reports wait while the server is away, in a queue with a bound, and hold up nothing."""

import io
from collections.abc import Sequence

from lotabots.agent.reporting import MOST_AT_ONCE, Reporting
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.telemetry import open_telemetry

LOG = open_telemetry("error", io.BytesIO()).log


class Sink:
    """Where reports go; `error` is what it raises instead of taking those in `refused`, or any."""

    def __init__(self, error: LotaError | None = None, refused: Sequence[object] = ()) -> None:
        self.error = error
        self.refused = refused
        self.taken: list[object] = []
        self.asked = 0

    def report(self, reports: Sequence[object]) -> None:
        self.asked += 1
        if self.error is not None:
            for place, one in enumerate(reports):
                if one in self.refused:
                    raise LotaError(self.error.kind, self.error.code, "no", index=place)
            if not self.refused:
                raise self.error
        self.taken.extend(reports)


def reporting(count: int, most: int = 5) -> Reporting:
    """So many reports taken, as fast as can be."""
    numbers = iter(range(count + 1))
    made = Reporting(lambda: next(numbers), 1e-9, most, LOG)
    for _ in range(count):
        made.tick()
    return made


def test_reports_are_sent_in_the_order_in_which_they_were_taken() -> None:
    reports, sink = reporting(3), Sink()
    reports.send(sink)
    assert (sink.taken, reports.waiting) == ([0, 1, 2], 0)


def test_the_oldest_go_first_when_too_many_wait() -> None:
    reports, sink = reporting(8), Sink()
    reports.send(sink)
    assert (sink.taken, reports.dropped) == ([3, 4, 5, 6, 7], 3)


def test_what_cannot_be_sent_waits_for_the_server() -> None:
    reports = reporting(3)
    away = Sink(LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", "away"))
    reports.send(away)
    assert (away.asked, reports.waiting) == (1, 3)
    sink = Sink()
    reports.send(sink)
    assert sink.taken == [0, 1, 2]


def test_a_report_that_is_refused_for_good_does_not_block_the_others() -> None:
    reports = reporting(5)
    refusing = Sink(LotaError(Kind.VALIDATION, "SAMPLE_TOO_OLD", "too old"), refused=(0, 1, 3))
    reports.send(refusing)
    assert refusing.taken == [2, 4]
    assert (refusing.asked, reports.waiting, reports.dropped) == (4, 0, 3)


def test_reports_that_are_refused_together_are_all_given_up() -> None:
    reports = reporting(3)
    refusing = Sink(LotaError(Kind.VALIDATION, "REQUEST_MALFORMED", "no"))
    reports.send(refusing)
    assert (refusing.asked, reports.waiting, reports.dropped) == (1, 0, 3)


def test_a_server_that_was_away_gets_a_few_at_a_time() -> None:
    reports, sink = reporting(100, most=100), Sink()
    reports.send(sink)
    assert (sink.asked, len(sink.taken)) == (1, MOST_AT_ONCE)
    assert reports.waiting == 100 - MOST_AT_ONCE


def test_a_report_that_cannot_be_taken_ends_nothing() -> None:
    def broken() -> object:
        raise RuntimeError("a driver")

    reports = Reporting(broken, 1e-9, 5, LOG)
    reports.tick()
    assert reports.waiting == 0


def test_no_report_is_taken_where_none_is_wanted() -> None:
    for reports in (Reporting(None, 60, 5, LOG), Reporting(object, 0, 5, LOG)):
        reports.tick()
        assert (reports.waiting, reports.due_in) == (0, float("inf"))
