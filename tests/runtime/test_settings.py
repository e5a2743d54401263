"""Settings: their order, their origins, and that no mistake passes silently."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lotabots.kernel import LotaError, invalid
from lotabots.runtime.settings import Secret, Settings, changeable, load_settings


@dataclass(frozen=True)
class Depot:
    rows: int = 4
    cold: bool = False
    name: str = "north"
    key: Secret[str] = field(default_factory=lambda: Secret(""))

    def __post_init__(self) -> None:
        if self.rows > 100:
            raise invalid("SETTINGS_INVALID", "depot.rows is at most 100")


@dataclass(frozen=True)
class Gate:
    doors: tuple[str, ...] = ()


SECTIONS = {"depot": Depot, "gate": Gate}


def toml(folder: Path, text: str) -> Path:
    path = folder / "lota.toml"
    path.write_text(text)
    return path


def refused(**where: object) -> str:
    with pytest.raises(LotaError) as caught:
        load_settings(SECTIONS, **{"environ": {}, **where})  # type: ignore[arg-type]
    assert caught.value.code == "SETTINGS_INVALID"
    return caught.value.detail


def test_defaults_hold_where_nothing_is_said() -> None:
    settings = load_settings(SECTIONS, environ={})
    depot = settings.section(Depot)
    assert (depot.rows, depot.cold, depot.name, bool(depot.key)) == (4, False, "north", False)
    assert settings.section(Gate) == Gate()
    assert {one.origin for one in settings.shown} == {"default"}


def test_a_file_beats_defaults_the_environment_beats_the_file_and_a_secret_file_beats_both(
    tmp_path: Path,
) -> None:
    file = toml(tmp_path, '[depot]\nrows = 5\ncold = true\nkey = "from the toml"\nname = "south"')
    secret = tmp_path / "key"
    secret.write_text("from the secret file\n")
    environ = {
        "LOTA_DEPOT_ROWS": "6",
        "LOTA_DEPOT_KEY": "from the environment",
        "LOTA_DEPOT_KEY_FILE": str(secret),
        "PATH": "/bin",
    }
    settings = load_settings(SECTIONS, file=file, environ=environ)
    depot = settings.section(Depot)
    assert (depot.rows, depot.cold, depot.name) == (6, True, "south")
    assert depot.key.get_secret_value() == "from the secret file"
    assert {one.name: one.origin for one in settings.shown} == {
        "depot.rows": "LOTA_DEPOT_ROWS",
        "depot.cold": str(file),
        "depot.name": str(file),
        "depot.key": "LOTA_DEPOT_KEY_FILE",
        "gate.doors": "default",
    }


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, "[depot]\nrows = 7")
    assert load_settings(SECTIONS, environ={"LOTA_CONFIG": str(file)}).section(Depot).rows == 7


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    refused(file=tmp_path / "absent.toml")
    refused(environ={"LOTA_CONFIG": str(tmp_path / "absent.toml")})
    refused(environ={"LOTA_DEPOT_KEY_FILE": str(tmp_path / "absent")})


def test_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    settings = load_settings(SECTIONS, environ={"LOTA_DEPOT_KEY": "hunter2hunter2"})
    assert "hunter2" not in repr(settings.section(Depot))
    assert "hunter2" not in str(settings.shown)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[depot]\nrow = 5", "depot.row"),
        ('["dépôt"]\nrows = 5', "dépôt"),
        ("[depott]\nrows = 5", "depott.rows"),
        ("rows = 5", "rows"),
        ("[depot.rows]\nx = 5", "depot.rows"),
    ],
)
def test_an_unknown_name_in_the_file_is_an_error_that_names_it(
    tmp_path: Path, text: str, named: str
) -> None:
    assert named in refused(file=toml(tmp_path, text))


def test_an_unknown_name_in_the_environment_is_an_error_that_names_it() -> None:
    assert "LOTA_DEPOT_ROW" in refused(environ={"LOTA_DEPOT_ROW": "5"})
    assert "LOTA_DEPOT" in refused(environ={"LOTA_DEPOT": "5"})


def test_a_value_of_the_wrong_type_is_refused_without_repeating_it() -> None:
    said = refused(environ={"LOTA_DEPOT_ROWS": "hunter2"})
    assert "LOTA_DEPOT_ROWS" in said
    assert "hunter2" not in said


def test_a_section_refuses_what_is_out_of_range() -> None:
    assert refused(environ={"LOTA_DEPOT_ROWS": "101"}) == "depot.rows is at most 100"


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    refused(file=toml(tmp_path, "[depot"))
    path = tmp_path / "lota.toml"
    path.write_bytes(b"\xff\xfe")
    refused(file=path)


def test_a_process_only_has_the_sections_that_it_was_given() -> None:
    with pytest.raises(KeyError):
        Settings([Gate()]).section(Depot)


@dataclass(frozen=True)
class Dial:
    speed: int = changeable(3)
    loud: bool = changeable(False)
    size: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.speed <= 10:
            raise invalid("SETTINGS_INVALID", "dial.speed is 0 to 10")


def dial(settings: Settings) -> tuple[int, bool, int]:
    section = settings.section(Dial)
    return section.speed, section.loud, section.size


def test_what_is_changeable_is_changed_over_the_environment_and_changed_back() -> None:
    settings = load_settings({"dial": Dial}, environ={"LOTA_DIAL_SPEED": "4"})
    told: list[tuple[int, bool, int]] = []
    settings.on_change(lambda: told.append(dial(settings)))
    assert settings.apply({"dial.speed": "5", "dial.loud": "true"}) == set()
    assert dial(settings) == (5, True, 1)
    assert {one.name: (one.value, one.origin, one.changeable) for one in settings.shown} == {
        "dial.speed": ("5", "database", True),
        "dial.loud": ("True", "database", True),
        "dial.size": ("1", "default", False),
    }
    assert settings.apply({}) == set()
    assert dial(settings) == (4, False, 1)
    assert {one.name: one.origin for one in settings.shown}["dial.speed"] == "LOTA_DIAL_SPEED"
    assert told == [(5, True, 1), (4, False, 1)]


def test_what_cannot_be_used_is_left_out_and_named_and_the_rest_is_applied() -> None:
    settings = load_settings({"dial": Dial}, environ={})
    refused = settings.apply(
        {"dial.speed": "11", "dial.loud": "true", "dial.size": "9", "dial.newer": "x"}
    )
    assert refused == {"dial.speed", "dial.size", "dial.newer"}
    assert dial(settings) == (3, True, 1)


@pytest.mark.parametrize("text", ["11", "fast", "", "1e3"])
def test_a_trial_is_judged_by_the_same_checks_and_changes_nothing(text: str) -> None:
    settings = load_settings({"dial": Dial}, environ={})
    assert dial(settings.overlaid({"dial.speed": "9"})) == (9, False, 1)
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        settings.overlaid({"dial.speed": text})
    assert dial(settings) == (3, False, 1)


def test_files_are_read_once_whatever_is_changed_later(tmp_path: Path) -> None:
    file = toml(tmp_path, "[dial]\nsize = 7")
    settings = load_settings({"dial": Dial}, file=file, environ={})
    file.write_text("[dial]\nsize = 8")
    settings.apply({"dial.speed": "5"})
    assert dial(settings) == (5, False, 7)


def test_a_section_that_was_put_in_place_stays_when_others_change() -> None:
    settings = load_settings({"dial": Dial, "depot": Depot}, environ={})
    settings = settings.with_section(Depot(rows=9))
    settings.apply({"dial.speed": "5"})
    assert (settings.section(Depot).rows, dial(settings)[0]) == (9, 5)


def test_settings_that_were_not_loaded_cannot_be_changed() -> None:
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        Settings([Dial()]).overlaid({"dial.speed": "5"})
