"""`lotabots verify token`: genuine, in force, for me; and what is not checked is said."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from result.samples import KEY, NOW, issued, verdict

from lotabots.appraisal import Outcome
from lotabots.kernel import KeySet, format_time
from lotabots.result import Profile

Run = Callable[..., Any]
NAMES = ("--issuer", "https://lotabots.example", "--audience", "compute")


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KeySet(current=KEY).jwks()))
    return file


def at(seconds: int = 0) -> str:
    return format_time(NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("profile", list(Profile))
def test_a_genuine_token_is_accepted_in_every_profile(
    lotabots: Run, jwks: Path, profile: Profile
) -> None:
    token = issued(profile=profile)
    ran = lotabots("verify", "token", token, "--jwks", jwks, *NAMES, "--at", at(), "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (0, "accepted")
    assert ran.json["result"]["subject"] == "node-1"


def test_the_exit_code_is_that_of_the_verdict_inside(lotabots: Run, jwks: Path) -> None:
    token = issued(verdict(outcome=Outcome.INCONCLUSIVE, tier=0))
    ran = lotabots("verify", "token", token, "--jwks", jwks, *NAMES, "--at", at(), "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (3, "inconclusive")


def test_an_expired_token_is_rejected(lotabots: Run, jwks: Path) -> None:
    ran = lotabots("verify", "token", issued(), "--jwks", jwks, "--at", at(601), "-o", "json")
    assert (ran.status, ran.json["code"]) == (1, "RESULT_EXPIRED")


def test_a_token_for_somebody_else_is_rejected(lotabots: Run, jwks: Path) -> None:
    ran = lotabots(
        "verify", "token", issued(), "--jwks", jwks, "--audience", "me", "--at", at(), "-o", "json"
    )
    assert (ran.status, ran.json["code"]) == (1, "RESULT_FOREIGN")


def test_a_changed_token_is_rejected_with_a_code(lotabots: Run, jwks: Path) -> None:
    head, body, signature = issued().split(".")
    forged = ".".join((head, body[:-8] + "AAAAAAAA", signature))
    ran = lotabots("verify", "token", forged, "--jwks", jwks, "--at", at(), "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "rejected")
    assert ran.json["code"]


def test_what_was_not_asked_for_is_said_to_be_unchecked(lotabots: Run, jwks: Path) -> None:
    ran = lotabots("verify", "token", issued(), "--jwks", jwks, "--at", at())
    assert ran.status == 0
    assert "not checked: give --issuer" in ran.out
    assert "not checked: give --status" in ran.out


def test_a_token_is_read_from_a_file_too(lotabots: Run, jwks: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(issued() + "\n")
    assert lotabots("verify", "token", file, "--jwks", jwks, "--at", at()).status == 0


def test_keys_that_cannot_be_read_are_a_failed_operation(lotabots: Run, tmp_path: Path) -> None:
    ran = lotabots("verify", "token", issued(), "--jwks", tmp_path / "nowhere")
    assert (ran.status, ran.out) == (4, "")
