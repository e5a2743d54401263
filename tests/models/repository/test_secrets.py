"""Credentials are found by their form; nothing of them is repeated."""

from base64 import urlsafe_b64encode

import pytest

from lotabots.models import Finding, MemoryTree
from lotabots.models.scan import scan

BODY = "A1b2C3d4E5f6G7h8J9k0L1m2N3p4Q5r6S7t8U9v0W1x2Y3z4"


def found(text: str, path: str = "notes.txt") -> list[Finding]:
    return [
        each for each in scan(MemoryTree({path: text.encode()})).findings if "SECRET" in each.code
    ]


def jwt() -> str:
    parts = (b'{"alg":"none"}', b'{"sub":"nobody"}')
    return (
        ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "." + BODY[:20]
    )


@pytest.mark.parametrize(
    ("what", "value"),
    [
        # Put together here, so that no scanner of this repository takes them for real.
        ("AWS access key", "AKIA" + "ABCDEFGHIJKLMNOP"),
        ("GitHub token", "gh" + "p_" + BODY[:36]),
        ("Hugging Face token", "hf" + "_" + BODY[:34]),
        ("private key", "-----BEGIN " + "EC PRIVATE KEY-----"),
        ("private key", "-----BEGIN " + "PRIVATE KEY-----"),
        ("JSON Web Token", jwt()),
        ("Slack token", "xox" + "b-" + BODY[:24]),
        ("Google key", "AI" + "za" + BODY[:35]),
        ("credentials in a URL", "https://user:" + BODY[:12] + "@host.example"),
    ],
)
def test_a_known_form_is_refused_wherever_it_stands(what: str, value: str) -> None:
    for path in ("notes.txt", "config.txt", "tokenizer.txt"):
        (one,) = found(f"é first\nkey = {value}\n", path)
        assert (one.code, one.measured, one.offset) == ("SECRET-FOUND", what, one.offset)
        assert value not in str(one)


def test_a_random_value_of_a_telling_name_is_a_warning() -> None:
    (one,) = found(f'db_password: "{BODY[:32]}"')
    assert (one.code, one.severity) == ("SECRET-LIKELY", "warning")


@pytest.mark.parametrize(
    "text",
    [
        "password: your-password-goes-here-please",
        "api_key = aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sha256:" + "0123456789abcdef" * 4,
        "the secret of a good soup is time",
        "hf_model_name_with_underscores",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_long_runs_take_linear_time() -> None:
    assert found("eyJ-" * 250_000) == []
    assert found("password" * 100_000) == []
