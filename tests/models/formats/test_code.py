"""Hostile files that carry code are refused by their code; good ones beside them are not."""

import pytest
from models.hostile import Control, Hostile
from models.hostile.code import CASES, CONTROLS

from lotabots.models import Memory, Parsed
from lotabots.models.formats import parse


def parsed(control: Control) -> Parsed:
    assert control.files is not None
    ((path, data),) = control.files().items()
    found = parse(path, Memory(data))
    assert found is not None
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_file_is_refused_by_its_code(case: Hostile) -> None:
    assert case.expect in {found.code for found in parsed(case).findings}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_good_file_has_no_findings(control: Control) -> None:
    assert parsed(control).findings == ()


def test_each_case_has_a_name_of_its_own() -> None:
    names = [str(case) for case in CASES]
    assert len(names) == len(set(names))


def test_a_checkpoint_has_its_tensors_with_the_place_of_their_bytes() -> None:
    control = next(each for each in CONTROLS if each.name == "torch-checkpoint")
    found = parsed(control)
    assert found.format == "pytorch"
    assert {tensor.name: (tensor.dtype, tensor.shape) for tensor in found.tensors} == {
        "weight": ("float32", (2, 3)),
        "bias": ("float32", (2,)),
    }
    assert all(tensor.begin % 64 == 0 for tensor in found.tensors)
    assert [tensor.end - tensor.begin for tensor in found.tensors] == [24, 8]


def test_a_keras_model_says_its_class_and_version() -> None:
    found = parsed(next(each for each in CONTROLS if each.name == "keras-dense"))
    assert found.facts == {"class": "Sequential", "keras_version": "3.11.0"}
