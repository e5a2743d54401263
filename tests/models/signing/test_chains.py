"""A chain leads from a leaf that may sign to a certificate that is trusted, or has its code."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import ExtendedKeyUsageOID
from models.signing.material import KEY, NOW, Authority, rsa_key

from lotabots.models import Certificate
from lotabots.models.chains import Path, leaf_key, verify_path


def judged(path: list[Certificate], *anchors: Certificate) -> Path:
    return verify_path(path, anchors, NOW)


def found(path: Path) -> set[str]:
    return {one.code for one in path.findings}


def test_a_chain_of_three_leads_to_its_root() -> None:
    root = Authority(key=rsa_key(), path_length=1)
    middle = Authority("middle", root, path_length=0)
    path = judged([middle.leaf(KEY), middle.loaded], root.loaded)
    assert path.findings == ()
    assert [one.name for one in path.certificates] == ["CN=signer", "CN=middle", "CN=root-ca"]


def test_a_leaf_that_says_ca_but_may_not_issue_is_a_leaf() -> None:
    """The published test certificates are so, and their leaf has the name of its issuer."""
    root = Authority()
    middle = Authority("same", root)
    leaf = middle.leaf(KEY, name="same", ca=True)
    assert judged([leaf, middle.loaded], root.loaded).findings == ()


@pytest.mark.parametrize("usage", [{}, {"usage": False}, {"purposes": []}])
def test_one_of_the_two_rights_is_enough(usage: dict[str, Any]) -> None:
    root = Authority()
    assert judged([root.leaf(KEY, **usage)], root.loaded).findings == ()


def test_a_leaf_that_says_nothing_of_its_use_is_refused() -> None:
    root = Authority()
    bare = root.leaf(KEY, usage=False, purposes=[])
    assert found(judged([bare], root.loaded)) == {"CHAIN-USAGE"}


def test_a_trusted_intermediate_and_a_trusted_leaf_are_ends_of_a_chain() -> None:
    root = Authority()
    middle = Authority("middle", root)
    leaf = middle.leaf(KEY)
    assert judged([leaf], middle.loaded).findings == ()
    assert judged([leaf], leaf).findings == ()


def test_an_authority_of_the_same_name_with_another_key_is_not_trusted() -> None:
    root, other = Authority(), Authority()
    assert found(judged([root.leaf(KEY), root.loaded], other.loaded)) == {"CHAIN-UNTRUSTED"}
    assert found(judged([root.leaf(KEY)])) == {"CHAIN-UNTRUSTED"}


def test_a_path_that_holds_is_taken_before_one_that_does_not() -> None:
    """The same key is certified twice: once by a certificate that has expired."""
    root = Authority()
    key = ec.generate_private_key(ec.SECP384R1())
    old = Authority("middle", root, key=key, end=NOW - timedelta(days=1))
    new = Authority("middle", root, key=key)
    assert judged([new.leaf(KEY), old.loaded, new.loaded], root.loaded).findings == ()


def test_more_below_an_authority_than_it_may_have_is_refused() -> None:
    root = Authority(path_length=0)
    middle = Authority("middle", root)
    assert found(judged([middle.leaf(KEY), middle.loaded], root.loaded)) == {"CHAIN-CA"}


@pytest.mark.parametrize(("days", "refused"), [(0, set()), (1, {"CHAIN-TIME"})])
def test_validity_includes_its_last_moment(days: int, refused: set[str]) -> None:
    root = Authority()
    leaf = root.leaf(KEY, end=NOW - timedelta(days=days))
    assert found(judged([leaf], root.loaded)) == refused


def test_weak_keys_are_refused() -> None:
    root = Authority(key=rsa_key(1024))
    assert found(judged([root.leaf(KEY)], root.loaded)) == {"CHAIN-ALGORITHM"}
    strong = Authority()
    by_rsa = strong.leaf(KEY, public=rsa_key().public_key())
    assert found(judged([by_rsa], strong.loaded)) == {"CHAIN-ALGORITHM"}
    assert leaf_key(by_rsa) is None
    koblitz = strong.leaf(KEY, public=ec.generate_private_key(ec.SECP256K1()).public_key())
    assert leaf_key(koblitz) is None


def test_a_critical_extension_that_is_not_known_is_refused() -> None:
    root = Authority()
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    leaf = root.leaf(KEY, extensions=[(extension, True)])
    assert found(judged([leaf], root.loaded)) == {"CHAIN-EXTENSION"}
    assert judged([root.leaf(KEY, extensions=[(extension, False)])], root.loaded).findings == ()


def test_a_ring_of_authorities_ends() -> None:
    """Two that certify each other, many times over, and no root."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    one, two = (Authority(name, key=key) for name, key in zip("ab", keys, strict=True))
    ring = [Authority("a", two, key=keys[0]).loaded for _ in range(7)]
    ring += [Authority("b", one, key=keys[1]).loaded for _ in range(7)]
    path = judged([one.leaf(KEY), *ring], Authority().loaded)
    assert found(path) == {"CHAIN-UNTRUSTED"}


def test_any_purpose_and_longer_hashes_will_do() -> None:
    root = Authority(hash=SHA384())
    purposes = [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]
    assert judged([root.leaf(KEY, purposes=purposes)], root.loaded).findings == ()
