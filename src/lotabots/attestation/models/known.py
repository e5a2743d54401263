"""What the registry tells of models to the appraisal of a node that should hold them."""

from collections.abc import Sequence

from lotabots.attestation.models import store, work
from lotabots.attestation.models.registry import files_of
from lotabots.attestation.models.store import ModelRow
from lotabots.evidence import InventoryItem, KnownModel
from lotabots.evidence.schemes.model_files import KIND
from lotabots.kernel import invalid
from lotabots.models import FileEntry
from lotabots.runtime.database import Transaction


async def asked_models(tx: Transaction, digests: Sequence[str]) -> tuple[InventoryItem, ...]:
    """The models as devices of this challenge. Raises `MODEL_NOT_FOUND`, `MODEL_TWICE`."""
    if len(set(digests)) != len(digests):
        raise invalid("MODEL_TWICE", "The challenge names a model twice.")
    for digest in digests:
        await store.found(tx, digest)
    return tuple(InventoryItem(KIND, digest) for digest in digests)


async def known_models(
    tx: Transaction, inventory: Sequence[InventoryItem]
) -> tuple[KnownModel, ...]:
    """What is registered under the digests of these models, with the stages that they may be in:
    none while the newest verdict does not accept.
    """
    rows = [await store.find(tx, item.device_id) for item in inventory if item.kind == KIND]
    return tuple([await _known(tx, row) for row in rows if row is not None])


async def _known(tx: Transaction, row: ModelRow) -> KnownModel:
    newest = await work.of_model(tx, row.digest, ended=True)
    # What was promoted and is refused today (a signer is not trusted any more) runs nowhere.
    holds = newest is not None and newest.outcome == "accepted"
    return KnownModel(
        digest=row.digest,
        name=row.name,
        version=row.version,
        stages=tuple(await store.stages(tx, row)) if holds else (),
        files=tuple(
            FileEntry(path=one.path, size=one.size, digest=bytes.fromhex(one.sha256))
            for one in files_of(row)
        ),
        tensors=await work.tensors(tx, row.digest),
    )
