"""Waivers: who answers for a control that does not pass, for which model, until when, and why.

waivers:
  - control: LB-LIC-02
    model: 3f0a...                 # the model's root: a waiver is about these bytes, and no others
    by: legal@acme.example
    until: "2027-01-31T00:00:00Z"
    reason: The text is that of the licence with our address in it.
"""

from datetime import datetime
from typing import Annotated

import msgspec

from lotabots.appraisal.accepted import Line, Paragraph
from lotabots.appraisal.compliance.catalogue import Id
from lotabots.appraisal.models import Digest
from lotabots.kernel import invalid, parse_time, sha256_hex
from lotabots.kernel.yaml_text import Reading, read_yaml

WAIVERS = Reading("list of waivers", "WAIVERS_MALFORMED", "WAIVERS_TOO_LARGE")


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """One waiver that was approved. Who hands it in has checked by whom."""

    control: str
    model: str
    """Hex root of the model."""
    by: str
    until: datetime
    reason: str
    approval: str
    """What the approval is known by: an entry of the audit log, or the digest of its file."""


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    control: Id
    model: Digest
    by: Line
    until: str
    reason: Paragraph


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    waivers: Annotated[tuple[_Written, ...], msgspec.Meta(max_length=512)]


def load_waivers(data: bytes) -> tuple[Waiver, ...]:
    """The waivers of a file, each approved by whoever vouches for the file.

    Raises LotaError: WAIVERS_MALFORMED, WAIVERS_TOO_LARGE, TIME_MALFORMED, JSON_*.
    """
    plain = read_yaml(data, WAIVERS)
    try:
        document = msgspec.convert(plain, _Document)
    except msgspec.ValidationError as error:
        detail = f"This list of waivers has another shape: {error}."
        raise invalid("WAIVERS_MALFORMED", detail) from error
    approval = f"sha256:{sha256_hex(data)}"
    waivers = tuple(
        Waiver(
            control=one.control,
            model=one.model,
            by=one.by,
            until=parse_time(one.until),
            reason=one.reason,
            approval=approval,
        )
        for one in document.waivers
    )
    if len({(one.control, one.model) for one in waivers}) != len(waivers):
        raise invalid("WAIVERS_MALFORMED", "One control is waived twice for one model.")
    return waivers
