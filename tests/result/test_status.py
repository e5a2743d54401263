"""Status lists: the examples of the draft, every size of entry, and what is no list."""

import base64
import json
import tracemalloc
import zlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from result.samples import KEY, NOW, STATUS, keys, payload_of, resigned, status_list

from lotabots.kernel import KeySet, LotaError
from lotabots.result import (
    INVALID,
    SUSPENDED,
    VALID,
    StatusList,
    issue_status_list,
    read_status_list,
)

TYPE = "statuslist+jwt"


def token(statuses: dict[int, int], **changes: Any) -> str:
    given: dict[str, Any] = {
        "size": 100, "bits": 2, "uri": STATUS.uri, "key": KEY, "now": NOW,
        "lifetime": timedelta(minutes=1), "ttl": timedelta(seconds=5),
    }  # fmt: skip
    return issue_status_list(statuses, **(given | changes))


def read(claims: object, typ: str = TYPE) -> StatusList:
    return read_status_list(resigned(claims, typ), keys())


def refused(claims: object, typ: str = TYPE) -> str:
    with pytest.raises(LotaError) as caught:
        read(claims, typ)
    return caught.value.code


def packed(array: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(array)).rstrip(b"=").decode()


def with_array(array: str, bits: int = 2) -> dict[str, Any]:
    return payload_of(token({})) | {"status_list": {"bits": bits, "lst": array}}


def test_the_one_bit_example_of_the_draft_is_read() -> None:
    listed = read(with_array("eNrbuRgAAhcBXQ", bits=1))
    assert listed.array.hex() == "b9a3"
    assert [listed.get(idx) for idx in range(16)] == [
        1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1,
    ]  # fmt: skip


def test_the_two_bit_example_of_the_draft_is_read() -> None:
    listed = read(with_array("eNo76fITAAPfAgc", bits=2))
    assert [listed.get(idx) for idx in range(12)] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


@given(
    st.sampled_from([1, 2, 4, 8]).flatmap(
        lambda bits: st.tuples(
            st.just(bits),
            st.dictionaries(st.integers(0, 99), st.integers(0, 2**bits - 1), max_size=20),
        )
    )
)
def test_every_entry_is_read_as_it_was_written(case: tuple[int, dict[int, int]]) -> None:
    bits, statuses = case
    listed = read_status_list(token(statuses, bits=bits), keys())
    assert [listed.get(idx) for idx in range(100)] == [statuses.get(idx, 0) for idx in range(100)]


def test_a_list_says_where_and_when_it_is_from() -> None:
    listed = status_list({1: INVALID, 2: SUSPENDED})
    assert (listed.uri, listed.issued_at) == (STATUS.uri, NOW)
    assert (listed.expires_at, listed.ttl) == (NOW + timedelta(minutes=1), timedelta(seconds=5))
    assert [listed.get(idx) for idx in range(4)] == [VALID, INVALID, SUSPENDED, VALID]


def test_a_place_outside_the_list_has_no_status() -> None:
    listed = status_list()
    assert listed.get(-1) is None
    assert listed.get(len(listed)) is None
    assert listed.get(2**31) is None


def test_a_list_has_exactly_the_claims_of_the_draft() -> None:
    claims = payload_of(token({}))
    assert claims.keys() == {"sub", "iat", "exp", "ttl", "status_list"}
    assert claims["status_list"].keys() == {"bits", "lst"}
    header = json.loads(base64.urlsafe_b64decode(token({}).split(".")[0] + "=="))
    assert header["typ"] == TYPE


def test_an_array_that_inflates_without_end_is_refused_in_bounded_memory() -> None:
    bomb = packed(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    assert refused(with_array(bomb)) == "STATUS_MALFORMED"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_the_largest_array_allowed_is_read() -> None:
    assert len(read(with_array(packed(bytes(1024 * 1024)), bits=8))) == 1024 * 1024
    assert refused(with_array(packed(bytes(1024 * 1024 + 1)), bits=8)) == "STATUS_MALFORMED"


@pytest.mark.parametrize(
    "array",
    [
        "", "AAAA", "not base64!", packed(b""), packed(b"x")[:-4], packed(b"x") + "AAAA",
        base64.urlsafe_b64encode(zlib.compress(b"x") + b"more").decode().rstrip("="),
        base64.urlsafe_b64encode(zlib.compress(b"x", wbits=-15)).decode().rstrip("="),
        base64.urlsafe_b64encode(zlib.compress(b"x", wbits=31)).decode().rstrip("="),
        base64.urlsafe_b64encode(zlib.compress(b"xyz")).decode() + "=",
    ],
)  # fmt: skip
def test_an_array_that_is_not_exactly_zlib_is_refused(array: str) -> None:
    assert refused(with_array(array)) == "STATUS_MALFORMED"


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1.5}, {"iat": None}, {"sub": ""}, {"ttl": 0}, {"more": 1}, {"iss": "x"},
        {"status_list": {}}, {"status_list": {"bits": 3, "lst": "eNrbuRgAAhcBXQ"}},
        {"status_list": {"bits": 1.0, "lst": "eNrbuRgAAhcBXQ"}},
        {"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ", "aggregation_uri": "x"}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_list_of_another_shape_is_refused(change: dict[str, object]) -> None:
    assert refused(payload_of(token({})) | change) == "JSON_SHAPE"


def test_a_list_that_ends_before_it_begins_is_refused() -> None:
    claims = payload_of(token({}))
    assert refused(claims | {"exp": claims["iat"]}) == "STATUS_MALFORMED"


@pytest.mark.parametrize("typ", ["JWT", "eat+jwt", "at+jwt"])
def test_a_token_of_another_kind_is_no_status_list(typ: str) -> None:
    assert refused(payload_of(token({})), typ) == "JWS_TYPE"


def test_a_list_of_an_unknown_key_is_refused() -> None:
    from result.samples import SESSION

    with pytest.raises(LotaError, match="JWS_KEY_UNKNOWN"):
        read_status_list(token({}), KeySet(current=SESSION).verifying())


@pytest.mark.parametrize(
    ("statuses", "changes"),
    [
        ({100: 1}, {}), ({-1: 1}, {}), ({0: 4}, {}), ({0: -1}, {}), ({}, {"size": 0}),
        ({}, {"size": 2**30}), ({}, {"uri": ""}), ({}, {"ttl": timedelta()}),
    ],
)  # fmt: skip
def test_what_would_be_refused_is_not_issued(
    statuses: dict[int, int], changes: dict[str, Any]
) -> None:
    with pytest.raises(LotaError, match="STATUS_UNISSUABLE"):
        token(statuses, **changes)


@given(st.binary(max_size=200))
def test_any_signed_payload_and_any_array_give_our_own_error(data: bytes) -> None:
    refused(data)
    array = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert refused(with_array(array)) == "STATUS_MALFORMED"
