"""Evidence that a root quote covers is sent as it was, or the change has a code and a device."""

from collections.abc import Sequence

import msgspec
from evidence.tpm.forge import Tpm, as_sent, challenge_of, context_of
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import InventoryItem, Leaf, Level, NodeClaims
from lotabots.evidence.schemes.tpm import TpmEvidence, verify_tpms

MINE = Tpm()
GPUS = tuple(InventoryItem("gpu", name) for name in "abc")
CHALLENGE = challenge_of(MINE, others=GPUS)
LEAVES = tuple(Leaf("gpu", at, f"{at + 1}a" * 32) for at in range(3))
GOOD = MINE.evidence(CHALLENGE, LEAVES)


def judged(sent: Sequence[Leaf], evidence: TpmEvidence = GOOD) -> NodeClaims:
    context = context_of(MINE, challenge=CHALLENGE, leaves=sent)
    return verify_tpms([as_sent(evidence)], context)


def leaf_attack(sent: Sequence[Leaf]) -> list[tuple[str, str]]:
    found = judged(sent)
    (device,) = found.devices
    assert device.level is Level.CLAIMED
    assert device.facts["manifest"] == {"status": "differs"}
    assert device.findings == ()
    return [(one.code, one.subject) for one in found.findings]


def test_a_leaf_that_is_not_sent_was_removed() -> None:
    assert leaf_attack(LEAVES[:2]) == [("TPM-LEAF-REMOVED", "gpu2")]
    assert leaf_attack(()) == [("TPM-LEAF-REMOVED", f"gpu{at}") for at in range(3)]


def test_a_leaf_that_the_quote_does_not_cover_was_added() -> None:
    more = Leaf("gpu", 3, "4a" * 32)
    assert leaf_attack((*LEAVES, more)) == [("TPM-LEAF-ADDED", "gpu3")]
    again = LEAVES[0]
    assert leaf_attack((*LEAVES, again)) == [("TPM-LEAF-ADDED", "gpu0")]


def test_another_leaf_in_its_place_was_replaced() -> None:
    other = Leaf("gpu", 1, "ff" * 32)
    assert leaf_attack((LEAVES[0], other, LEAVES[2])) == [("TPM-LEAF-REPLACED", "gpu1")]


def test_leaves_in_each_others_places_were_reordered() -> None:
    first, second, third = LEAVES
    swapped = (
        msgspec.structs.replace(first, sha256=second.sha256),
        msgspec.structs.replace(second, sha256=first.sha256),
        third,
    )
    assert leaf_attack(swapped) == [("TPM-LEAF-REORDERED", f"gpu{at}") for at in range(2)]
    copied = (first, msgspec.structs.replace(second, sha256=first.sha256), third)
    assert leaf_attack(copied) == [("TPM-LEAF-REORDERED", "gpu1")]


def test_the_order_in_which_leaves_are_sent_does_not_matter() -> None:
    (device,) = judged(LEAVES[::-1]).devices
    assert device.level is Level.ATTESTED


@given(st.lists(st.sampled_from([*LEAVES, Leaf("gpu", 1, "dd" * 32), Leaf("nic", 0, "1a" * 32)])))
def test_any_other_set_of_leaves_is_refused(sent: list[Leaf]) -> None:
    found = judged(sent)
    same = sorted(map(repr, sent)) == sorted(map(repr, LEAVES))
    assert (found.devices[0].level is Level.ATTESTED) == same
    assert bool(found.findings) != same


def test_leaves_of_an_unsigned_manifest_accuse_nobody() -> None:
    text = MINE.evidence(CHALLENGE, LEAVES[:1]).manifest
    found = judged(LEAVES, msgspec.structs.replace(GOOD, manifest=text))
    assert found.findings == ()
    assert [one.code for one in found.devices[0].findings] == ["TPM-NONCE-MISMATCH"]
