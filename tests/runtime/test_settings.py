"""Settings: their order, their origins, and that no mistake passes silently."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lotabots.kernel import LotaError, invalid
from lotabots.runtime.settings import Secret, Settings, load_settings


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
