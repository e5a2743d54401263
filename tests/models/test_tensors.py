"""Two models are compared tensor by tensor, whatever files hold them."""

from hashlib import sha256

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from lotabots.models import Algorithm, FileEntry, Hashed, TensorEntry
from lotabots.models.tensors import Change, Difference, changed_rows, compare, tensor_findings


def tensor(name: str, data: str = "", shape: tuple[int, ...] = (4, 4), **more: str) -> TensorEntry:
    return TensorEntry(
        name=name,
        dtype=more.get("dtype", "BF16"),
        shape=shape,
        path=more.get("path", "a.safetensors"),
        begin=0,
        end=32,
        digest=sha256((data or name).encode()).digest(),
    )


def file(path: str, data: str = "") -> FileEntry:
    return FileEntry(path=path, size=8, digest=sha256((data or path).encode()).digest())


def model(*entries: TensorEntry | FileEntry) -> Hashed:
    return Hashed(
        algorithm=Algorithm.SHA256,
        files=tuple(one for one in entries if isinstance(one, FileEntry)),
        tensors=tuple(one for one in entries if isinstance(one, TensorEntry)),
    )


def changes(difference: Difference) -> list[tuple[Change, str, str]]:
    return [(one.change, one.name, one.now) for one in difference.tensors]


W, V = tensor("w"), tensor("v")


def test_a_model_is_the_same_as_itself() -> None:
    difference = compare(model(W, V, file("f")), model(V, W, file("f")))
    assert (difference.same, difference.resharded) == (True, False)
    assert (difference.same_tensors, difference.same_files) == (2, 1)


def test_a_tensor_is_named_by_what_became_of_it() -> None:
    cases = [
        ((W, V), (W,), (Change.REMOVED, "v", "")),
        ((W,), (W, V), (Change.ADDED, "v", "")),
        ((W,), (tensor("w", "other"),), (Change.CHANGED, "w", "")),
        ((W,), (tensor("new name", "w"),), (Change.RENAMED, "w", "new name")),
        ((W,), (tensor("w", "other", dtype="F16"),), (Change.RETYPED, "w", "")),
        ((W,), (tensor("w", "w", (2, 8)),), (Change.RESHAPED, "w", "")),
        ((W,), (tensor("w", "other", (16,)),), (Change.RESHAPED, "w", "")),
        ((W,), (tensor("w", "other", (5, 4)),), (Change.ROWS, "w", "")),
    ]
    for was, now, expected in cases:
        assert changes(compare(model(*was), model(*now))) == [expected]


def test_a_reshaped_tensor_says_whether_its_bytes_are_the_same() -> None:
    (same,) = compare(model(W), model(tensor("w", "w", (16,)))).tensors
    (other,) = compare(model(W), model(tensor("w", "x", (16,)))).tensors
    assert (same.same_bytes, other.same_bytes) == (True, False)
    assert (same.was_type, same.now_type) == ("BF16 [4, 4]", "BF16 [16]")


def test_a_model_cut_into_other_files_is_recognised() -> None:
    was = model(W, V, file("a.safetensors"))
    now = model(
        msgspec.structs.replace(W, path="1"), msgspec.structs.replace(V, path="2"),
        file("1"), file("2"),
    )  # fmt: skip
    difference = compare(was, now)
    assert difference.resharded
    assert difference.tensors == ()
    assert [(one.name, one.now) for one in difference.moved] == [("v", "2"), ("w", "1")]
    changed = compare(was, model(W, tensor("v", "x", path="2"), file("1"), file("2")))
    assert not changed.resharded


def test_a_file_that_differs_where_no_tensor_does_is_no_resharding_without_tensors() -> None:
    assert not compare(model(file("f")), model(file("f", "x"))).resharded


def test_tensors_of_equal_bytes_are_paired_one_to_one() -> None:
    was = model(tensor("a", "zero"), tensor("b", "zero"), tensor("c", "zero"))
    now = model(tensor("x", "zero"), tensor("y", "zero"))
    assert changes(compare(was, now)) == [
        (Change.RENAMED, "a", "x"),
        (Change.RENAMED, "b", "y"),
        (Change.REMOVED, "c", ""),
    ]


def test_a_tensor_twice_in_one_model_is_not_lost() -> None:
    twice = model(W, tensor("w", "other", path="b"))
    assert changes(compare(model(W), twice)) == [(Change.ADDED, "w (2)", "")]


def test_files_are_compared_by_name_and_renamed_ones_found() -> None:
    was = model(file("same"), file("changed"), file("gone"), file("old", "x"))
    now = model(file("same"), file("changed", "other"), file("added"), file("new", "x"))
    difference = compare(was, now)
    assert [(one.change, one.name, one.now) for one in difference.files] == [
        (Change.ADDED, "added", ""),
        (Change.CHANGED, "changed", ""),
        (Change.REMOVED, "gone", ""),
        (Change.RENAMED, "old", "new"),
    ]
    assert not difference.same


NAMES = st.sampled_from(["a", "b", "c", "d"])
ENTRIES = st.lists(
    st.builds(
        tensor,
        NAMES,
        st.sampled_from(["1", "2"]),
        st.sampled_from([(4, 4), (2, 8), (5, 4)]),
        path=st.sampled_from(["p", "q"]),
    ),
    max_size=6,
    unique_by=lambda one: one.name,
)


@given(ENTRIES, ENTRIES)
def test_every_tensor_of_both_is_accounted_for(
    was: list[TensorEntry], now: list[TensorEntry]
) -> None:
    found = compare(model(*was), model(*now))
    kinds = [one.change for one in found.tensors]
    pairs = len(kinds) - kinds.count(Change.ADDED) - kinds.count(Change.REMOVED)
    assert found.same_tensors + pairs + kinds.count(Change.REMOVED) == len(was)
    assert found.same_tensors + pairs + kinds.count(Change.ADDED) == len(now)
    assert found.same == (not found.tensors)


@given(ENTRIES, ENTRIES)
def test_what_one_has_more_the_other_has_less(
    was: list[TensorEntry], now: list[TensorEntry]
) -> None:
    there, back = compare(model(*was), model(*now)), compare(model(*now), model(*was))
    assert there.same_tensors == back.same_tensors
    count = {one: [c.change for c in there.tensors].count(one) for one in Change}
    other = {one: [c.change for c in back.tensors].count(one) for one in Change}
    assert count[Change.ADDED] == other[Change.REMOVED]
    assert count[Change.RENAMED] == other[Change.RENAMED]


def test_changed_rows_are_ranges() -> None:
    was = bytes(range(40))
    now = bytearray(was)
    for row in (0, 3, 4, 9):
        now[row * 4] ^= 1
    pieces = [(was[at : at + 8], bytes(now[at : at + 8])) for at in range(0, 40, 8)]
    assert changed_rows(pieces, 4) == [(0, 1), (3, 5), (9, 10)]
    assert changed_rows([(was, was)], 4) == []


def test_a_tensor_that_is_not_as_signed_is_a_finding_of_its_own() -> None:
    was = [W, V, tensor("n"), tensor("rows"), tensor("type"), tensor("shape"), tensor("same")]
    now = [
        tensor("w", "other"),
        tensor("rows", "x", (5, 4)),
        tensor("type", "x", dtype="F16"),
        tensor("shape", "x", (16,)),
        tensor("m", "n"),
        tensor("a"),
        msgspec.structs.replace(tensor("same"), path="elsewhere"),
    ]
    found = tensor_findings(was, now)
    assert {(one.code, one.tensor) for one in found} == {
        ("TENSOR-CHANGED", "w"),
        ("TENSOR-REMOVED", "v"),
        ("TENSOR-RENAMED", "n"),
        ("TENSOR-ROWS", "rows"),
        ("TENSOR-RETYPED", "type"),
        ("TENSOR-RESHAPED", "shape"),
        ("TENSOR-ADDED", "a"),
    }
    assert {one.severity for one in found} == {"reject"}
    assert tensor_findings(was, was) == ()
