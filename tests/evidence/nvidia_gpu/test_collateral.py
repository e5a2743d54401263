"""Reference files: told apart by content, every unusable one listed, digests over what counts."""

from base64 import b64encode
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import ReferenceFiles
from lotabots.evidence.schemes.nvidia_gpu.collateral import MAX_FILE, MAX_FILES, Collateral
from lotabots.evidence.schemes.nvidia_gpu.versions import SCHEMA, Approval

VERSIONS = (
    b'{"schema": "lotabots/approved-versions/v1",'
    b' "versions": [{"chip": "GH100", "driver": {"min": "550"}}]}'
)


def load(files: dict[str, bytes]) -> Collateral:
    """The collateral in these files."""
    return Collateral.load(ReferenceFiles.of(files))


def published(nvidia: Path) -> dict[str, bytes]:
    """The RIMs and OCSP responses of the published H100 set."""
    google = nvidia / "google-go-nvattest-tools"
    paths = [*(google / "ocsp").iterdir(), *(google / "rim").glob("NV_*.xml")]
    return {path.name: path.read_bytes() for path in paths}


def test_the_published_set_is_used_to_its_last_file(nvidia: Path) -> None:
    collateral = load(published(nvidia))
    assert collateral.ignored == ()
    assert {str(identity) for identity in collateral.rims} == {
        "driver RIM of GH100 550.90.07",
        "vbios RIM of GH100 96.00.9F.00.01",
    }
    assert len(collateral.revocation.ocsp) == 7


def test_everything_in_all_published_folders_is_used_or_listed_with_a_reason(nvidia: Path) -> None:
    paths = [path for path in nvidia.rglob("*") if path.is_file()]
    files = {str(path.relative_to(nvidia)): path.read_bytes() for path in paths}
    collateral = load(files)
    assert len(collateral.ignored) > 50
    assert all(name in files and reason for name, reason in collateral.ignored)
    unused = dict(collateral.ignored)
    assert "nvtrust-local-verifier/verifier_RIM_root.pem" in unused
    assert "google-go-nvattest-tools/rim/failure_duplicate_index.xml" in unused
    assert not any(name.endswith(".swidtag") for name in unused)


def test_a_response_is_read_as_der_and_as_base64_in_any_lines(nvidia: Path) -> None:
    text = next(data for name, data in published(nvidia).items() if name.endswith(".dat"))
    (response,) = load({"a": text}).revocation.ocsp.values()
    lines = b"\n".join(text[place : place + 64] for place in range(0, len(text), 64))
    assert load({"b": lines + b"\r\n"}).revocation.ocsp.values()
    assert load({"c": b"!" + text}).ignored
    assert response[0].sha256.hex() in {
        other[0].sha256.hex() for other in load({"d": lines}).revocation.ocsp.values()
    }


def test_digests_follow_the_content_and_not_the_names_or_the_unusable(nvidia: Path) -> None:
    files = published(nvidia)
    collateral = load(files)
    renamed = load({f"{place}": data for place, data in enumerate(files.values())})
    with_junk = load({**files, "junk": b"junk", "copy": next(iter(files.values()))})
    for same in (renamed, with_junk):
        assert same.reference_digest == collateral.reference_digest
        assert same.collateral_digest == collateral.collateral_digest
    with_versions = load({**files, "versions.json": VERSIONS})
    assert with_versions.reference_digest != collateral.reference_digest
    assert with_versions.collateral_digest == collateral.collateral_digest
    fewer = load({name: data for name, data in files.items() if "vbios_l4" not in name})
    assert fewer.reference_digest == collateral.reference_digest
    assert fewer.collateral_digest != collateral.collateral_digest


def test_a_broken_file_of_approved_versions_is_listed_and_approves_nothing() -> None:
    broken = VERSIONS.replace(b'"min"', b'"minimum"')
    collateral = load({"a.json": VERSIONS, "b.json": broken})
    assert [name for name, _ in collateral.ignored] == ["b.json"]
    approval, findings = collateral.versions.judge("gpu0", "GH100", "driver", "550.90.07")
    assert approval is Approval.UNLISTED
    assert [finding.code for finding in findings] == ["NV-VERSION-UNREADABLE"]
    assert load({"b.json": broken}).reference_digest != load({}).reference_digest


def test_other_json_is_listed_and_has_no_effect() -> None:
    collateral = load({"a.json": VERSIONS, "b.json": b'{"policy": 1}', "c.json": b"[]"})
    assert [name for name, _ in collateral.ignored] == ["b.json", "c.json"]
    approval, findings = collateral.versions.judge("gpu0", "GH100", "driver", "550.90.07")
    assert (approval, findings) == (Approval.APPROVED, ())


def test_too_large_and_too_many_files_are_listed_and_not_read() -> None:
    collateral = load({"large": b"0" * (MAX_FILE + 1)})
    assert [name for name, _ in collateral.ignored] == ["large"]
    many = {f"{place:05}": b"<" for place in range(MAX_FILES)}
    last = load({**many, "99999": VERSIONS})
    assert last.ignored[-1][0] == "99999"
    assert last.versions.rules == ()


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=100),
            st.sampled_from([b"<", b"{", b"\x30", b"-----BEGIN X509 CRL-----"]).flatmap(
                lambda start: st.binary(max_size=60).map(lambda rest: start + rest)
            ),
            st.binary(max_size=60).map(b64encode),
            st.just(f'{{"schema": "{SCHEMA}"}}'.encode()),
        ),
        max_size=4,
    )
)
def test_any_files_load_and_are_all_listed(contents: list[bytes]) -> None:
    files = {f"{place}": data for place, data in enumerate(contents)}
    collateral = load(files)
    assert {name for name, _ in collateral.ignored} <= set(files)
    assert not collateral.rims
    assert not collateral.revocation.ocsp
    assert not collateral.revocation.crls
    assert len(collateral.ignored) == len(set(contents))
