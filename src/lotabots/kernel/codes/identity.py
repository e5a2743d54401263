"""Codes about users and log-in."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
