"""Content-addressed storage, on disk and in memory."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.blobs import Blobs

pytestmark = pytest.mark.anyio

HELLO = sha256(b"hello").hexdigest()


@pytest.fixture(params=["disk", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs.in_memory() if request.param == "memory" else Blobs.in_folder(tmp_path / "blobs")


def file_of(root: Path, digest: str) -> Path:
    return root / digest[:2] / digest[2:4] / digest


async def test_what_was_put_comes_back_under_its_own_digest(blobs: Blobs) -> None:
    assert await blobs.put(b"hello") == HELLO
    assert await blobs.get(HELLO) == b"hello"


@given(data=st.binary(max_size=5000))
def test_any_bytes_come_back_as_they_went_in(data: bytes) -> None:
    blobs = Blobs.in_memory()

    async def there_and_back() -> bytes:
        return await blobs.get(await blobs.put(data))

    assert asyncio.run(there_and_back()) == data


async def test_putting_the_same_bytes_again_also_at_once_is_harmless(blobs: Blobs) -> None:
    names = await asyncio.gather(*(blobs.put(b"hello") for _ in range(8)))
    assert set(names) == {HELLO}
    assert await blobs.get(HELLO) == b"hello"


async def test_a_digest_that_was_never_put_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(LotaError, match="BLOB_MISSING") as caught:
        await blobs.get(HELLO)
    assert caught.value.kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    "name", ["", "..", "a" * 63, HELLO.upper(), HELLO + "\n", "../" * 21 + "x"]
)
async def test_a_name_that_is_no_digest_never_reaches_the_store(blobs: Blobs, name: str) -> None:
    with pytest.raises(LotaError, match="BLOB_DIGEST_INVALID"):
        await blobs.get(name)


@pytest.mark.parametrize("damage", [b"hellO", b"", b"hello and more"])
async def test_damaged_bytes_are_never_returned_and_putting_them_again_mends_them(
    tmp_path: Path, damage: bytes
) -> None:
    blobs = Blobs.in_folder(tmp_path)
    await blobs.put(b"hello")
    file_of(tmp_path, HELLO).write_bytes(damage)
    with pytest.raises(LotaError, match="BLOB_CORRUPT"):
        await blobs.get(HELLO)
    await blobs.put(b"hello")
    assert await blobs.get(HELLO) == b"hello"


async def test_a_put_returns_only_after_the_file_and_its_folders_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    blobs = Blobs.in_folder(tmp_path)
    await blobs.put(b"hello")
    file = file_of(tmp_path, HELLO)
    assert synced == [str(path) for path in (file, *list(file.parents)[:3])]


async def test_a_file_url_with_escapes_names_the_folder(tmp_path: Path) -> None:
    blobs = Blobs.open((tmp_path / "with space").as_uri())
    await blobs.put(b"hello")
    assert file_of(tmp_path / "with space", HELLO).read_bytes() == b"hello"
    assert (tmp_path / "with space").stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LotaError, match="BLOB_STORE_UNAVAILABLE"):
        Blobs.in_folder(tmp_path / "file")
    blobs = Blobs.in_folder(tmp_path / "folder")
    (tmp_path / "folder" / HELLO[:2]).write_text("in the way")
    with pytest.raises(LotaError, match="BLOB_STORE_UNAVAILABLE"):
        await blobs.put(b"hello")


@pytest.mark.parametrize(
    "url", ["", "/plain/path", "https://host/x", "ftp://host", "az://c", "s3:"]
)
async def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(LotaError, match="BLOB_URL_INVALID"):
        Blobs.open(url)


async def test_clouds_are_chosen_by_their_urls_without_being_called() -> None:
    for url in ("s3://bucket/prefix", "memory:///"):
        assert isinstance(Blobs.open(url), Blobs)
