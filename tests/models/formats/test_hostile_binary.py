"""Every hostile binary file is refused by the code it must be, and every good one is accepted."""

import pytest
from models.hostile import Control, Hostile
from models.hostile.binary import CASES, CONTROLS

from lotabots.models import Memory, Severity
from lotabots.models.formats import parse


def first(model: Control) -> tuple[str, bytes]:
    assert model.files is not None
    return next(iter(model.files().items()))


@pytest.mark.parametrize("hostile", CASES, ids=str)
def test_a_hostile_file_is_refused_with_its_code(hostile: Hostile) -> None:
    path, data = first(hostile)
    parsed = parse(path, Memory(data))
    assert parsed is not None
    found = {finding.code: finding.severity for finding in parsed.findings}
    assert hostile.expect in found
    if found[hostile.expect] is not Severity.WARNING:
        assert parsed.tensors == ()


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_good_file_is_accepted(control: Control) -> None:
    path, data = first(control)
    parsed = parse(path, Memory(data))
    assert parsed is not None
    assert parsed.findings == ()
    assert parsed.format == path.rpartition(".")[2]


def test_ids_and_names_tell_the_cases_apart() -> None:
    # One id and name may stand in two formats: the file's name tells them apart.
    told = [f"{each} {first(each)[0]}" for each in CASES]
    told += [each.name for each in CONTROLS]
    assert len(told) == len(set(told))
