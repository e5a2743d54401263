"""Codes about the command line."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
