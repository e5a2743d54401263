"""What controls are computed from: everything known about one model, each part only if it is there.

A part that is None was not handed in. It is never taken for something that is in order.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from lotabots.appraisal.models import ModelRule, Previous, Scanned, Signed
from lotabots.kernel import Json
from lotabots.models import TensorEntry


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A model card. Everything in it is claimed by its author."""

    metadata: Mapping[str, Json]
    """Its front matter."""
    sections: Mapping[str, str]
    """Heading in lower case -> the text below it."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of tensors that were looked at."""

    tensors: int
    """How many tensors were sampled."""
    skipped: int
    """How many were not, because their type is packed or unknown."""
    bad: tuple[str, ...]
    """Names of tensors with a number that is infinite or none (NaN)."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """A SLSA provenance whose signature was verified by who hands it in."""

    builder: str
    materials: tuple[str, ...]
    """Hex digests of what went into the build."""


class Declarations(msgspec.Struct, frozen=True, kw_only=True):
    """What a responsible person signed about export; verified by who hands it in."""

    signer: str
    classification: str
    destinations: tuple[str, ...]
    """ISO 3166 country codes to which the model may go."""


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """A report of how a served model behaves, against a reference."""

    root: str
    """The model that the reference was made from."""
    outcome: Literal["accepted", "rejected", "inconclusive"]
    e_value_millionths: int
    """The evidence against equality, times 1,000,000: canonical bytes have whole numbers only."""
    at: datetime


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """The newest verdict on the node that is to run the model."""

    node: str
    outcome: Literal["accepted", "rejected", "inconclusive"]
    simulated: bool
    at: datetime
    region: str = ""
    """ISO 3166 code of the country in which the node stands."""


class Ancestor(msgspec.Struct, frozen=True, kw_only=True):
    """A model that this one was made from, as the registry knows it."""

    name: str
    licence: str
    """Empty where it is not known."""
    root: str = ""
    approved: bool = False


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One model, as far as it is known."""

    name: str
    version: str
    root: str
    """Hex root over its files; empty where they were not hashed."""
    now: datetime
    signed: Signed | None = None
    scanned: Scanned | None = None
    rule: ModelRule | None = None
    """The rule of the trust policy that decides about the model."""
    previous: Previous | None = None
    tensors: tuple[TensorEntry, ...] | None = None
    sample: Sample | None = None
    facts: Mapping[str, Json] | None = None
    """What headers and configurations state: `architecture`, `context_length`, `parameters`,
    `derived` (`adapter`, `quantised`, or empty), `templates` and `licence_files` (how many)."""
    card: Card | None = None
    provenance: Provenance | None = None
    declarations: Declarations | None = None
    behaviour: Behaviour | None = None
    hardware: Hardware | None = None
    ancestors: tuple[Ancestor, ...] | None = None
    packs: tuple[str, ...] = ()
    """The packs that are being evaluated: a control may ask that another pack is."""
