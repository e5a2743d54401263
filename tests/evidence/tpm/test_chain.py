"""A TPM is its maker's if certificates lead from its endorsement key to a root that is trusted."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from evidence.tpm.forge import DAY, NOW, Holder, ec_key, issue, makers, public_area, rsa_key

from lotabots.evidence import Anchor, Caches, ReferenceFiles
from lotabots.evidence.schemes.tpm import EkChain, read_public, verify_ek_chain
from lotabots.evidence.schemes.tpm.certificates import EK_CERTIFICATE

KEY = ec_key(77)
DEVICE = read_public(public_area(KEY)).device_id
ROOT, INTERMEDIATE = makers()
LEAF = issue(None, INTERMEDIATE, key=KEY, ca=False, usage=EK_CERTIFICATE)


def chain(
    *holders: Holder,
    anchors: tuple[Anchor, ...] = (ROOT.anchor(),),
    files: Mapping[str, bytes] | None = None,
    now: datetime = NOW,
    device_id: str = DEVICE,
    caches: Caches | None = None,
) -> EkChain:
    return verify_ek_chain(
        b"".join(holder.pem for holder in holders),
        device_id=device_id,
        reference=ReferenceFiles.of(files or {}),
        anchors=anchors,
        now=now,
        caches=caches or Caches(),
    )


def standing(found: EkChain) -> tuple[str, str]:
    """Its status, and the code of its problem."""
    assert (found.anchor is None) == (found.status != "valid")
    return found.status, found.problem.code if found.problem else ""


def roots_file(*roots: Holder, intermediates: tuple[Holder, ...] = ()) -> bytes:
    listed = {
        "format": "lotabots/tpm-roots/v1",
        "roots": [one.pem.decode() for one in roots],
        "intermediates": [one.pem.decode() for one in intermediates],
    }
    return msgspec.json.encode(listed)


def test_a_chain_to_a_pinned_root_is_valid_with_an_empty_subject_and_a_critical_name() -> None:
    caches = Caches()
    for _ in range(2):
        found = chain(LEAF, INTERMEDIATE, ROOT, caches=caches)
        assert (found.status, found.anchor, found.device_id) == ("valid", ROOT.anchor(), DEVICE)
        assert len(found.keys) == 2
    assert found.facts()["root_spki_sha256"] == ROOT.anchor().spki_sha256.hex()


def test_the_order_of_the_certificates_behind_the_first_does_not_matter() -> None:
    assert chain(LEAF, ROOT, INTERMEDIATE).status == "valid"
    assert standing(chain(INTERMEDIATE, LEAF, ROOT)) == ("invalid", "TPM-CHAIN-USE")


def test_a_reference_file_brings_the_root_and_what_lies_between() -> None:
    files = {"tpm.json": roots_file(ROOT, intermediates=(INTERMEDIATE,))}
    found = chain(LEAF, anchors=(), files=files)
    assert found.status == "valid"
    assert found.anchor is not None
    assert not found.anchor.simulated
    assert standing(chain(LEAF, anchors=())) == ("untrusted", "TPM-CHAIN-UNTRUSTED")
    as_root = {"tpm.json": roots_file(intermediates=(ROOT, INTERMEDIATE))}
    assert standing(chain(LEAF, anchors=(), files=as_root))[0] == "untrusted"


def test_a_file_of_roots_that_cannot_be_read_trusts_nobody_and_is_named() -> None:
    for broken in (roots_file(ROOT)[:-2], roots_file(ROOT).replace(b'"roots"', b'"rots"')):
        found = chain(LEAF, INTERMEDIATE, ROOT, anchors=(), files={"tpm.json": broken})
        assert standing(found) == ("untrusted", "TPM-CHAIN-UNTRUSTED")
    assert found.problem is not None
    assert "1 files of roots cannot be read" in found.problem.expected


def test_a_simulators_root_marks_what_it_vouches_for() -> None:
    found = chain(LEAF, INTERMEDIATE, ROOT, anchors=(ROOT.anchor(simulated=True),))
    assert found.anchor is not None
    assert found.anchor.simulated


def test_a_missing_intermediate_another_root_and_no_certificate_are_told_apart() -> None:
    stranger = issue("Maker Root")
    assert standing(chain(LEAF, ROOT)) == ("untrusted", "TPM-CHAIN-UNTRUSTED")
    assert standing(chain(LEAF, INTERMEDIATE, stranger))[0] == "untrusted"
    assert standing(chain()) == ("absent", "TPM-CHAIN-ABSENT")


def test_a_certificate_of_another_key_vouches_for_another_tpm() -> None:
    found = chain(LEAF, INTERMEDIATE, ROOT, device_id="00" * 32)
    assert standing(found) == ("invalid", "TPM-CHAIN-KEY")


def test_outside_their_time_certificates_vouch_for_nothing() -> None:
    short = issue(None, INTERMEDIATE, key=KEY, ca=False, usage=EK_CERTIFICATE, not_after=NOW + DAY)
    caches = Caches()
    assert chain(short, INTERMEDIATE, ROOT, caches=caches).status == "valid"
    for moment in (NOW + 2 * DAY, NOW - 101 * DAY):
        late = chain(short, INTERMEDIATE, ROOT, now=moment, caches=caches)
        assert standing(late) == ("expired", "TPM-CHAIN-TIME")
    old_root = issue("Old Root", not_after=NOW - DAY)
    leaf = issue(None, old_root, key=KEY, ca=False, usage=EK_CERTIFICATE)
    assert chain(leaf, old_root, anchors=(old_root.anchor(),)).status == "expired"


def test_of_two_paths_the_one_that_is_valid_now_counts() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old = issue("Maker Intermediate 2", ROOT, key=key, not_after=NOW - DAY)
    new = issue("Maker Intermediate 2", ROOT, key=key)
    leaf = issue(None, new, key=KEY, ca=False, usage=EK_CERTIFICATE)
    assert chain(leaf, old, new, ROOT).status == "valid"
    assert chain(leaf, old, ROOT).status == "expired"


def test_only_a_certificate_made_for_an_endorsement_key_is_one() -> None:
    plain = issue(None, INTERMEDIATE, key=KEY, ca=False)
    other = issue(
        None, INTERMEDIATE, key=KEY, ca=False, usage=x509.ObjectIdentifier("1.3.6.1.5.5.7.3.1")
    )
    authority = issue(None, INTERMEDIATE, key=KEY, usage=EK_CERTIFICATE)
    for leaf in (plain, other, authority):
        assert standing(chain(leaf, INTERMEDIATE, ROOT)) == ("invalid", "TPM-CHAIN-USE")


def test_who_may_not_issue_or_not_so_far_down_does_not_vouch() -> None:
    not_ca = issue("Maker Intermediate 3", ROOT, ca=False)
    leaf = issue(None, not_ca, key=KEY, ca=False, usage=EK_CERTIFICATE)
    assert chain(leaf, not_ca, ROOT).status == "untrusted"
    # The intermediate's own path length is 0: no CA may stand below it.
    deeper = issue("Maker Intermediate 4", INTERMEDIATE)
    leaf = issue(None, deeper, key=KEY, ca=False, usage=EK_CERTIFICATE)
    assert chain(leaf, deeper, INTERMEDIATE, ROOT).status == "untrusted"


def test_a_forged_signature_does_not_lead_anywhere() -> None:
    forger = Holder(INTERMEDIATE.certificate, ec_key(99))
    leaf = issue(None, forger, key=KEY, ca=False, usage=EK_CERTIFICATE)
    assert chain(leaf, INTERMEDIATE, ROOT).status == "untrusted"


def test_a_certificate_that_only_has_the_roots_key_is_not_the_root() -> None:
    # Its own signature is somebody else's: nobody holds the key that it shows.
    shown = issue("Maker Root", Holder(ROOT.certificate, ec_key(98)), key=ROOT.key)
    assert chain(LEAF, INTERMEDIATE, shown).status == "untrusted"


def test_rsa_chains_are_read_and_any_other_text_between_certificates_is_refused() -> None:
    root = issue("RSA Root", key=rsa_key(8))
    leaf = issue(None, root, key=KEY, ca=False, usage=EK_CERTIFICATE)
    assert chain(leaf, root, anchors=(root.anchor(),)).status == "valid"
    text = leaf.pem
    for broken in (text + b"x", b"x" + text, text[:-30], text * 9, text + b"A" * 70_000):
        found = verify_ek_chain(
            broken,
            device_id=DEVICE,
            reference=ReferenceFiles(()),
            anchors=(root.anchor(),),
            now=NOW,
            caches=Caches(),
        )
        assert standing(found) == ("invalid", "TPM-CHAIN-MALFORMED")


def test_a_critical_extension_that_nobody_understands_is_refused() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    leaf = issue(None, INTERMEDIATE, key=KEY, ca=False, usage=EK_CERTIFICATE, critical=(unknown,))
    assert standing(chain(leaf, INTERMEDIATE, ROOT)) == ("invalid", "TPM-CHAIN-MALFORMED")


def test_a_forest_of_look_alikes_is_searched_within_a_budget() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    lookalikes = [issue("Same", key=key) for key in keys]
    woods = tuple(issue("Same", lookalikes[at % 3]) for at in range(200))
    leaf = issue(None, woods[0], key=KEY, ca=False, usage=EK_CERTIFICATE)
    files = {"tpm.json": roots_file(intermediates=woods)}
    assert standing(chain(leaf, files=files)) == ("untrusted", "TPM-CHAIN-UNTRUSTED")


def test_facts_say_no_more_than_is_known() -> None:
    assert chain().facts() == {"status": "absent"}
    assert chain(LEAF).facts().keys() == {"status", "leaf_sha256"}
