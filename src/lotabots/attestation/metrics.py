"""Counters of attestation: how submissions ended."""

from prometheus_client import CollectorRegistry, Counter

from lotabots.appraisal import Outcome


class Metrics:
    """Counts in one process's registry; the few series there are, each looked up once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        recorded = Counter(
            "lotabots_attestations", "Recorded attestations", ["status"], registry=registry
        )
        self._recorded = {str(status): recorded.labels(status) for status in Outcome}
        self._refused = Counter(
            "lotabots_attestations_refused",
            "Submissions that spent a challenge and got no verdict",
            ["code"],
            registry=registry,
        )

    def recorded(self, status: str) -> None:
        """Counts a verdict that was stored."""
        self._recorded[status].inc()

    def refused(self, code: str) -> None:
        """Counts a submission that could not be judged."""
        self._refused.labels(code).inc()
