"""The sections of a process as they hold now, and how some options change while it runs."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import Field, field
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import msgspec

from lotabots.kernel import LotaError, invalid

_CHANGEABLE = "lotabots.changeable"

S = TypeVar("S")
T = TypeVar("T")


def changeable(default: T) -> T:
    """This default, for an option that may be changed while the process runs; never a secret."""
    return field(default=default, metadata={_CHANGEABLE: True})


def is_changeable(option: "Field[object]") -> bool:
    """Whether the option of a section was given its default by `changeable`."""
    return bool(option.metadata.get(_CHANGEABLE))


class Setting(msgspec.Struct, frozen=True):
    """One setting as it may be shown: a secret is stars."""

    name: str
    value: str
    origin: str
    """`default`, or the file or environment variable that it came from, or `database`."""
    changeable: bool = False
    """Whether it can be changed while the process runs."""


class _Snapshot(NamedTuple):
    """What holds at one moment: replaced as a whole, so that nobody sees half of a change."""

    sections: Mapping[type, object]
    shown: tuple[Setting, ...]


class Settings:
    """The sections of one process. Read once; then only `apply` changes what is changeable."""

    def __init__(
        self,
        sections: Sequence[object],
        shown: Sequence[Setting] = (),
        *,
        overlaid: "Callable[[Mapping[str, str]], Settings] | None" = None,
    ) -> None:
        """`overlaid` makes the same settings with other values of options that are changeable."""
        self._now = _Snapshot(_by_class(sections), tuple(shown))
        self._overlaid = overlaid
        self._fixed: tuple[object, ...] = ()
        self._followers: list[Callable[[], None]] = []
        self.applying = asyncio.Lock()
        """Held by whoever reads values and applies them, so that the newest are the last."""

    @property
    def shown(self) -> tuple[Setting, ...]:
        """Every option with its origin, in the order of the sections."""
        return self._now.shown

    def section(self, of: type[S]) -> S:
        """The section of that class. Raises `KeyError` when this process was not given it."""
        section = self._now.sections[of]
        if not isinstance(section, of):
            raise TypeError(f"the section under {of.__name__} is of another class")
        return section

    def with_section(self, section: object) -> "Settings":
        """The same settings with this section in place of the one of its class."""
        sections = {**self._now.sections, type(section): section}
        made = Settings(list(sections.values()), self.shown, overlaid=self._overlaid)
        made._fixed = (*self._fixed, section)
        return made

    def overlaid(self, values: Mapping[str, str]) -> "Settings":
        """The settings that `apply` would put into force. Raises `SETTINGS_INVALID`."""
        if self._overlaid is None:
            raise invalid("SETTINGS_INVALID", "These settings cannot be changed at run time.")
        return self._overlaid(values)

    def usable(self, values: Mapping[str, str]) -> dict[str, str]:
        """Those of the values that this process can use, each beside those before it."""
        known = {one.name for one in self.shown if one.changeable}
        taken: dict[str, str] = {}
        for name in sorted(known & values.keys()):
            with suppress(LotaError):
                self.overlaid(taken | {name: values[name]})
                taken[name] = values[name]
        return taken

    def apply(self, values: Mapping[str, str]) -> Collection[str]:
        """Puts these values, as texts by option, over file and environment, and no others.

        A value that cannot be used here is left out, and its option is among those that come back:
        it may be of a newer version, and a process that stops over it serves nobody.
        """
        taken = self.usable(values)
        made = self.overlaid(taken)
        fixed = _by_class(self._fixed)
        self._now = _Snapshot({**made._now.sections, **fixed}, made.shown)
        for follower in self._followers:
            follower()
        return values.keys() - taken.keys()

    def on_change(self, follower: Callable[[], None]) -> None:
        """Has `follower` called after each change, for what cannot ask each time."""
        self._followers.append(follower)


def _by_class(sections: Sequence[object]) -> Mapping[type, object]:
    return MappingProxyType({type(section): section for section in sections})
