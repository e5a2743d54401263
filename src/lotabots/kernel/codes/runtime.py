"""Codes about the process, its database and its web edge."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
