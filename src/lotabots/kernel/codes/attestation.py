"""Codes about nodes, challenges and attestations."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
