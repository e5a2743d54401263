"""Every setting says what it means, and the page that operators read says the same."""

import runpy
from pathlib import Path

import pytest

from lotabots.runtime.settings import Secret
from lotabots.server import read_settings

ROOT = Path(__file__).resolve().parents[2]
WRITER = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))
OPTIONS = [shown.name for shown in read_settings({}).shown]


@pytest.mark.parametrize("option", OPTIONS)
def test_a_setting_says_what_it_means(option: str) -> None:
    section, _, name = option.partition(".")
    said = dict(WRITER["meanings"](WRITER["SECTIONS"][section]))
    assert said[name].endswith("."), f"{option} has no docstring, or one that is no sentence"


def test_the_page_about_running_has_every_setting_as_its_class_describes_it() -> None:
    page = (ROOT / "docs" / "running.md").read_text()
    assert WRITER["settings_tables"]() in page, "run `make docs`"
    assert [option for option in OPTIONS if f"`LOTA_{variable(option)}`" not in page] == []


def variable(option: str) -> str:
    return option.upper().replace(".", "_")


def test_no_secret_can_be_changed_at_run_time() -> None:
    """What is changeable is written to the audit log and to the database in clear text."""
    for shown in read_settings({}).shown:
        section, _, name = shown.name.partition(".")
        default = getattr(WRITER["SECTIONS"][section](), name)
        assert not (shown.changeable and isinstance(default, Secret)), shown.name
