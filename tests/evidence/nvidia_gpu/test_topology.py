"""A node's fabric: it closes only when certificates and both sides' signatures agree."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lotabots.evidence import Cause
from lotabots.evidence.schemes.nvidia_gpu.topology import Fabric, Member, Topology, check_topology

GPU_PDIS = [f"a{place}" * 8 for place in range(8)]
SWITCH_PDIS = [f"b{place}" * 8 for place in range(4)]


def gpu(place: int, pdi: str = "", peers: frozenset[str] | None = frozenset(SWITCH_PDIS)) -> Member:
    return Member(f"gpu{place}", "gpu", pdi or GPU_PDIS[place], peers, True, "ppcie", True)


def switch(place: int, pdi: str = "", peers: frozenset[str] | None = frozenset(GPU_PDIS)) -> Member:
    return Member(f"switch{place}", "switch", pdi or SWITCH_PDIS[place], peers, True, "", True)


GPUS = [gpu(place) for place in range(8)]
SWITCHES = [switch(place) for place in range(4)]


def check(members: Sequence[Member], unproven: int = 0) -> tuple[str, list[tuple[str, str]]]:
    topology = check_topology(members, unproven)
    return topology.status.value, [(found.code, found.subject) for found in topology.findings]


def test_a_whole_node_closes_in_any_order() -> None:
    assert check([*GPUS, *SWITCHES]) == ("closed", [])
    assert check([*SWITCHES, *reversed(GPUS)]) == ("closed", [])


def test_any_number_of_devices_closes_when_the_sets_agree() -> None:
    pair = [gpu(0, peers=frozenset(SWITCH_PDIS[:1])), gpu(1, peers=frozenset(SWITCH_PDIS[:1]))]
    assert check([*pair, switch(0, peers=frozenset(GPU_PDIS[:2]))]) == ("closed", [])


def test_a_genuine_gpu_of_another_node_is_named_first_and_alone_with_what_it_displaced() -> None:
    stranger = gpu(5, pdi="c" * 16, peers=frozenset({"d" * 16}))
    members = [*GPUS[:5], stranger, *GPUS[6:], *SWITCHES]
    assert check(members) == (
        "broken",
        [("NV-TOPO-GPU-FOREIGN", "gpu5"), ("NV-TOPO-GPU-MISSING", "node")],
    )


def test_a_genuine_switch_of_another_node_is_named() -> None:
    stranger = switch(2, pdi="c" * 16, peers=frozenset({"d" * 16}))
    status, found = check([*GPUS, *SWITCHES[:2], stranger, SWITCHES[3]])
    assert status == "broken"
    assert found[0] == ("NV-TOPO-SWITCH-FOREIGN", "switch2")
    assert ("NV-TOPO-SWITCH-MISSING", "node") in found


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_switch_that_is_left_out_is_missing(count: int) -> None:
    expected = [("NV-TOPO-SWITCH-MISSING", "node")] * count
    assert check([*GPUS, *SWITCHES[count:]]) == ("broken", expected)


def test_each_gpu_that_is_left_out_is_missing() -> None:
    expected = [("NV-TOPO-GPU-MISSING", "node")] * 2
    assert check([*GPUS[2:], *SWITCHES]) == ("broken", expected)


def test_gpus_that_should_have_switches_and_show_none_are_open_and_inconclusive() -> None:
    topology = check_topology(GPUS, 0)
    assert topology.status is Fabric.OPEN
    assert [found.cause for found in topology.findings] == [Cause.COLLATERAL]
    assert check(GPUS) == ("open", [("NV-TOPO-SWITCH-ABSENT", "node")])


def test_switches_alone_are_open() -> None:
    assert check(SWITCHES) == ("open", [("NV-TOPO-GPU-ABSENT", "node")])


def test_gpus_outside_a_fabric_have_no_topology() -> None:
    alone = [replace(member, fabric=False, peers=None, mode="spt") for member in GPUS]
    assert check(alone) == ("not_applicable", [])


def test_a_device_that_signs_another_view_is_named() -> None:
    blind = gpu(3, peers=frozenset(SWITCH_PDIS[:3]))
    assert check([*GPUS[:3], blind, *GPUS[4:], *SWITCHES]) == (
        "broken",
        [("NV-TOPO-SET-DIFFERS", "gpu3")],
    )
    silent = gpu(3, peers=None)
    assert check([*GPUS[:3], silent, *GPUS[4:], *SWITCHES]) == (
        "broken",
        [("NV-TOPO-SET-DIFFERS", "gpu3")],
    )


def test_devices_that_sign_nothing_close_nothing() -> None:
    silent = [replace(member, peers=None) for member in (*GPUS, *SWITCHES)]
    assert check(silent)[0] == "broken"


def test_mixed_modes_and_mixed_sessions_break_a_node() -> None:
    other = replace(GPUS[0], mode="spt")
    assert check([other, *GPUS[1:], *SWITCHES]) == ("broken", [("NV-TOPO-MODE", "node")])
    stale = replace(GPUS[0], fresh=False)
    assert check([stale, *GPUS[1:], *SWITCHES]) == ("broken", [("NV-TOPO-NONCE", "node")])


def test_nothing_closes_while_a_device_is_unproven_and_nobody_is_called_missing_for_it() -> None:
    assert check([*GPUS[1:], *SWITCHES], unproven=1) == ("broken", [])
    assert check([], unproven=1) == ("open", [])


PDIS = st.sampled_from([*GPU_PDIS[:3], *SWITCH_PDIS[:3]])
VIEWS = st.none() | st.frozensets(PDIS, max_size=3)
MEMBERS = st.lists(
    st.builds(
        Member,
        subject=st.sampled_from(["gpu0", "gpu1", "switch0"]),
        kind=st.sampled_from(["gpu", "switch"]),
        pdi=PDIS,
        peers=VIEWS,
        fabric=st.booleans(),
        mode=st.just("m"),
        fresh=st.just(True),
    ),
    max_size=6,
)


@given(MEMBERS)
def test_it_closes_exactly_when_every_view_is_the_presented_set(members: list[Member]) -> None:
    topology: Topology = check_topology(members, 0)
    views = {"gpu": frozenset[str](), "switch": frozenset[str]()}
    for member in members:
        views[member.kind] |= {member.pdi}
    whole = bool(views["gpu"]) and bool(views["switch"])
    agreed = all(
        member.peers == views["switch" if member.kind == "gpu" else "gpu"] for member in members
    )
    assert (topology.status is Fabric.CLOSED) == (whole and agreed)
    if topology.status is Fabric.CLOSED:
        assert topology.findings == ()
