"""A model card is read as YAML with one reading, and its numbers are held against the weights."""

import pytest
from models.hostile.repository import card, changed, licence

from lotabots.models import MemoryTree
from lotabots.models.repository.cards import front_matter
from lotabots.models.repository.licences import KNOWN, recognise
from lotabots.models.scan import scan


def codes(text: bytes) -> set[str]:
    found = scan(MemoryTree(dict(changed(README_dot_md=text)))).findings
    return {each.code for each in found}


@pytest.mark.parametrize("stated", ["392", "0.39K", "~392", "0.392 thousand", "390"])
def test_a_number_that_is_rounded_agrees(stated: str) -> None:
    assert codes(card(parameters=stated)) == set()


@pytest.mark.parametrize("stated", ["431", "353", "0.43K", "3.92K", "392M", "1K"])
def test_a_number_that_is_a_tenth_off_is_refused(stated: str) -> None:
    assert codes(card(parameters=stated)) == {"CARD-PARAMETERS"}


def test_words_of_other_models_are_not_this_models_number() -> None:
    assert codes(card() + b"\nIt is better than models of 70B parameters.\n") == set()


@pytest.mark.parametrize(
    "front", ["a: &x 1\nb: *x\n", "a: !!python/none x\n", "a: 1\na: 2\n", "- a\n", "a: [\n"]
)
def test_front_matter_with_several_readings_is_inconclusive(front: str) -> None:
    (one,) = front_matter("README.md", f"---\n{front}---\n").findings
    assert (one.code, one.severity) == ("CARD-MALFORMED", "inconclusive")


def test_a_card_without_front_matter_states_nothing() -> None:
    text = "# A model\n---\na: b\n---\n"
    assert front_matter("README.md", text) == ({}, (), text)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_each_known_licence_is_recognised_by_its_own_phrases(name: str) -> None:
    assert recognise(licence(name).decode()) == (name, 1.0)


def test_a_text_that_lost_half_of_itself_is_less_similar() -> None:
    text = licence("apache-2.0").decode().replace("lorem", "", 900)
    name, similarity = recognise(text)
    assert name == "apache-2.0"
    assert similarity < 0.9
