"""Settings loaded from defaults, a TOML file, the environment and files of secrets, or refused."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, fields, make_dataclass
from pathlib import Path

from typed_settings import converters, loaders
from typed_settings._core import SettingsState, _load_settings, convert  # origins: pinned by a test
from typed_settings.dict_utils import set_path
from typed_settings.exceptions import InvalidSettingsError, TsError
from typed_settings.types import (
    LoadedSettings,
    LoadedValue,
    LoaderMeta,
    MergedSettings,
    OptionInfo,
    SettingsDict,
)

from lotabots.kernel import invalid
from lotabots.runtime.settings.values import Setting, Settings, is_changeable

PREFIX = "LOTA_"
FILE_VARIABLE = "LOTA_CONFIG"
MAX_SECRET_BYTES = 64 * 1024
DATABASE = "database"
"""The origin of a value that was set at run time."""


def load_settings(
    sections: Mapping[str, type],
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of those sections, by name; each class is a frozen dataclass with defaults.

    `file` (else what `LOTA_CONFIG` names) must exist when given. Raises `SETTINGS_INVALID`, naming
    the option and where it was set, never its value.
    """
    environ = os.environ if environ is None else environ  # noqa: TID251 - the one reader
    root = make_dataclass(
        "Root",
        [(name, of, field(default_factory=of)) for name, of in sections.items()],
        frozen=True,
    )
    path = file or (Path(named) if (named := environ.get(FILE_VARIABLE)) else None)
    state: SettingsState[object] = SettingsState(
        root, _sources(path, environ), [], converters.get_default_ts_converter(), Path()
    )
    _refuse_unknown_variables(state.options, environ)
    with _named_failures(path, state):
        merged = _load_settings(state)  # files and environment are read here, once

    def made(values: Mapping[str, str]) -> Settings:
        database = LoaderMeta(DATABASE)
        over = {name: LoadedValue(text, database) for name, text in values.items()}
        with _named_failures(path, state):
            return _made(sections, merged | over, state, made)

    return made({})


def _made(
    sections: Mapping[str, type],
    merged: MergedSettings,
    state: "SettingsState[object]",
    overlaid: Callable[[Mapping[str, str]], Settings],
) -> Settings:
    loaded = convert(merged, state)
    marked = {
        f"{name}.{option.name}"
        for name, of in sections.items()
        for option in fields(of)
        if is_changeable(option)
    }
    shown = [
        Setting(
            option.path,
            str(_value(loaded, option.path)),
            _origin(option, merged[option.path].loader_meta.name)
            if option.path in merged
            else "default",
            option.path in marked,
        )
        for option in state.options
    ]
    return Settings([getattr(loaded, name) for name in sections], shown, overlaid=overlaid)


@contextmanager
def _named_failures(path: Path | None, state: "SettingsState[object]") -> Iterator[None]:
    try:
        yield
    except InvalidSettingsError as error:
        raise _unusable(error, state) from error
    except (TsError, OSError, UnicodeDecodeError) as error:
        raise invalid("SETTINGS_INVALID", f"{path or 'The settings'}: {error}") from error


def _sources(path: Path | None, environ: Mapping[str, str]) -> list[loaders.Loader]:
    files = [] if path is None else [f"!{path}"]  # typed-settings: "!" means it must be there
    return [
        loaders.FileLoader({"*": loaders.TomlFormat(None)}, files),
        _Environment(environ),
        _SecretFiles(environ),
    ]


class _Environment:
    """Values straight from variables."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(
        self,
        settings_cls: type,  # noqa: ARG002 - the library's interface
        options: tuple[OptionInfo, ...],
    ) -> LoadedSettings:
        values: SettingsDict = {}
        for option in options:
            if (value := self._environ.get(_variable(option))) is not None:
                set_path(values, option.path, value)
        return LoadedSettings(values, LoaderMeta(self))


class _SecretFiles:
    """Values from files that variables name, as container platforms mount secrets."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __call__(
        self,
        settings_cls: type,  # noqa: ARG002 - the library's interface
        options: tuple[OptionInfo, ...],
    ) -> LoadedSettings:
        values: SettingsDict = {}
        for option in options:
            variable = f"{_variable(option)}_FILE"
            if (named := self._environ.get(variable)) is not None:
                set_path(values, option.path, _read_secret(Path(named), variable))
        return LoadedSettings(values, LoaderMeta(self))


def _read_secret(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_SECRET_BYTES + 1)
        if len(data) > MAX_SECRET_BYTES:
            raise invalid("SETTINGS_INVALID", f"{variable}: the file is too large for a secret.")
        return data.decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        detail = f"{variable}: the file cannot be read as text."
        raise invalid("SETTINGS_INVALID", detail) from error


def _variable(option: OptionInfo) -> str:
    return PREFIX + option.path.upper().replace(".", "_")


def _refuse_unknown_variables(options: tuple[OptionInfo, ...], environ: Mapping[str, str]) -> None:
    known = {
        name for option in options for name in (_variable(option), f"{_variable(option)}_FILE")
    }
    unknown = sorted(
        name for name in environ if name.startswith(PREFIX) and name not in known | {FILE_VARIABLE}
    )
    if unknown:
        detail = f"No setting has these environment names: {', '.join(unknown)}"
        raise invalid("SETTINGS_INVALID", detail, names=unknown)


def _origin(option: OptionInfo, loader: str) -> str:
    match loader:
        case "_DefaultsLoader":
            return "default"
        case "_Environment":
            return _variable(option)
        case "_SecretFiles":
            return f"{_variable(option)}_FILE"
        case _:
            return loader.removeprefix("FileLoader[").removesuffix("]")


def _value(loaded: object, path: str) -> object:
    for name in path.split("."):
        loaded = getattr(loaded, name)
    return loaded


_OWN = re.compile(r"""Could not convert loaded settings: (LotaError\(['"]SETTINGS_INVALID: )?""")
_NAMED = re.compile(r"for option '([\w.]+)' from loader ")


def _unusable(error: InvalidSettingsError, state: "SettingsState[object]") -> Exception:
    # The library's messages quote the value, which can be a secret: ours name option and type only.
    said = []
    for one in error.exceptions:
        if named := _NAMED.search(str(one)):
            option = state.options_by_path[named[1]]
            want = getattr(option.cls, "__name__", str(option.cls))
            said.append(f"{option.path} ({_variable(option)}): the value is no {want}")
        else:
            said.append(_OWN.sub("", str(one)).rstrip("')"))
    return invalid("SETTINGS_INVALID", "; ".join(said))
