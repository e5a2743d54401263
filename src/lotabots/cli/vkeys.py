"""Keys of logs on the command line: each a key itself, or a file of them, one in a line."""

from pathlib import Path

from lotabots.cli.values import read_file
from lotabots.kernel import invalid


def vkeys(arguments: tuple[str, ...]) -> list[str]:
    """The keys of the options, each a key itself or a file of them, one in a line."""
    found: list[str] = []
    for argument in arguments:
        given = argument.count("+") >= 2 and not Path(argument).exists()
        found += [argument] if given else vkeys_in(read_file(Path(argument)))
    return found


def vkeys_in(data: bytes) -> list[str]:
    """The keys in a file. Raises `AUDIT_KEYS_UNREADABLE`."""
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise invalid("AUDIT_KEYS_UNREADABLE", "This is no file of log keys.") from error
    if not any(lines):
        raise invalid("AUDIT_KEYS_UNREADABLE", "There is no key in it.")
    return [line for line in lines if line]
