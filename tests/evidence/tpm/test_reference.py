"""Reference files for TPMs are known by their content, read strictly, and add up."""

import json
from typing import cast

import pytest
from evidence.tpm.logs import outcome
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import Caches, ReferenceFiles
from lotabots.evidence.schemes.tpm.ima_rules import MAX_PATTERNS, Judgement
from lotabots.evidence.schemes.tpm.reference import (
    FORMAT,
    TpmReference,
    load_reference,
    read_reference,
)
from lotabots.kernel import LotaError, sha256_hex

A, B, C = "aa" * 32, "bb" * 32, "cc" * 32
BASH = {"path": "/usr/bin/bash", "digests": [A]}
FULL = {
    "format": FORMAT,
    "name": "a machine",
    "pcrs": {"0": [A, B], "14": [C]},
    "secure_boot": True,
    "boot": {"allow": [A], "variables": [B]},
    "ima": {"allow": [BASH], "deny": [{"path": "/tmp/*"}]},
}


def file(**members: object) -> bytes:
    return json.dumps({"format": FORMAT, "name": "a machine", **members}).encode()


def load(*files: bytes) -> TpmReference:
    named = [(f"{place}.json", data) for place, data in enumerate(files)]
    return load_reference(ReferenceFiles.of(named), Caches())


def ima(allow: list[object] | None = None, deny: list[object] | None = None) -> TpmReference:
    return load(file(ima={"allow": allow or [], "deny": deny or []}))


def test_every_value_of_a_file_is_read() -> None:
    data = json.dumps(FULL).encode()
    reference = load(data)
    assert reference.pcrs == {
        0: {bytes.fromhex(A), bytes.fromhex(B)},
        14: {bytes.fromhex(C)},
    }
    assert reference.secure_boot
    assert reference.applications == {bytes.fromhex(A)}
    assert reference.variables == {bytes.fromhex(B)}
    assert reference.ima.judge("/usr/bin/bash", f"sha256:{A}") is Judgement.ALLOWED
    assert reference.ima.judge("/tmp/x", f"sha256:{A}") is Judgement.DENIED
    assert (reference.files, reference.unreadable) == ((sha256_hex(data),), ())


def test_files_of_other_formats_are_passed_over() -> None:
    reference = load(b"<xml/>", b'{"format": "another"}', b"", b"\x30\x03")
    assert (reference.pcrs, reference.files, reference.unreadable) == ({}, (), ())
    assert not reference.secure_boot
    assert reference.digest == load().digest


def test_files_add_up() -> None:
    reference = load(
        file(pcrs={"0": [A]}, boot={"allow": [A]}, ima={"allow": [BASH]}),
        file(pcrs={"0": [B], "4": [C]}, secure_boot=True),
        file(ima={"allow": [{**BASH, "digests": [B]}], "deny": [{"path": "*", "digests": [C]}]}),
    )
    assert reference.pcrs == {0: {bytes.fromhex(A), bytes.fromhex(B)}, 4: {bytes.fromhex(C)}}
    assert reference.secure_boot
    judge = reference.ima.judge
    assert judge("/usr/bin/bash", f"sha256:{A}") is Judgement.ALLOWED
    assert judge("/usr/bin/bash", f"sha256:{B}") is Judgement.ALLOWED
    assert judge("/usr/bin/bash", f"sha256:{C}") is Judgement.DENIED


def test_names_and_order_of_files_do_not_change_the_digest() -> None:
    one, other = file(pcrs={"0": [A]}), file(pcrs={"0": [B]})
    first = load_reference(ReferenceFiles.of({"x": one, "y": other}), Caches())
    second = load_reference(ReferenceFiles.of({"a": other, "b": one, "c": one}), Caches())
    assert (first.digest, first.files) == (second.digest, second.files)
    assert first.digest != load(one).digest


def test_files_are_read_once_for_each_memory() -> None:
    caches = Caches()
    files = ReferenceFiles.of({"x": json.dumps(FULL).encode()})
    assert load_reference(files, caches) is load_reference(files, caches)


@pytest.mark.parametrize(
    "members",
    [
        {"pcrs": {"24": [A]}},
        {"pcrs": {"00": [A]}},
        {"pcrs": {"0": []}},
        {"pcrs": {"0": [A.upper()]}},
        {"pcrs": {"0": [A[:-2]]}},
        {"pcrs": {"0": A}},
        {"secure_boot": False},
        {"secure_boot": None},
        {"secure_boot": 1},
        {"boot": {"allow": ["aa"]}},
        {"boot": {"deny": [A]}},
        {"ima": {"allow": [{"path": "/x"}]}},
        {"ima": {"allow": [{"path": "/x", "digests": []}]}},
        {"ima": {"allow": [{"path": "/x", "digests": ["aa" * 20]}]}},
        {"ima": {"allow": [{"path": "", "digests": [A]}]}},
        {"ima": {"deny": [{"path": "/x", "digests": [f"sha256:{A}"]}]}},
        {"ima": {"allow": [{**BASH, "note": ""}]}},
        {"other": 1},
        {"name": ""},
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_named_and_not_used(
    members: dict[str, object],
) -> None:
    data = file(**members)
    with pytest.raises(LotaError) as caught:
        read_reference(data)
    assert caught.value.code == "TPM-REFERENCE-MALFORMED"
    reference = load(data, file(pcrs={"3": [A]}))
    assert [name for name, _ in reference.unreadable] == ["0.json"]
    assert set(reference.pcrs) == {3}
    assert sha256_hex(data) in reference.files


def test_a_key_that_stands_there_twice_refuses_the_file() -> None:
    data = file()[:-1] + b', "name": "another"}'
    assert load(data).unreadable


def test_more_patterns_than_can_be_held_against_each_path_are_refused() -> None:
    many = file(ima={"deny": [{"path": f"/{n}/*"} for n in range(MAX_PATTERNS)]})
    one = file(ima={"deny": [{"path": "/tmp/*"}]})
    assert not load(many).unreadable
    reference = load(many, one, file(ima={"deny": [{"path": "/exact"}]}))
    assert [name for name, _ in reference.unreadable] == ["1.json"]
    assert reference.ima.judge("/exact", f"sha256:{A}") is Judgement.DENIED


@given(st.binary(max_size=200) | st.binary(max_size=80).map((file()[:-1] + b",").__add__))
def test_any_bytes_are_a_reference_file_or_are_refused(data: bytes) -> None:
    assert outcome(read_reference, data) in {"", "TPM-REFERENCE-MALFORMED"}
    assert load(data).pcrs == {}


def test_what_no_rule_is_about_is_unjudged() -> None:
    assert ima().ima.judge("/usr/bin/bash", f"sha256:{A}") is Judgement.UNJUDGED
    assert ima([BASH]).ima.judge("/usr/bin/zsh", f"sha256:{A}") is Judgement.UNJUDGED
    denied = ima(deny=[{"path": "*", "digests": [B]}])
    assert denied.ima.judge("/usr/bin/bash", f"sha256:{A}") is Judgement.UNJUDGED


def test_a_content_that_no_rule_about_its_path_allows_is_another() -> None:
    rules = ima([BASH, {"path": "/usr/*", "digests": [B]}]).ima
    assert rules.judge("/usr/bin/bash", f"sha256:{A}") is Judgement.ALLOWED
    assert rules.judge("/usr/bin/bash", f"sha256:{B}") is Judgement.ALLOWED
    assert rules.judge("/usr/bin/bash", f"sha256:{C}") is Judgement.OTHER
    assert rules.judge("/usr/bin/zsh", f"sha256:{A}") is Judgement.OTHER


def test_a_denial_beats_what_allows() -> None:
    rules = ima([BASH], [{"path": "*", "digests": [A]}]).ima
    assert rules.judge("/usr/bin/bash", f"sha256:{A}") is Judgement.DENIED


def test_a_denied_path_is_denied_whatever_else_is_said_of_it() -> None:
    for deny in ([{"path": "/x"}, {"path": "/x", "digests": [B]}], [{"path": "/x"}]):
        for order in (deny, deny[::-1]):
            rules = ima([{"path": "/x", "digests": [A]}], cast("list[object]", order)).ima
            assert rules.judge("/x", f"sha256:{A}") is Judgement.DENIED


@pytest.mark.parametrize(
    ("digest", "judgement"),
    [
        (f"sha256:{A}", Judgement.ALLOWED),
        (f"ima:sha256:{A}", Judgement.ALLOWED),
        (f"sha3-256:{A}", Judgement.OTHER),
        (f"sm3:{A}", Judgement.OTHER),
        (f"verity:sha256:{A}", Judgement.OTHER),
        (f"sha1:{'aa' * 20}", Judgement.OTHER),
    ],
)
def test_a_digest_allows_a_file_by_its_own_hash_alone(digest: str, judgement: Judgement) -> None:
    assert ima([BASH]).ima.judge("/usr/bin/bash", digest) is judgement


def test_a_digest_of_verity_is_no_digest_of_a_file() -> None:
    rules = ima([{"path": "/x", "digests": [f"verity:{A}"]}]).ima
    assert rules.judge("/x", f"verity:sha256:{A}") is Judgement.ALLOWED
    assert rules.judge("/x", f"ima:sha256:{A}") is Judgement.OTHER


def test_sha1_denies_and_never_allows() -> None:
    rules = ima(deny=[{"path": "*", "digests": ["aa" * 20]}]).ima
    assert rules.judge("/x", f"sha1:{'aa' * 20}") is Judgement.DENIED


def test_each_value_is_known_by_the_files_that_list_it() -> None:
    files = [
        file(pcrs={"0": [A]}),
        file(boot={"allow": [B]}),
        file(boot={"variables": [C]}),
        file(ima={"allow": [BASH]}),
    ]
    reference = load(*files)
    first, second, third, fourth = map(sha256_hex, files)
    for value, name in ((A, first), (B, second), (C, third)):
        assert reference.used([bytes.fromhex(value)], of_files=False) == [name]
    assert reference.used([], of_files=True) == [fourth]
    assert reference.used([bytes(32)], of_files=False) == []
