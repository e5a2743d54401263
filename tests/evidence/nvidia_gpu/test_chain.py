"""Device chains: five certificates to a pinned root, and nothing else."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from evidence.nvidia_gpu.published import H100, LS10, THEN, all_real, refusal
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from lotabots.evidence import Anchor, Caches
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS
from lotabots.evidence.schemes.nvidia_gpu.anchors import DEVICE_ROOT, KNOWN_ROOTS
from lotabots.evidence.schemes.nvidia_gpu.certs import (
    LINKS,
    load_certificate,
    load_pem,
    verify_link,
)
from lotabots.evidence.schemes.nvidia_gpu.chain import (
    DeviceChain,
    identify,
    load_chain,
    verify_chain,
)
from lotabots.evidence.schemes.nvidia_gpu.signature import ECDSA_SHA384
from lotabots.kernel import LotaError

END = b"-----END CERTIFICATE-----"


@pytest.fixture(scope="module")
def pem(nvidia: Path) -> bytes:
    return (nvidia / H100[1]).read_bytes()


@pytest.fixture(scope="module")
def switch_pem(nvidia: Path) -> bytes:
    return (nvidia / LS10[1]).read_bytes()


def blocks(pem: bytes) -> list[bytes]:
    return [block.lstrip() + END + b"\n" for block in pem.split(END) if block.strip()]


def wrong(
    chain: DeviceChain, *, anchors: tuple[Anchor, ...] = (DEVICE_ROOT,), now: datetime = THEN
) -> set[str]:
    """The codes of a chain, verified with no memory."""
    return {found.code for found in verify_chain(chain, "gpu0", anchors, now, Caches()).findings}


def chain_of(*parts: bytes) -> DeviceChain:
    return load_chain(b"".join(parts), Caches())


def test_the_switch_chains_through_the_gpu_identity_and_is_still_a_switch(
    switch_pem: bytes,
) -> None:
    chain = chain_of(switch_pem)
    assert chain.certificates[3].name == "NVIDIA GH100 Identity"
    identity = identify(chain)
    assert (identity.chip.kind, identity.chip.name) == ("switch", "LS10")
    assert identity.pdi == "203eb31ad9ed0008"


def test_both_generations_of_firmware_digest_are_read(nvidia: Path) -> None:
    lengths = {
        identify(load_chain(real.evidence.certificates, Caches())).chip.name: len(
            identify(load_chain(real.evidence.certificates, Caches())).fwid or b""
        )
        for real in all_real(nvidia)
    }
    assert lengths == {"GH100": 48, "GB100": 48, "LS10": 48}


def test_one_certificate_too_few_too_many_or_none_is_refused(pem: bytes) -> None:
    parts = blocks(pem)
    for cut in (parts[:4], parts[1:], parts[4:], [*parts, parts[4]], []):
        assert refusal(chain_of, *cut) == "NV-CHAIN-LENGTH"
    assert refusal(chain_of, *parts, *parts) == "NV-LIMIT-CHAIN"


def test_a_chain_in_another_order_is_refused(pem: bytes) -> None:
    parts = blocks(pem)
    for first in range(5):
        for second in range(first + 1, 5):
            swapped = parts.copy()
            swapped[first], swapped[second] = parts[second], parts[first]
            assert "NV-CHAIN-ISSUER" in wrong(chain_of(*swapped)), (first, second)


def test_a_leaf_of_another_device_is_refused(pem: bytes, switch_pem: bytes) -> None:
    assert wrong(chain_of(blocks(switch_pem)[0], *blocks(pem)[1:])) == {"NV-CHAIN-ISSUER"}


def test_every_bit_of_a_certificate_counts(pem: bytes) -> None:
    """One bit in each of 120 places of each certificate, the root's own signature included."""
    parts = blocks(pem)
    for place, part in enumerate(parts):
        der = base64.b64decode(b"".join(part.split(b"\n")[1:-2]))
        for at in range(0, len(der), max(1, len(der) // 24)):
            changed = der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]
            block = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(changed) + b"\n" + END
            text = b"".join([*parts[:place], block, *parts[place + 1 :]])
            refused = refusal(load_chain, text, Caches())
            assert refused.startswith("NV-CHAIN-") or wrong(chain_of(text)), (place, at)


def test_a_root_of_another_key_or_another_name_is_refused(pem: bytes) -> None:
    chain = chain_of(pem)
    other_key = replace_anchor(spki=bytes(32))
    other_name = replace_anchor(name="NVIDIA Device Identity CA 2")
    for anchors in ((), (other_key,), (other_name,), NVIDIA_ANCHORS.rim):
        assert wrong(chain, anchors=anchors) == {"NV-CHAIN-ROOT"}
    assert wrong(chain, anchors=(other_key, DEVICE_ROOT)) == set()


def replace_anchor(
    *, spki: bytes = DEVICE_ROOT.spki_sha256, name: str = DEVICE_ROOT.name
) -> Anchor:
    return Anchor(spki_sha256=spki, name=name)


def test_before_its_certificates_were_made_a_device_is_not_valid(pem: bytes) -> None:
    assert wrong(chain_of(pem), now=datetime(2020, 1, 1, tzinfo=UTC)) == {"NV-CHAIN-TIME"}


def test_a_proven_link_is_remembered_and_a_broken_one_never(pem: bytes, switch_pem: bytes) -> None:
    caches = Caches()
    leaf, brom = load_pem(pem, caches)[:2]
    foreign = load_pem(switch_pem, caches)[1]
    assert verify_link(leaf, foreign, caches) == "NV-CHAIN-ISSUER"
    assert len(caches.of(LINKS)) == 0
    assert verify_link(leaf, brom, caches) is None
    assert len(caches.of(LINKS)) == 1
    assert verify_link(leaf, foreign, caches) == "NV-CHAIN-ISSUER"
    assert verify_link(leaf, brom, caches) is None


def test_a_leaf_may_not_issue_a_leaf(pem: bytes) -> None:
    caches = Caches()
    leaf = load_pem(pem, caches)[0]
    same_names = replace(
        leaf, sha256=bytes(32), authority_key_id=leaf.subject_key_id, parsed=leaf.parsed
    )
    assert verify_link(same_names, leaf, caches) in {"NV-CHAIN-ISSUER", "NV-CHAIN-CA"}


def test_the_known_roots_really_signed_themselves(nvidia: Path) -> None:
    found = set()
    for name in ("verifier_device_root.pem", "verifier_RIM_root.pem"):
        (root,) = load_pem((nvidia / "nvtrust-local-verifier" / name).read_bytes(), Caches())
        root.key.verify(root.parsed.signature, root.parsed.tbs_certificate_bytes, ECDSA_SHA384)
        found.add(root.sha256)
    assert found == KNOWN_ROOTS


@pytest.mark.parametrize("form", [b"\x00", b"text\n", b"-----BEGIN PUBLIC KEY-----\n"])
def test_anything_between_certificates_is_refused(pem: bytes, form: bytes) -> None:
    parts = blocks(pem)
    for text in (form + pem, pem + form, parts[0] + form + b"".join(parts[1:])):
        assert refusal(load_chain, text, Caches()) == "NV-CHAIN-PARSE"


def test_windows_line_ends_and_blank_lines_do_not_matter(pem: bytes) -> None:
    assert wrong(chain_of(pem.replace(b"\n", b"\r\n"))) == set()
    assert wrong(chain_of(b"\n\n" + pem.replace(END, END + b"\n\n") + b"\n")) == set()


def test_an_oversize_chain_or_certificate_is_refused(pem: bytes) -> None:
    huge = b"-----BEGIN CERTIFICATE-----\n" + b"A" * 8000 + b"\n" + END
    for text in (pem + b" " * 16_384, huge):
        assert refusal(load_chain, text, Caches()) == "NV-LIMIT-CHAIN"


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda der: b"0\x82" + der))
def test_any_bytes_are_a_certificate_or_refused(data: bytes) -> None:
    with pytest.raises(LotaError, match="NV-CHAIN-"):
        load_certificate(data, Caches())


@given(st.data())
def test_a_damaged_chain_is_refused_by_parser_or_verifier(pem: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(pem) - 1))
    value = data.draw(st.integers(0, 255))
    changed = pem[:at] + bytes([value]) + pem[at + 1 :]
    refused = refusal(load_chain, changed, Caches())
    if not refused:
        chain = chain_of(changed)
        same = [c.der for c in chain.certificates] == [c.der for c in chain_of(pem).certificates]
        assert same or wrong(chain)
