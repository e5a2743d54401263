"""Every hostile signature is refused by its code, every odd one that is good is accepted."""

import base64
import tracemalloc

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from models.hostile.manifests import CASES, CONTROLS, Forged, Signed
from models.signing.material import (
    MODEL,
    NOW,
    Authority,
    codes,
    hashed,
    new_key,
    resigned,
    sharded,
    signed,
    statement_in,
    value_of,
    verify,
)

from lotabots.kernel import canonical
from lotabots.models import (
    Algorithm,
    Leniency,
    MemoryTree,
    Options,
    Severity,
    Trust,
    Verified,
    manifest_of,
    open_bundle,
    sign_manifest,
    verify_bundle,
)
from lotabots.models.statement import legacy_pre_authentication

IDS = {
    *(f"H{number:02}" for number in range(1, 25)),
    *("H25", "H26", "H27", "H30", "H32"),
}
NOT_OURS = {
    1: "installing the reference",
    4: "test_two_models_of_the_same_bytes_under_other_names_have_two_identities",
}


def judged(case: Signed) -> Verified:
    tree = case.tree()
    return verify_bundle(
        case.bundle(),
        case.trust(),
        hashed(tree, case.algorithm),
        tree,
        NOW,
        case.options,
        case.strong() if case.strong else None,
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_signature_is_refused_with_its_code(case: Forged) -> None:
    verified = judged(case)
    assert not verified.holds
    assert verified.severity is Severity.REJECT
    assert case.expect in {one.code for one in verified.findings}, verified.findings


@pytest.mark.parametrize("case", CONTROLS, ids=lambda case: case.name)
def test_an_odd_signature_that_is_good_is_accepted(case: Signed) -> None:
    verified = judged(case)
    assert verified.holds, verified.findings


def test_every_case_of_the_research_is_here() -> None:
    assert {case.id for case in CASES} == IDS
    cases = {case.case for case in (*CASES, *CONTROLS) if case.case is not None}
    assert cases | set(NOT_OURS) == set(range(1, 23))
    names = [case.name for case in (*CASES, *CONTROLS)]
    assert len({f"{case.id}-{case.name}" for case in CASES}) == len(CASES), names


def test_two_models_of_the_same_bytes_under_other_names_have_two_identities() -> None:
    """Case 4: their OMS roots are the same, which is why there is an identity beside it."""
    other = dict(zip(("a", "b", "c", "d/e", "f"), MODEL.values(), strict=True))
    one, two = verify(signed(MODEL), MODEL), verify(signed(other), other)
    assert one.holds
    assert two.holds
    assert one.root == two.root
    assert one.identity != two.identity


def test_names_are_signed_in_code_point_order() -> None:
    """Case 7 and 8, when producing."""
    statement = statement_in(signed({"a/b": b"", "a-b": b"", "a.b": b"", "B": b""}))
    names = [one["name"] for one in statement["predicate"]["resources"]]
    assert names == ["B", "a-b", "a.b", "a/b"]


def test_a_large_bundle_is_refused_without_being_parsed() -> None:
    tracemalloc.start()
    opened = open_bundle(b"[" * 70_000_000, Trust(), Leniency(), NOW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.code for one in opened.findings] == ["BUNDLE-JSON"]
    assert peak < 100_000_000  # the bundle itself, and nothing like it again


def test_a_manifest_of_tiny_shards_is_read_in_the_time_of_its_own_size() -> None:
    """One shard of one byte is listed of a file said to have 2**50: nothing counts up to there."""
    manifest = sharded({"w": b"1"}, 1)
    statement = manifest.statement().payload()
    statement["predicate"]["resources"][0]["name"] = f"w:0:{2**50}"  # type: ignore[index, call-overload]
    assert "MANIFEST-SHARD" in codes(verify(resigned(statement), {"w": b"1"}))


def test_old_certificates_signed_with_sha_256_whatever_their_curve() -> None:
    """Before 1.0; only where that is allowed, and then it is said."""
    key = new_key(ec.SECP384R1())
    root = Authority()
    manifest = manifest_of("model", hashed(MemoryTree(MODEL)).files, Algorithm.SHA256)
    value = value_of(sign_manifest(manifest, key, [root.leaf(key)]))
    payload = base64.b64decode(value["dsseEnvelope"]["payload"])
    made = key._key.sign(legacy_pre_authentication(payload), ec.ECDSA(SHA256()))
    value["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(made).decode()
    trust = Trust(roots=(root.loaded,))
    assert codes(verify(canonical(value), MODEL, trust)) == {"SIGNATURE-LEGACY"}
    lenient = Options(leniency=Leniency(legacy=True))
    verified = verify(canonical(value), MODEL, trust, lenient)
    assert verified.holds
    assert codes(verified) == {"SIGNATURE-LEGACY"}
