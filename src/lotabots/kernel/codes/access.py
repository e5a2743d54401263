"""Codes about user tokens and permissions."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
