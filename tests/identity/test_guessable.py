"""Which new passwords are refused because anyone would guess them, and which are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.identity.guessable import why_guessable
from lotabots.kernel import sha256_hex

GUESSABLE = [
    "passwordpassword",
    "password12345!",
    "P@ssw0rd12345",
    "Summer2024!!!",
    "123456789012",
    "qwertyuiop123",
    "1qaz2wsx3edc",
    "iloveyou1234",
    "aaaaaaaaaaaa",
    "abcabcabcabc",
    "adminadmin2024",
    "Welcome12345",
    "lotabots2026!",
    "zxcvbnmasdfghjkl",
    "letmeinletmein",
    "passw0rdpassw0rd",
    "qazwsxedcrfv",
    "111122223333",
    "changeme12345",
    "monkeydragon1",
    "0987654321qwerty",
    "qwertzuiop1999",
    "secret.secret.secret",
    "hunter2hunter2",
    "............",
    "!@#$%^&*()!@",
    "abcdefghijklmnop",
    "football20242025",
]


@pytest.mark.parametrize("password", GUESSABLE)
def test_a_password_of_common_words_walks_years_or_repetitions_is_refused(password: str) -> None:
    assert why_guessable(password, "ada", "lovelace@example.org")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "tr0ub4dor&3zebra",
        "canary-canary-canary",
        "staple-otter-window",
        "Gk7#mQz!9pLw",
        "the cat sat on a mat",
        "пароль длинный",
        "my dog hates mondays in rotterdam",
        "8f14e45fceea167a",
    ],
)
def test_a_password_with_something_of_its_own_is_taken(password: str) -> None:
    assert why_guessable(password, "ada", "lovelace@example.org") is None


@pytest.mark.parametrize("password", ["ada.lovelace1", "AdaLovelace!2024", "lovelacelovelace"])
def test_the_name_of_its_user_is_no_password(password: str) -> None:
    said = why_guessable(password, "ada", "lovelace@example.org")
    assert said == "It is little more than your own name."


@given(st.text(max_size=1024))
def test_any_text_is_judged(password: str) -> None:
    assert why_guessable(password, "ada") in {
        None,
        "It is little more than your own name.",
        "It is made of common words, keys in a row, years or repetitions.",
    }


@given(st.integers(0, 2**64))
def test_random_hex_digits_are_taken(seed: int) -> None:
    assert why_guessable(sha256_hex(str(seed).encode())[:20]) is None
