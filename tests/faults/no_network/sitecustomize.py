"""On the path of a Python that shall have no network: it can make no socket that leads anywhere."""

import socket


class Refused(socket.socket):
    """A socket of another kind than IP."""

    def __init__(self, family: int = -1, *other: int, **named: int) -> None:
        if family in (-1, socket.AF_INET, socket.AF_INET6):
            raise OSError("this process has no network")
        super().__init__(family, *other, **named)


socket.socket = Refused  # type: ignore[misc]
