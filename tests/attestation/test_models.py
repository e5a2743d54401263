"""Models through the API: registered by manifest, uploaded, approved by somebody else, moved."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.api import Api

from lotabots.kernel import Role
from lotabots.models import FileEntry, strong_root

pytestmark = pytest.mark.anyio

FILES = {"config.json": b'{"architectures":["Example"]}', "weights/model.bin": b"\x00" * 1000}


def manifest(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for path, data in files.items()
    ]


def unique(files: dict[str, bytes] = FILES) -> dict[str, bytes]:
    return files | {"README.md": uuid4().hex.encode()}


async def register(
    api: Api, files: dict[str, bytes], name: str = "acme/model", version: str = "1.0", **other: Any
) -> httpx.Response:
    body = {"name": name, "version": version, "files": manifest(files)} | other
    return await api.post("/v1/models", body, as_=Role.OPERATOR)


async def registered(api: Api, files: dict[str, bytes], **other: Any) -> dict[str, Any]:
    answer = await register(api, files, **other)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def upload(api: Api, digest: str, path: str, data: bytes) -> httpx.Response:
    return await api.request(
        "PUT", f"/v1/models/{digest}/files", Role.OPERATOR, params={"path": path}, content=data
    )


async def test_a_model_is_called_by_the_root_over_its_files(api: Api) -> None:
    files = unique()
    model = await registered(api, files)
    entries = [
        FileEntry(path=path, size=len(data), digest=hashlib.sha256(data).digest())
        for path, data in files.items()
    ]
    assert model["digest"] == strong_root(entries).hex()
    assert [one["path"] for one in model["files"]] == sorted(files)
    assert not any(one["uploaded"] for one in model["files"])
    shown = await api.get(f"/v1/models/{model['digest']}", as_=Role.VIEWER)
    assert shown.json() == model


async def test_registering_the_same_again_is_the_same(api: Api) -> None:
    files = unique()
    assert await registered(api, files) == await registered(api, files)


@pytest.mark.parametrize("version", ["1.0", "1", "1.0.0"])
async def test_a_version_never_gets_another_content(api: Api, version: str) -> None:
    first = await registered(api, unique())
    answer = await register(api, unique(), version=version)
    assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_VERSION_TAKEN")
    assert answer.json()["details"]["digest"] == first["digest"]


async def test_one_content_has_one_name(api: Api) -> None:
    files = unique()
    await registered(api, files)
    answer = await register(api, files, name="acme/other")
    assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_REGISTERED")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../b", "./a", "a//b", "a\\b", "a\n", "", "."]
)
async def test_a_name_that_leads_elsewhere_is_refused(api: Api, path: str) -> None:
    answer = await register(api, {path: b"x"})
    assert answer.status_code == 400
    assert answer.json()["code"] in {"MODEL_MANIFEST", "REQUEST_BODY_INVALID"}


async def test_a_file_that_is_named_twice_is_refused(api: Api) -> None:
    body = {"name": "a/b", "version": "1", "files": manifest({"x": b"1"}) * 2}
    answer = await api.post("/v1/models", body, as_=Role.OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (400, "MODEL_MANIFEST")


@pytest.mark.parametrize("name", ["model", "a/b/c", "/b", "a/", "-a/b", "a/b c", "é/b"])
async def test_a_name_is_organisation_and_name(api: Api, name: str) -> None:
    answer = await register(api, unique(), name=name)
    assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_BODY_INVALID")


async def test_files_are_uploaded_one_by_one(api: Api) -> None:
    files = unique()
    digest = (await registered(api, files))["digest"]
    for path, data in files.items():
        answer = await upload(api, digest, path, data)
        assert (answer.status_code, answer.json()["uploaded"]) == (200, True), answer.text
    again = await upload(api, digest, "README.md", files["README.md"])
    assert again.status_code == 200
    model = (await api.get(f"/v1/models/{digest}", as_=Role.VIEWER)).json()
    assert all(one["uploaded"] for one in model["files"])


async def test_a_large_file_streams_through(api: Api) -> None:
    data = uuid4().bytes * (1 << 20)  # 16 MiB, more than any buffer between
    digest = (await registered(api, {"w": data}))["digest"]
    answer = await upload(api, digest, "w", data)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"y" * 1000, "MODEL_UPLOAD_DIGEST"),
        (b"x" * 999, "MODEL_UPLOAD_SIZE"),
        (b"x" * 1001, "MODEL_UPLOAD_SIZE"),
        (b"", "MODEL_UPLOAD_SIZE"),
    ],
)
async def test_what_is_not_the_registered_content_is_not_kept(
    api: Api, data: bytes, code: str
) -> None:
    digest = (await registered(api, unique({"w": b"x" * 1000})))["digest"]
    answer = await upload(api, digest, "w", data)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    model = (await api.get(f"/v1/models/{digest}")).json()
    assert not any(one["uploaded"] for one in model["files"])


async def test_a_file_that_was_not_registered_is_not_taken(api: Api) -> None:
    digest = (await registered(api, unique()))["digest"]
    answer = await upload(api, digest, "../../x", b"")
    assert (answer.status_code, answer.json()["code"]) == (404, "MODEL_FILE_UNKNOWN")


async def test_an_upload_of_another_tenant_helps_nobody(api: Api) -> None:
    files = unique()
    digest = (await registered(api, files))["digest"]
    other = api.of_another_tenant()
    await registered(other, files)
    assert (await upload(other, digest, "README.md", files["README.md"])).status_code == 200
    model = (await api.get(f"/v1/models/{digest}")).json()
    assert not any(one["uploaded"] for one in model["files"])


async def test_models_are_listed_newest_first_in_pages(api: Api) -> None:
    digests = [
        (await registered(api, unique(), version=str(number)))["digest"] for number in range(1, 6)
    ]
    await registered(api, unique(), name="acme/other")
    found, after = [], None
    while True:
        params = {"name": "acme/model", "limit": 2} | ({} if after is None else {"after": after})
        page = (await api.get("/v1/models", params=params)).json()
        found += [one["digest"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert found == digests[::-1]


async def test_nothing_is_approved_or_moved_before_a_verdict_accepts(api: Api) -> None:
    digest = (await registered(api, unique()))["digest"]
    for path, role in (("approvals", Role.ADMIN), ("moves", Role.OPERATOR)):
        answer = await of_somebody_else(api).post(
            f"/v1/models/{digest}/{path}", {"stage": "production"}, as_=role
        )
        assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_NOT_ACCEPTED")


async def test_whoever_registered_a_model_does_not_approve_it(api: Api) -> None:
    digest = (await registered(api, unique()))["digest"]
    answer = await api.post(f"/v1/models/{digest}/approvals", {"stage": "production"})
    assert (answer.status_code, answer.json()["code"]) == (403, "MODEL_APPROVAL_OWN")


async def test_there_is_no_result_before_a_verification(api: Api) -> None:
    from plugins.attester import new_jwk

    digest = (await registered(api, unique()))["digest"]
    answer = await api.post(f"/v1/models/{digest}/result", {"session_key": new_jwk()})
    assert (answer.status_code, answer.json()["code"]) == (409, "MODEL_NOT_VERIFIED")


def of_somebody_else(api: Api) -> Api:
    """The same tenant, another user."""
    return Api(api.servers, api.client, api.tokens, api.database, UUID(int=uuid4().int))
