import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.compliance import Card
from lotabots.appraisal.compliance.card import MAX_CARD_BYTES, read_card

TEXT = b"""---
license: mit
language: no
---
# Pumps

## Intended Use
Answers.

```
# not a heading
```
### Out-of-scope use ###
Medicine.
"""


def test_a_card_is_read_with_its_front_matter_and_sections() -> None:
    card = read_card(TEXT)
    assert card is not None
    assert card.metadata == {"license": "mit", "language": "no"}
    assert set(card.sections) == {"pumps", "intended use", "out-of-scope use"}
    assert card.sections["out-of-scope use"] == "Medicine."


def test_a_card_without_front_matter_has_only_sections() -> None:
    assert read_card(b"# A\nb") == Card(metadata={}, sections={"a": "b"})


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"---\na: 1\na: 2\n---\n",
        b"---\n[1]\n---\n",
        b"---\na: &x 1\n---\n",
        b"---\nnever ended",
        b"x" * (MAX_CARD_BYTES + 1),
    ],
)
def test_a_card_with_several_readings_is_not_known(data: bytes) -> None:
    assert read_card(data) is None


def test_lines_of_nothing_but_marks_and_space_are_read_in_no_time() -> None:
    for line in ("#" * 1_000_000, "# " + " " * 1_900_000 + "x", "# x" + " #" * 900_000 + "x"):
        card = read_card(line.encode())
        assert card is not None
        assert all(len(heading) <= 200 for heading in card.sections)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: TEXT + text.encode()))
def test_any_bytes_are_a_card_or_none(data: bytes) -> None:
    read_card(data)
