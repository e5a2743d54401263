"""What is wrong with one file, collected while it is parsed; never more than a page of it."""

from typing import NoReturn

from lotabots.models.findings import Finding, finding

MOST = 50
"""Findings about one file. A hostile header can hold a fault in each of 100,000 tensors."""


class Stop(Exception):
    """Nothing behind this place of the file can be read; why is among the faults already."""


class Faults:
    """The findings about one file."""

    __slots__ = ("_found", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: list[Finding] = []

    def finding(
        self,
        code: str,
        *,
        tensor: str = "",
        offset: int | None = None,
        expected: object = "",
        measured: object = "",
    ) -> None:
        """Adds one finding, and once in all that there are more than are listed."""
        if len(self._found) > MOST:
            return
        if len(self._found) == MOST:
            self._found.append(finding("FORMAT-FINDINGS-CUT", self.path, expected=str(MOST)))
            return
        self._found.append(
            finding(
                code,
                self.path,
                tensor=tensor,
                offset=offset,
                expected=_word(expected),
                measured=_word(measured),
            )
        )

    def refuse(
        self,
        code: str,
        *,
        tensor: str = "",
        offset: int | None = None,
        expected: object = "",
        measured: object = "",
    ) -> NoReturn:
        """Adds one finding and raises `Stop`: from here on the file has no meaning."""
        self.finding(code, tensor=tensor, offset=offset, expected=expected, measured=measured)
        raise Stop

    @property
    def listed(self) -> tuple[Finding, ...]:
        """Every finding, in the order in which they were met."""
        return tuple(self._found)

    @property
    def none(self) -> bool:
        """Whether nothing was found, warnings included."""
        return not self._found

    def __len__(self) -> int:
        return len(self._found)


def _word(value: object) -> str:
    # int() and str() of a number with thousands of digits are slow, and refused by Python.
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    return str(value)
