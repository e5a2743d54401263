"""Our second statement binds names, sizes, empty files, tensors and age; it is read strictly."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.signing.material import (
    KEY,
    MODEL,
    NOW,
    STRANGER,
    codes,
    hashed,
    resigned,
    signed,
    statement_in,
    strong_of,
    verify,
)

from lotabots.kernel import canonical
from lotabots.models import (
    Ignored,
    Leniency,
    MemoryTree,
    Options,
    StrongManifest,
    TensorEntry,
    Trust,
    open_strong,
    sign_strong,
)

TENSORS = tuple(
    TensorEntry(
        name=f"layer.{number}",
        dtype="BF16",
        shape=(2, number),
        path="model-1.safetensors",
        begin=number,
        end=number + 1,
        digest=bytes([number]) * 32,
    )
    for number in range(1, 4)
)


def read(bundle: bytes) -> StrongManifest:
    opened = open_strong(bundle, Trust(keys=(KEY.public,)), Leniency(), NOW)
    assert opened.findings == ()
    assert opened.strong is not None
    return opened.strong


def test_what_is_written_is_read_back() -> None:
    strong = strong_of(
        MODEL,
        version="2.1",
        counter=7,
        ignored=(Ignored("NOTES", "of no matter"),),
        headers={"model-1.safetensors": {"architecture": "llama", "context": 4096}},
        template_sha256="ab" * 32,
        card_sha256="cd" * 32,
        derived_from=("ef" * 32,),
        not_after=NOW + timedelta(days=1),
    ).with_tensors(TENSORS)
    assert read(sign_strong(strong, KEY)) == strong


def test_both_statements_hold_together() -> None:
    verified = verify(signed(MODEL), MODEL, strong=sign_strong(strong_of(MODEL), KEY))
    assert verified.holds, verified.findings
    assert verified.findings == ()
    assert verified.strong == strong_of(MODEL)
    assert verified.identity == strong_of(MODEL).root.hex()
    assert verified.signers == verified.strong_signers


def judged(strong: StrongManifest, tensors: tuple[TensorEntry, ...]) -> Any:
    measured = hashed(MemoryTree(MODEL), tensors=tensors)
    return verify(signed(MODEL), MODEL, measured=measured, strong=sign_strong(strong, KEY))


def changed(place: int, **how: Any) -> tuple[TensorEntry, ...]:
    import msgspec

    return tuple(
        msgspec.structs.replace(one, **how) if number == place else one
        for number, one in enumerate(TENSORS)
    )


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        (changed(1, digest=bytes(32)), {("TENSOR-CHANGED", "layer.2")}),
        (changed(1, dtype="F16"), {("TENSOR-RETYPED", "layer.2")}),
        (changed(1, shape=(2, 1, 2)), {("TENSOR-RESHAPED", "layer.2")}),
        (changed(1, name="other"), {("TENSOR-RENAMED", "layer.2")}),
        (TENSORS[:2], {("TENSOR-REMOVED", "layer.3")}),
        (changed(1, path="model-2.safetensors", begin=9, end=10), set()),
    ],
)
def test_each_tensor_that_differs_is_named(
    tensors: tuple[TensorEntry, ...], told: set[tuple[str, str]]
) -> None:
    verified = judged(strong_of(MODEL).with_tensors(TENSORS), tensors)
    assert {(one.code, one.tensor) for one in verified.findings} == told
    assert verified.tensors_compared is (told == set())


def test_many_tensors_are_bound_by_their_root_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lotabots.models.strong.MAX_TENSORS_LISTED", 2)
    strong = strong_of(MODEL).with_tensors(TENSORS)
    assert (strong.tensors, strong.tensor_count) == ((), 3)
    assert judged(strong, TENSORS).tensors_compared
    bad = judged(strong, changed(0, digest=bytes(32)))
    assert codes(bad) == {"TENSOR-ROOT"}
    assert not bad.holds


def test_tensors_that_were_not_measured_are_said_to_be_not_compared() -> None:
    verified = judged(strong_of(MODEL).with_tensors(TENSORS), ())
    assert verified.holds
    assert not verified.tensors_compared


@pytest.mark.parametrize(
    ("strong", "code"),
    [
        (sign_strong(strong_of(MODEL), STRANGER), "KEY-UNKNOWN"),
        (sign_strong(strong_of(MODEL, oms_root=bytes(32)), KEY), "STRONG-OTHER"),
        (sign_strong(strong_of({**MODEL, "gone": b"x"}), KEY), "FILE-MISSING"),
        (
            sign_strong(strong_of(MODEL, not_after=NOW - timedelta(seconds=1)), KEY),
            "STRONG-EXPIRED",
        ),
        (signed(MODEL), "STRONG-PREDICATE"),
        (b"", "BUNDLE-JSON"),
    ],
)
def test_a_second_statement_that_does_not_fit_is_refused(strong: bytes, code: str) -> None:
    verified = verify(signed(MODEL), MODEL, strong=strong)
    assert code in codes(verified)
    assert not verified.holds


def test_a_statement_is_in_force_until_its_last_second_and_at_its_own_counter() -> None:
    strong = sign_strong(strong_of(MODEL, counter=4, not_after=NOW), KEY)
    options = Options(minimum_counter=4)
    assert verify(signed(MODEL), MODEL, options=options, strong=strong).holds


EDITS: dict[str, Any] = {
    "unknown member": lambda p: p.update(more=1),
    "absent member": lambda p: p.pop("counter"),
    "negative counter": lambda p: p.update(counter=-1),
    "counter as text": lambda p: p.update(counter="1"),
    "links followed": lambda p: p.update(symlinks="followed"),
    "files not in order": lambda p: p["files"].reverse(),
    "no files": lambda p: p.update(files=[]),
    "file twice": lambda p: p["files"].insert(0, p["files"][0]),
    "name up": lambda p: p["files"][0].update(path="../a"),
    "negative size": lambda p: p["files"][0].update(size=-1),
    "short digest": lambda p: p["files"][0].update(digest="ab"),
    "other algorithm": lambda p: p.update(algorithm="md5"),
    "no time": lambda p: p.update(signed_at="yesterday"),
    "tensor count": lambda p: p.update(tensor_count=9),
    "tensor root": lambda p: p.update(tensor_root="ab" * 32),
    "negative shape": lambda p: p["tensors"][0][2].append(-1),
    "another size": lambda p: p["files"][0].update(size=10_000),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_statement_that_we_would_not_write_is_refused_even_if_signed(edit: str) -> None:
    value = statement_in(sign_strong(strong_of(MODEL).with_tensors(TENSORS), KEY))
    EDITS[edit](value["predicate"])
    opened = open_strong(resigned(value), Trust(keys=(KEY.public,)), Leniency(), NOW)
    assert opened.strong is None
    assert {one.code for one in opened.findings} <= {"STRONG-SHAPE", "STRONG-ROOT"}
    assert opened.findings


def test_a_statement_that_is_not_canonical_is_refused() -> None:
    payload = canonical(statement_in(sign_strong(strong_of(MODEL), KEY)))
    spaced = resigned(payload.replace(b'{"_type"', b'{ "_type"', 1))
    opened = open_strong(spaced, Trust(keys=(KEY.public,)), Leniency(), NOW)
    assert [one.code for one in opened.findings] == ["STRONG-SHAPE"]


@given(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=3), min_size=1))
def test_the_identity_changes_with_any_name_size_or_content(files: dict[str, bytes]) -> None:
    root = strong_of(files).root
    assert strong_of({**files, "g": b""}).root != root
    assert strong_of({f"{path}x": data for path, data in files.items()}).root != root
    first = next(iter(files))
    assert strong_of({**files, first: files[first] + b"\0"}).root != root
