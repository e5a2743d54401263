"""Taking one uploaded file of a model, outside of any transaction: it may come for hours."""

from collections.abc import AsyncIterator

from lotabots.attestation.models import store
from lotabots.attestation.models.contents import Contents
from lotabots.attestation.models.registry import files_of
from lotabots.attestation.models.types import ModelFile
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.process import Process


async def upload(
    process: Process,
    contents: Contents,
    principal: Principal,
    digest: str,
    path: str,
    pieces: AsyncIterator[bytes],
) -> ModelFile:
    """The file, whose content is now kept. Once more is harmless, and mends a damaged copy.

    Raises `MODEL_NOT_FOUND`, `MODEL_FILE_UNKNOWN`, `MODEL_UPLOAD_*`, `MODEL_STORE_UNAVAILABLE`.
    """
    async with process.database.transaction(principal.tenant_id) as tx:
        row = await store.found(tx, digest)
    file = next((one for one in files_of(row) if one.path == path), None)
    if file is None:
        detail = "The model was registered without a file of this name."
        raise LotaError(Kind.NOT_FOUND, "MODEL_FILE_UNKNOWN", detail)
    await contents.take(principal.tenant_id, file, pieces)
    async with process.database.transaction(principal.tenant_id) as tx:
        await store.receive(tx, file.sha256, process.clock())
    return ModelFile(path=file.path, size=file.size, sha256=file.sha256, uploaded=True)
