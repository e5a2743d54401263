"""What differs between two verdicts is named by subject and path; what is the same is left out."""

from typing import Any

import msgspec

from lotabots.appraisal import Appraiser, Verdict, appraise, difference
from lotabots.evidence import Caches
from lotabots.simulator import Fault, Node


def judged(inputs: Any, appraiser: Appraiser) -> Verdict:
    return appraise(inputs, Caches(), appraiser)


def test_a_verdict_does_not_differ_from_itself(inputs_of: Any, appraiser: Appraiser) -> None:
    verdict = judged(inputs_of(), appraiser)
    found = difference(verdict, verdict)
    assert (found.facts, found.appeared, found.vanished) == ((), (), ())


def test_changed_firmware_is_named_with_what_it_was_and_is(
    inputs_of: Any, node: Node, appraiser: Appraiser
) -> None:
    good = judged(inputs_of(), appraiser)
    evidence = node.with_fault(Fault.FIRMWARE_MODIFIED, "gpu1").attest(
        inputs_of().challenge.expected()
    )
    bad = judged(inputs_of(evidence=tuple(evidence)), appraiser)
    found = difference(good, bad)
    assert {one.subject for one in found.facts} == {"gpu1"}
    [mismatched] = [one for one in found.facts if one.fact == "measurements.mismatched"]
    assert mismatched.before == "[]"
    assert mismatched.after not in ("[]", None)
    assert {one.code for one in found.appeared} >= {"NV-MEAS-MISMATCH"}
    assert found.vanished == ()
    assert difference(bad, good).vanished == found.appeared


def test_a_device_that_is_gone_shows_as_facts_that_are_gone(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    both = judged(inputs_of(), appraiser)
    one = msgspec.structs.replace(both, parts=both.parts[:1])
    found = difference(both, one)
    assert found.facts
    assert {(change.subject, change.after) for change in found.facts} == {("gpu1", None)}
