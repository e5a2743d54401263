"""Controls LB-EXP, LB-BEH and LB-NOD: where it may go, how it behaves, and what it runs on."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from lotabots.appraisal.compliance.answer import (
    Answer,
    Check,
    NoParameters,
    failed,
    missing,
    passed,
    unknown,
)
from lotabots.appraisal.compliance.evidence import Evidence
from lotabots.appraisal.controls import Basis
from lotabots.kernel import format_time


class Behaving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old a report may be, and from which e-value on the served model is another one."""

    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30
    e_value: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 100
    """1 / alpha: 100 is a false alarm in 100 (an e-process crosses 1 / alpha so rarely)."""


class Fresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How old the verdict on a node may be."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=8760)] = 24


def export_declared(evidence: Evidence, _: NoParameters) -> Answer:
    """Somebody signed a classification and destinations, and the node stands in one of them."""
    wanted = "a signed classification with destinations, the node's country among them"
    declared = evidence.declarations
    if declared is None:
        return missing(wanted, "a signed declaration")
    if not declared.classification or not declared.destinations:
        return failed(wanted, f"{declared.signer} left out classification or destinations")
    region = evidence.hardware.region if evidence.hardware is not None else ""
    if not region:
        return missing(wanted, "the country of the node")
    answer = passed if region in declared.destinations else failed
    return answer(wanted, f"{declared.classification}; node in {region}")


def behaviour_accepted(evidence: Evidence, parameters: Behaving) -> Answer:
    """A recent report about this model found no difference."""
    wanted = f"an accepted report of the last {parameters.days} days, e-value below the threshold"
    report = evidence.behaviour
    if report is None:
        return missing(wanted, "a report on behaviour")
    if not evidence.root or report.root != evidence.root:
        return failed(wanted, f"the report is about {report.root}")
    if not _within(report.at, evidence.now, timedelta(days=parameters.days)):
        return missing(wanted, f"a recent report; this one is of {format_time(report.at)}")
    e_value = report.e_value_millionths / 1_000_000
    words = f"{report.outcome}, e-value {e_value:.3g}"
    if report.outcome == "rejected" or e_value >= parameters.e_value:
        return failed(wanted, words)
    return passed(wanted, words) if report.outcome == "accepted" else unknown(wanted, words)


def node_attested(evidence: Evidence, parameters: Fresh) -> Answer:
    """The node that is to run it has passed attestation, lately and on real hardware."""
    wanted = f"an accepted verdict on the node, of the last {parameters.hours} hours"
    node = evidence.hardware
    if node is None:
        return missing(wanted, "a verdict on a node")
    words = f"{node.node}: {node.outcome}, {format_time(node.at)}"
    if node.outcome == "rejected" or node.simulated:
        return failed(wanted, f"{words}{', SIMULATED' if node.simulated else ''}")
    if not _within(node.at, evidence.now, timedelta(hours=parameters.hours)):
        return missing(wanted, f"a recent verdict; {words}")
    return passed(wanted, words) if node.outcome == "accepted" else unknown(wanted, words)


def _within(at: datetime, now: datetime, age: timedelta) -> bool:
    """A time that lies ahead is no age at all."""
    return now - age <= at <= now


CHECKS = (
    Check(
        name="export-declared",
        basis=Basis.DECLARED,
        evidence=("declarations", "hardware"),
        function=export_declared,
    ),
    Check(
        name="behaviour-accepted",
        basis=Basis.COMPUTED,
        evidence=("behaviour",),
        function=behaviour_accepted,
        parameters=Behaving,
    ),
    Check(
        name="node-attested",
        basis=Basis.COMPUTED,
        evidence=("hardware",),
        function=node_attested,
        parameters=Fresh,
    ),
)
