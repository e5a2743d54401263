"""Nothing that an operator revoked stands in a node: not it, its devices, versions, files or keys.

Only what was proven of a device counts, and what the host claims of its driver: a revocation can
only make a verdict worse, so a claim is enough for it.
"""

from collections.abc import Iterator, Mapping

from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.fixture import NODE
from lotabots.evidence import Claims, Finding, Revocation

_CODES: Mapping[str, str] = {
    "node": "NODE-REVOKED",
    "quarantine": "NODE-QUARANTINED",
    "device": "DEVICE-REVOKED",
    "reference": "REFERENCE-REVOKED",
    "key": "KEY-REVOKED",
    "driver": "DRIVER-REVOKED",
}
_DEPTH = 8


def check(case: Case) -> Iterator[Finding]:
    """One finding for each revocation that hits the node or one of its devices."""
    if not case.revoked:
        return
    devices = {claims.subject: dict(_named(claims)) for claims in case.claims}
    # A device that is declared and proves nothing is the one that it is declared to be.
    for subject, item in (case.inventory or {}).items():
        names = devices.setdefault(subject, {})
        if not any(kind == "device" for kind, _ in names):
            names["device", item.device_id] = item.device_id
    for one in case.revoked:
        if one.kind in ("node", "quarantine"):
            if one.value == case.node:
                yield _finding(one, NODE)
            continue
        for subject, names in devices.items():
            if (one.kind, one.value) in names:
                yield _finding(one, subject)


def _finding(one: Revocation, subject: str) -> Finding:
    return finding(
        _CODES[one.kind],
        subject,
        expected="nothing that is revoked",
        measured=f"{one.value}: {one.reason}",
    )


def _named(claims: Claims) -> Iterator[tuple[tuple[str, str], str]]:
    """Kind and value of everything in a device's facts that could be revoked."""
    device = claims.facts.get("id")
    if isinstance(device, str):
        yield ("device", device), device
    for name, value in _leaves(claims.facts, 0):
        if name == "driver":
            yield ("driver", value), value
        elif name == "sha256":
            yield ("reference", value), value
        elif name.endswith("spki_sha256"):
            yield ("key", value), value


def _leaves(value: object, depth: int, name: str = "") -> Iterator[tuple[str, str]]:
    """Name and text of every fact that is a text; a list's items have the name of the list."""
    if isinstance(value, str):
        yield name, value
    elif depth < _DEPTH and isinstance(value, dict):
        for inner, one in value.items():
            yield from _leaves(one, depth + 1, inner)
    elif depth < _DEPTH and isinstance(value, list):
        for one in value:
            yield from _leaves(one, depth + 1, name)
