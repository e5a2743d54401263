"""A verdict about a node of two GPUs and a switch, and everything that turns it into a token."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from lotabots.appraisal import Appraiser, Binding, Outcome, Part, Strength, Verdict
from lotabots.evidence import Level
from lotabots.kernel import (
    KeySet,
    SigningKey,
    VerificationKeys,
    decode_base64url,
    sign_jws,
)
from lotabots.result import (
    Need,
    Profile,
    Required,
    Result,
    StatusList,
    StatusRef,
    issue,
    issue_status_list,
    read_result,
    read_status_list,
)

KEY = SigningKey(derive_private_key(21, SECP256R1()))
SESSION = SigningKey(derive_private_key(22, SECP256R1()))
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = "urn:lotabots:policy:default@sha256:" + "ab" * 32
STATUS = StatusRef(3, "https://lotabots.example/v1/status/1")


def part(subject: str, **changes: Any) -> Part:
    kind = subject.rstrip("0123456789")
    chip = {"gpu": "GH100", "switch": "LS10"}[kind]
    given: dict[str, Any] = {
        "subject": subject,
        "kind": kind,
        "outcome": Outcome.ACCEPTED,
        "tier": 2,
        "level": Level.ATTESTED,
        "simulated": False,
        "vector": {"hardware": 2, "executables": 2, "instance-identity": 2},
        "facts": {"id": f"NVIDIA:{chip}:{subject}", "chip": chip, "driver": "550.90.07"},
        "findings": (),
    }
    return Part(**(given | changes))


def verdict(**changes: Any) -> Verdict:
    given: dict[str, Any] = {
        "outcome": Outcome.ACCEPTED,
        "tier": 2,
        "parts": (part("gpu0"), part("gpu1"), part("switch0")),
        "facts": {"topology": {"status": "closed"}},
        "findings": (),
        "bindings": (Binding(between="gpu-host", strength=Strength.WEAK, why="no TDISP"),),
        "policy_id": POLICY,
        "reference_digest": "aa" * 32,
        "collateral_digest": "bb" * 32,
        "evidence": (),
        "challenge": "challenge-1",
        "node": "node-1",
        "evaluated_at": NOW,
        "appraiser": Appraiser(version="0.1.0", digest="cc" * 32),
    }
    return Verdict(**(given | changes))


def issued(about: Verdict | None = None, **changes: Any) -> str:
    given: dict[str, Any] = {
        "profile": Profile.VERAISON_2023,
        "key": KEY,
        "issuer": "https://lotabots.example",
        "audience": "compute",
        "subject": "node-1",
        "session_key": SESSION.jwk_public(),
        "now": NOW,
        "lifetime": timedelta(minutes=5),
        "token_id": "result-1",
        "status": STATUS,
    }
    return issue(about or verdict(), **(given | changes))


def payload_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode_base64url(token.split(".")[1]))
    return claims


def resigned(claims: object, typ: str = "eat+jwt") -> str:
    """A token that our key truly signed, with whatever claims."""
    data = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return sign_jws(data, KEY, typ)


def keys() -> VerificationKeys:
    return KeySet(current=KEY).verifying()


def result(about: Verdict | None = None, **changes: Any) -> Result:
    return read_result(issued(about, **changes), keys())


def status_list(statuses: dict[int, int] | None = None, **changes: Any) -> StatusList:
    given: dict[str, Any] = {
        "size": 100,
        "bits": 2,
        "uri": STATUS.uri,
        "key": KEY,
        "now": NOW,
        "lifetime": timedelta(minutes=1),
        "ttl": timedelta(seconds=5),
    }
    return read_status_list(issue_status_list(statuses or {}, **(given | changes)), keys())


def need(**changes: Any) -> Need:
    given: dict[str, Any] = {
        "issuer": "https://lotabots.example",
        "audience": "compute",
        "policies": frozenset({POLICY}),
        "required": (
            Required(kind="gpu", count=2, level=Level.ATTESTED),
            Required(kind="switch", count=1, level=Level.ATTESTED),
        ),
    }
    return Need(**(given | changes))
