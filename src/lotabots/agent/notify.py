"""What systemd is told, where it started us: that we are ready, what we do, that we are alive.

sd_notify(3): datagrams of `NAME=value` lines to the socket in NOTIFY_SOCKET. Ten lines, and so no
dependency. Where there is no such socket nothing is said; where it fails, nothing depends on it.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Self


class Notify:
    """Tells systemd; any of it may be said any number of times."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.every = None if watchdog_seconds is None else watchdog_seconds / 3
        """How often to say that we are alive, in seconds; None: nobody asks."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """What the unit that started us asks for."""
        asked = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID") in (None, str(os.getpid()))
        usable = mine and asked.isascii() and asked.isdigit() and int(asked) > 0
        return cls(environ.get("NOTIFY_SOCKET", ""), int(asked) / 1e6 if usable else None)

    def ready(self) -> None:
        """We are enrolled, and begin."""
        self._tell("READY=1")

    def alive(self) -> None:
        """We are not stuck."""
        if self.every is not None:
            self._tell("WATCHDOG=1")

    def doing(self, words: str) -> None:
        """One line for `systemctl status`."""
        self._tell(f"STATUS={' '.join(words.split())}")

    def stopping(self) -> None:
        """We were told to stop."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(text.encode(), self._address)
