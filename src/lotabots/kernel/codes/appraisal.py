"""Codes about policies and appraisal."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = ()
