"""The page about controls: its examples load, its tables are whole and true."""

import re
from pathlib import Path

import pytest

from lotabots.appraisal.compliance import CHECKS, PACK_TEXTS, load_catalogue, load_waivers

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "compliance.md").read_text()
PACK, WAIVERS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CONTROLS = re.findall(
    r"^\| `(LB-[A-Z]+-[0-9]+)` \|.*\| (computed|declared) \|$", PAGE, re.MULTILINE
)


def test_the_pack_on_the_page_loads() -> None:
    assert load_catalogue([], [PACK.encode()]).packs == ("core", "house")


def test_the_waivers_on_the_page_load() -> None:
    assert len(load_waivers(WAIVERS.encode())) == 1


def test_every_control_is_in_the_tables_with_what_it_rests_on() -> None:
    loaded = load_catalogue(PACK_TEXTS).controls
    assert dict(CONTROLS) == {one.control.id: one.check.basis.value for one in loaded}
    assert len(CONTROLS) == len(loaded)


@pytest.mark.parametrize("name", [*PACK_TEXTS, *CHECKS])
def test_every_pack_and_check_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_names_the_controls_that_cannot_be_waived() -> None:
    fixed = [
        one.control.id for one in load_catalogue(PACK_TEXTS).controls if not one.control.waivable
    ]
    assert fixed == ["LB-INT-01", "LB-INT-03"]
    assert all(
        f"`{one}`" in PAGE.split("cannot be waived")[0].split("## Waivers")[1] for one in fixed
    )
