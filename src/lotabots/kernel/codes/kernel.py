"""Codes about bytes, JSON, keys and signatures."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
