"""Bundles over HTTP: imported, signed here, exported to another site, and never rolled back."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from plugins.api import Api
from plugins.attester import upload
from plugins.process import MASTER_KEY

from lotabots.evidence import ReferenceFiles
from lotabots.kernel import Role, SigningKey
from lotabots.reference import build_bundle
from lotabots.runtime.keyring import Keyring

pytestmark = pytest.mark.anyio

CREATED = datetime(2026, 11, 23, 12, tzinfo=UTC)
FILES = ReferenceFiles.of({"rim/a.xml": b"<a/>", "crl/b.crl": b"\x30\x00"})
RAW = {"content-type": "application/vnd.lotabots.reference-bundle"}


async def bundle(api: Api, number: int, files: ReferenceFiles = FILES, name: str = "site") -> bytes:
    """A bundle that another process of this installation has signed."""
    key = (await Keyring(api.database, MASTER_KEY).load("reference")).current
    return build_bundle(name, number, CREATED, files.files, key)


async def take(api: Api, data: bytes) -> tuple[int, str]:
    answer = await api.post("/v1/reference", as_=Role.OPERATOR, content=data, headers=RAW)
    return answer.status_code, answer.json().get("code", "")


async def in_force(api: Api) -> dict[str, int]:
    listed = (await api.get("/v1/reference", as_=Role.VIEWER)).json()
    return {entry["name"]: entry["number"] for entry in listed if entry["active"]}


async def test_loose_files_become_the_next_bundle_signed_by_this_instance(api: Api) -> None:
    first, second = await upload(api, FILES), await upload(api, FILES)
    assert (first["number"], second["number"], second["active"]) == (1, 2, True)
    shown = (await api.get(f"/v1/reference/{second['id']}", as_=Role.VIEWER)).json()
    assert [file["name"] for file in shown["contents"]] == ["crl/b.crl", "rim/a.xml"]
    assert await in_force(api) == {"simulated": 2}


async def test_an_exported_bundle_is_imported_by_another_tenant_byte_for_byte(api: Api) -> None:
    made = await upload(api, FILES)
    exported = await api.get(f"/v1/reference/{made['id']}/export", as_=Role.VIEWER)
    assert exported.headers["content-type"] == RAW["content-type"]
    other = api.of_another_tenant()
    assert (await take(other, exported.content))[0] == 201
    again = await other.get(f"/v1/reference/{made['id']}/export")
    assert again.content == exported.content


async def test_taking_the_same_bundle_again_changes_nothing(api: Api) -> None:
    data = await bundle(api, 3)
    assert [await take(api, data) for _ in range(2)] == [(201, ""), (201, "")]
    entries = (await api.get("/v1/audit/entries?verb=reference.import")).json()["entries"]
    assert len(entries) == 1


async def test_an_older_bundle_is_refused_and_not_kept(api: Api) -> None:
    assert (await take(api, await bundle(api, 5)))[0] == 201
    older = await take(api, await bundle(api, 4))
    assert older == (409, "REFERENCE_ROLLBACK")
    assert [entry["number"] for entry in (await api.get("/v1/reference")).json()] == [5]


async def test_one_number_has_one_content(api: Api) -> None:
    assert (await take(api, await bundle(api, 5)))[0] == 201
    other = ReferenceFiles.of({"rim/a.xml": b"<other/>"})
    assert await take(api, await bundle(api, 5, other)) == (409, "REFERENCE_NUMBER_TAKEN")


async def test_a_bundle_that_was_in_force_before_is_not_put_back(api: Api) -> None:
    old = await upload(api, FILES)
    await upload(api, FILES)
    answer = await api.post(f"/v1/reference/{old['id']}/activate", as_=Role.OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "REFERENCE_ROLLBACK")


async def test_names_are_in_force_side_by_side(api: Api) -> None:
    await take(api, await bundle(api, 1, name="vendor"))
    await take(api, await bundle(api, 7, name="own"))
    assert await in_force(api) == {"vendor": 1, "own": 7}


async def test_a_foreign_signer_is_refused(api: Api) -> None:
    key = SigningKey(derive_private_key(99, SECP256R1()))
    data = build_bundle("site", 1, CREATED, FILES.files, key)
    assert await take(api, data) == (400, "REFERENCE_SIGNER_UNKNOWN")


async def test_a_changed_or_cut_bundle_is_refused(api: Api) -> None:
    data = await bundle(api, 1)
    assert await take(api, data.replace(b"<a/>", b"<b/>")) == (400, "REFERENCE_EDITED")
    assert await take(api, data[:-1]) == (400, "REFERENCE_TRUNCATED")
    assert await take(api, b"") == (400, "REFERENCE_MALFORMED")
    assert await take(api, bytes(65 * 1024 * 1024)) == (413, "REQUEST_TOO_LARGE")


async def test_only_operators_change_reference_values(api: Api) -> None:
    for role in (Role.VIEWER, Role.AUDITOR, Role.AGENT):
        answer = await api.post("/v1/reference", as_=role, content=b"", headers=RAW)
        assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("path", ["x", "0" * 64, "A" * 64, "0" * 65])
async def test_an_id_that_is_none_is_not_found(api: Api, path: str) -> None:
    answer = await api.get(f"/v1/reference/{path}")
    assert answer.status_code in {400, 404}
    assert answer.json()["code"] in {"REFERENCE_NOT_FOUND", "REQUEST_PARAMETER"}


async def test_an_upload_that_is_not_base64_is_refused_by_name(api: Api) -> None:
    body = {"name": "site", "files": [{"name": "a", "data": "?"}]}
    answer = await api.post("/v1/reference/files", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "REFERENCE_UPLOAD_BASE64")
    assert answer.json()["details"] == {"file": "a"}
