"""The devices that answered are those that the node declared, each in its place."""

from collections.abc import Iterator

from lotabots.appraisal.checks.case import Case, finding
from lotabots.evidence import Claims, Finding, InventoryItem

MISPLACED = frozenset(
    {
        "NODE-SUBJECT-REPEATED",
        "NODE-DEVICE-MISSING",
        "NODE-DEVICE-UNDECLARED",
        "NODE-DEVICE-UNPROVEN",
        "NODE-DEVICE-SWAPPED",
    }
)
"""The codes that say that the node's devices are not all, or not surely, in their places."""


def check(case: Case) -> Iterator[Finding]:
    """One finding for each device that is silent, undeclared, unproven or another one."""
    seen: set[str] = set()
    for claims in case.claims:
        if claims.subject in seen:
            yield finding(
                "NODE-SUBJECT-REPEATED",
                claims.subject,
                expected="each subject once",
                measured="the same subject again",
            )
        seen.add(claims.subject)
        if case.inventory is not None:
            yield from _in_its_place(claims, case.inventory.get(claims.subject))
    for subject, item in (case.inventory or {}).items():
        if subject not in seen:
            yield finding(
                "NODE-DEVICE-MISSING",
                subject,
                expected=f"evidence of {item.device_id}",
                measured="no evidence",
            )


def _in_its_place(claims: Claims, declared: InventoryItem | None) -> Iterator[Finding]:
    device_id = claims.facts.get("id")
    if declared is None:
        yield finding(
            "NODE-DEVICE-UNDECLARED",
            claims.subject,
            expected="a device of the inventory",
            measured=str(device_id or "an unproven device"),
        )
    elif device_id is None:
        yield finding(
            "NODE-DEVICE-UNPROVEN",
            claims.subject,
            expected=declared.device_id,
            measured="no proven device id",
        )
    elif (claims.kind, device_id) != (declared.kind, declared.device_id):
        yield finding(
            "NODE-DEVICE-SWAPPED",
            claims.subject,
            expected=f"{declared.kind} {declared.device_id}",
            measured=f"{claims.kind} {device_id}",
        )
