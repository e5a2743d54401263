"""The tally of callers turned away: counted at once, written to the audit log with the count.

A stranger must not be able to write an audit entry with each request, so refusals gather here and
are written once a minute, one entry for each different one.
"""

from collections import Counter as Tally
from collections.abc import Mapping
from uuid import UUID

import msgspec
from prometheus_client import CollectorRegistry, Counter

from lotabots.kernel import OPERATOR_TENANT, Principal

MAX_DIFFERENT = 10_000
"""Different refusals that are kept apart until the tally is taken; then sources are joined."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Who was turned away, from what, and why."""

    code: str
    tenant: UUID
    user: UUID | None
    """None for a stranger."""
    subject: str
    """`address:...` for a stranger, `permission:...` for a user who lacks it; else what was named.

    An address is personal data: the audit log gets a commitment to it, and can forget it.
    """


class Refusals:
    """How often each refusal happened since the tally was last taken."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tally: Tally[Refusal] = Tally()
        self._counter = Counter(
            "lotabots_refusals", "Callers turned away", ["code"], registry=registry
        )

    def stranger(self, address: str, code: str) -> None:
        """Counts someone without a valid identity, by the network address they came from."""
        self._add(_of_stranger(f"address:{address}", code))

    def user(self, caller: Principal, permission: str, code: str) -> None:
        """Counts a user who lacked a permission."""
        self._add(
            Refusal(
                code=code,
                tenant=caller.tenant_id,
                user=caller.user_id,
                subject=f"permission:{permission}",
            )
        )

    def of_tenant(self, tenant: UUID, subject: str, code: str) -> None:
        """Counts someone without a valid identity who named something of a tenant: it learns so."""
        self._add(Refusal(code=code, tenant=tenant, user=None, subject=subject))

    def _add(self, refusal: Refusal) -> None:
        self._counter.labels(refusal.code).inc()
        if refusal not in self._tally and len(self._tally) >= MAX_DIFFERENT:
            refusal = _of_stranger("strangers:many", refusal.code)
        self._tally[refusal] += 1

    def take(self) -> Mapping[Refusal, int]:
        """The tally since the last call, which then begins anew."""
        taken, self._tally = self._tally, Tally()
        return taken

    def give_back(self, taken: Mapping[Refusal, int]) -> None:
        """Puts back what was taken and could not be written."""
        self._tally.update(taken)


def _of_stranger(subject: str, code: str) -> Refusal:
    return Refusal(code=code, tenant=OPERATOR_TENANT, user=None, subject=subject)
