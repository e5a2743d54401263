"""Measurements of a RIM: one odd entry among many good ones is refused, wherever it stands."""

import random

import pytest
from evidence.nvidia_gpu.forge import resource, tag
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.nvidia_gpu.rim_document import read_golden
from lotabots.evidence.schemes.nvidia_gpu.rim_values import MAX_ALTERNATIVES, MAX_INDEX
from lotabots.kernel import LotaError

VALUE = bytes(range(48))
ODD = {
    "an index over the largest": resource(MAX_INDEX + 1, VALUE),
    "an index with a leading zero": resource(0, VALUE, index="07"),
    "an index in other digits": resource(0, VALUE, index="\u0667"),
    "no index": resource(0, VALUE, index="-"),
    "an index that is there already": resource(3, VALUE),
    "no alternatives": resource(9),
    "more alternatives than allowed": resource(9, *[VALUE] * (MAX_ALTERNATIVES + 1)),
    "more alternatives than counted": resource(9, VALUE, VALUE, alternatives="1"),
    "fewer alternatives than counted": resource(9, VALUE, alternatives="2"),
    "a count with a leading zero": resource(9, VALUE, alternatives="01"),
    "no count": resource(9, VALUE, alternatives="-"),
    "an alternative left out": resource(9, VALUE, VALUE, **{"h:Hash0": "-", "h:Hash2": "00"}),
    "an attribute more": resource(9, VALUE, extra="1"),
    "another attribute in place of the name": resource(9, VALUE, name="-", nick="a"),
    "no name": resource(9, VALUE, name="-"),
    "no type": resource(9, VALUE, type="-"),
    "another type": resource(9, VALUE, type="File"),
    "another size": resource(9, VALUE, size="32"),
    "a size with a leading zero": resource(9, VALUE, size="048"),
    "a state of another case": resource(9, VALUE, active="true"),
    "no state": resource(9, VALUE, active="-"),
    "a digest too short": resource(9, VALUE[1:]),
    "a digest too long": resource(9, VALUE + b"\0"),
    "an empty digest": resource(9, b""),
    "a digest of white space": resource(9, VALUE, **{"h:Hash0": " " * 96}),
    "a short digest filled up": resource(9, VALUE, **{"h:Hash0": "00 " * 32}),
    "a digest and a space": resource(9, VALUE, **{"h:Hash0": VALUE.hex() + " "}),
    "a digest that is not hex": resource(9, VALUE, **{"h:Hash0": "g" * 96}),
    "a digest in other digits": resource(9, VALUE, **{"h:Hash0": "\u0660" * 96}),
    "a hash without its namespace": resource(9, VALUE, **{"h:Hash0": "-", "Hash0": "00" * 48}),
}


def golden(*resources: str) -> dict[int, tuple[bytes, ...]]:
    """What such a tag says, in the bytes that a signature would cover."""
    return dict(read_golden(tag(*resources).encode())[1])


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("active", [True, False])
def test_one_odd_measurement_among_good_ones_refuses_the_whole_rim(odd: str, active: bool) -> None:
    if not active:
        odd = odd.replace('active="True"', 'active="False"')
    good = [resource(place, VALUE) for place in range(4, 8)]
    twin = resource(3, VALUE)
    for resources in ([odd, *good, twin], [twin, *good, odd]):
        with pytest.raises(LotaError) as refused:
            golden(*resources)
        assert refused.value.code == "NV-RIM-SCHEMA"


@given(
    st.dictionaries(
        st.integers(0, MAX_INDEX),
        st.lists(st.binary(min_size=48, max_size=48), min_size=1, max_size=MAX_ALTERNATIVES),
        min_size=1,
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_entries_and_of_their_attributes_changes_nothing(
    values: dict[int, list[bytes]], order: random.Random
) -> None:
    written = [_shuffled(resource(place, *digests), order) for place, digests in values.items()]
    assert golden(*written) == {place: tuple(digests) for place, digests in values.items()}


def test_digests_are_read_in_either_case_and_inactive_ones_are_left_out() -> None:
    upper = resource(1, VALUE, **{"h:Hash0": VALUE.hex().upper()})
    assert golden(upper, resource(2, VALUE, active=False)) == {1: (VALUE,)}


def _shuffled(element: str, order: random.Random) -> str:
    attributes = element.removeprefix("<Resource ").removesuffix("/>").split(" ")
    order.shuffle(attributes)
    return f"<Resource {' '.join(attributes)}/>"
