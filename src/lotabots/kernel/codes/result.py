"""Codes about attestation results and admission."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
