"""Approved versions: ordered as numbers, the strictest word counts, nothing is approved unsaid."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.nvidia_gpu.versions import (
    SCHEMA,
    Approval,
    ApprovedVersions,
    Component,
    number,
    read_versions,
)
from lotabots.kernel import LotaError


def written(*entries: object, schema: str = SCHEMA) -> bytes:
    """A file with these entries."""
    return json.dumps({"schema": schema, "versions": entries}).encode()


def judge(
    version: str, component: Component = "driver", **rule: object
) -> tuple[Approval, list[str]]:
    """The approval and codes under one rule for GH100."""
    rules = read_versions(written({"chip": "GH100", component: rule}))
    approval, findings = ApprovedVersions(rules).judge("gpu0", "GH100", component, version)
    return approval, [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("component", "older", "newer"),
    [
        ("driver", "580.9", "580.95"),
        ("driver", "580.95", "580.100"),
        ("driver", "99.1", "550.1"),
        ("driver", "550.90.07", "550.90.10"),
        ("driver", "550.90", "550.90.07"),
        ("vbios", "96.00.9F.00.01", "96.00.A0.00.00"),
        ("vbios", "96.00.74.00.1F", "96.00.74.00.20"),
        ("vbios", "96.00.74.00.09", "96.00.74.00.0a"),
    ],
)
def test_versions_order_as_numbers_and_not_as_text(
    component: Component, older: str, newer: str
) -> None:
    assert judge(older, component, min=newer) == (Approval.BELOW, ["NV-VERSION-BELOW"])
    assert judge(newer, component, min=older) == (Approval.APPROVED, [])
    assert judge(older, component, min=older) == (Approval.APPROVED, [])


def test_trailing_zeros_and_leading_zeros_do_not_change_a_driver_version() -> None:
    assert number("driver", "545.00") == number("driver", "545")
    assert number("driver", "550.90.07") == number("driver", "550.90.7")
    assert number("vbios", "96.00.74.00.1f") == number("vbios", "96.00.74.00.1F")


def test_a_denied_version_is_denied_even_if_it_is_approved_and_new_enough() -> None:
    denied = judge("570.86.10", min="550", approved=["570.86.10"], denied=["570.86.10"])
    assert denied == (Approval.DENIED, ["NV-VERSION-DENIED"])


def test_a_list_of_approved_versions_allows_these_and_no_others() -> None:
    assert judge("550.90.07", approved=["550.90.07"]) == (Approval.APPROVED, [])
    unlisted = judge("550.90.08", approved=["550.90.07"])
    assert unlisted == (Approval.UNLISTED, ["NV-VERSION-UNLISTED"])


def test_without_a_rule_nothing_is_approved_and_nothing_is_found() -> None:
    empty = ApprovedVersions()
    assert empty.judge("gpu0", "GH100", "driver", "550.90.07") == (Approval.UNLISTED, ())
    assert judge("550.90.07", denied=["1.2"]) == (Approval.UNLISTED, [])
    other = ApprovedVersions(read_versions(written({"chip": "GB100", "driver": {"min": "1"}})))
    assert other.judge("gpu0", "GH100", "driver", "550.90.07") == (Approval.UNLISTED, ())


@pytest.mark.parametrize("version", ["", "latest", "550.", "550.x", "-1", "٣.1", "9" * 99])
def test_a_version_that_has_no_order_is_not_approved(version: str) -> None:
    assert judge(version, min="1")[0] is Approval.UNLISTED
    assert judge(version, min="1")[1] == ["NV-VERSION-UNLISTED"]


def test_of_several_rules_for_a_chip_the_strictest_word_counts() -> None:
    rules = read_versions(
        written(
            {"chip": "GH100", "driver": {"min": "550"}},
            {"chip": "GH100", "driver": {"min": "560"}},
            {"chip": "GH100"},
        )
    )
    approval, findings = ApprovedVersions(rules).judge("gpu0", "GH100", "driver", "555.1")
    assert approval is Approval.BELOW
    assert findings[0].expected == "560 or newer"


def test_an_unreadable_file_approves_nothing_because_what_it_denied_is_not_known() -> None:
    rules = read_versions(written({"chip": "GH100", "driver": {"min": "550"}}))
    versions = ApprovedVersions(rules, unreadable=("broken.json",))
    approval, findings = versions.judge("gpu0", "GH100", "driver", "580.1")
    assert approval is Approval.UNLISTED
    assert [finding.code for finding in findings] == ["NV-VERSION-UNREADABLE"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        written(schema="lotabots/approved-versions/v2"),
        written({"chip": "GH100", "driver": {"minimum": "1"}}),
        written({"chip": "GH100", "firmware": {}}),
        written({"driver": {}}),
        written({"chip": "GH100", "driver": {"min": 550}}),
        written({"chip": "GH100", "driver": {"min": "new"}}),
        written({"chip": "GH100", "vbios": {"denied": ["550.1"]}}),
        written(*({"chip": "GH100"} for _ in range(257))),
        written({"chip": "GH100", "driver": {"approved": ["1"] * 1025}}),
        written().replace(b'"versions"', b'"schema": "x", "versions"'),
        written()[:-1],
    ],
)
def test_a_file_of_another_form_is_refused_with_a_code(data: bytes) -> None:
    with pytest.raises(LotaError) as refused:
        read_versions(data)
    assert refused.value.code == "NV-VERSION-UNREADABLE"


@given(st.binary(max_size=200))
def test_any_bytes_are_rules_or_a_coded_refusal(data: bytes) -> None:
    with pytest.raises(LotaError) as refused:
        read_versions(data)
    assert refused.value.code == "NV-VERSION-UNREADABLE"


@given(st.text(max_size=40))
def test_any_text_is_judged(version: str) -> None:
    assert judge(version, min="1", denied=["2"])[0] in set(Approval)
