"""Codes about the audit log."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
