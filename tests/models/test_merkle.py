"""The roots that name a model change with whatever they say, and prove one tensor to anyone."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError
from lotabots.models import (
    FileEntry,
    TensorEntry,
    check_tensor,
    merkle_root,
    prove_tensor,
    strong_root,
    tensor_root,
)
from lotabots.tlog import leaf_hash, root_of

TENSOR = TensorEntry(
    name="w", dtype="F32", shape=(2, 3), path="a.safetensors", begin=8, end=32, digest=bytes(32)
)
FILE = FileEntry(path="a/b", size=5, digest=bytes(range(32)))


def tensors(count: int) -> list[TensorEntry]:
    return [
        msgspec.structs.replace(TENSOR, name=f"t{at}", digest=sha256(bytes((at,))).digest())
        for at in range(count)
    ]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_that_of_a_transparency_log_with_these_leaves(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == root_of([leaf_hash(leaf) for leaf in leaves])


def test_a_file_stands_in_the_root_with_path_size_kind_and_digest() -> None:
    leaf = b"\0\0\0\3a/b" + (5).to_bytes(8, "big") + b"\1" + bytes(range(32))
    assert strong_root([FILE]) == sha256(b"\0" + leaf).digest()


def test_a_tensor_stands_in_the_root_with_name_type_shape_and_digest() -> None:
    leaf = b"\0\0\0\1w" + b"\3F32" + b"\2" + bytes(7) + b"\2" + bytes(7) + b"\3" + bytes(32)
    assert tensor_root([TENSOR]) == sha256(b"\0" + leaf).digest()


@pytest.mark.parametrize("change", [{"path": "a/c"}, {"size": 6}, {"digest": bytes(32)}])
def test_the_identity_of_a_model_changes_with_its_files(change: dict[str, object]) -> None:
    assert strong_root([FILE]) != strong_root([msgspec.structs.replace(FILE, **change)])


def test_the_order_in_which_files_and_tensors_come_does_not_matter() -> None:
    files = [msgspec.structs.replace(FILE, path=path) for path in ("a/b", "a-b", "a.b")]
    assert strong_root(files) == strong_root(files[::-1])
    assert tensor_root(tensors(5)) == tensor_root(tensors(5)[::-1])


def test_the_root_over_tensors_does_not_say_which_file_holds_them() -> None:
    moved = [msgspec.structs.replace(one, path="b", begin=0, end=24) for one in tensors(5)]
    assert tensor_root(moved) == tensor_root(tensors(5))


@given(st.integers(1, 40), st.data())
def test_each_tensor_is_proven_by_the_root(count: int, data: st.DataObject) -> None:
    every = tensors(count)
    proof = prove_tensor(every, data.draw(st.sampled_from(every)).name)
    check_tensor(proof, tensor_root(every))


@given(st.integers(1, 40), st.integers(0, 39), st.data())
def test_a_proof_with_anything_changed_proves_nothing(
    count: int, at: int, data: st.DataObject
) -> None:
    every = tensors(count)
    proof = prove_tensor(every, every[at % count].name)
    changes = [
        {"name": "x"},
        {"dtype": "F16"},
        {"shape": (3, 2)},
        {"digest": bytes(32)},
        {"digest": b""},
        {"index": proof.index + 1},
        {"index": -1},
        {"size": proof.size * 2 + 1},
        {"path": (*proof.path, bytes(32))},
        {"path": (b"short", *proof.path[1:])},
    ]
    changed = msgspec.structs.replace(proof, **data.draw(st.sampled_from(changes)))
    with pytest.raises(LotaError) as caught:
        check_tensor(changed, tensor_root(every))
    assert caught.value.code in {"MODEL_PROOF", "MODEL_ENTRY"}


def test_a_proof_survives_its_own_json() -> None:
    proof = prove_tensor(tensors(7), "t3")
    again = msgspec.json.decode(msgspec.json.encode(proof), type=type(proof))
    check_tensor(again, tensor_root(tensors(7)))


def test_a_tensor_that_is_not_there_cannot_be_proven() -> None:
    with pytest.raises(LotaError) as caught:
        prove_tensor(tensors(3), "x")
    assert caught.value.code == "MODEL_TENSOR_UNKNOWN"


@pytest.mark.parametrize(
    "change",
    [{"name": "\ud800"}, {"shape": (2**64,)}, {"shape": (-1,)}, {"dtype": "x" * 256}],
    ids=["name", "large", "negative", "type"],
)
def test_what_no_leaf_can_say_has_its_code(change: dict[str, object]) -> None:
    with pytest.raises(LotaError) as caught:
        tensor_root([msgspec.structs.replace(TENSOR, **change)])
    assert caught.value.code == "MODEL_ENTRY"


def test_a_tensor_whose_bytes_were_not_read_has_no_place_in_a_root() -> None:
    with pytest.raises(LotaError) as caught:
        tensor_root([msgspec.structs.replace(TENSOR, digest=b"")])
    assert caught.value.code == "MODEL_ENTRY"
