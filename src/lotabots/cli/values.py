"""Types of option values: a time, a duration, a nonce; and files read with a size limit."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import click

from lotabots.kernel import LotaError, invalid, parse_duration, parse_time

MAX_FILE_BYTES = 64 * 1024 * 1024
HEX_NONCE = re.compile("[0-9a-fA-F]{64}", re.ASCII)


class TimeValue(click.ParamType[datetime]):
    """An RFC 3339 time."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The time, or a usage error."""
        try:
            return parse_time(str(value))
        except LotaError as error:
            self.fail(error.detail, param, ctx)


class DurationValue(click.ParamType[timedelta]):
    """A duration such as 30d."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The duration, or a usage error."""
        try:
            return parse_duration(str(value))
        except LotaError as error:
            self.fail(error.detail, param, ctx)


class NonceValue(click.ParamType[bytes]):
    """32 bytes as 64 hexadecimal digits."""

    name = "hex"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        """The bytes, or a usage error."""
        text = str(value)
        if not HEX_NONCE.fullmatch(text):
            self.fail("a nonce is 64 hexadecimal digits (32 bytes)", param, ctx)
        return bytes.fromhex(text)


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, or FILE_TOO_LARGE."""
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise invalid("FILE_TOO_LARGE", f"{path} is larger than {MAX_FILE_BYTES} bytes")
    return data
