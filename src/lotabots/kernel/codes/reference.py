"""Codes about reference bundles."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
