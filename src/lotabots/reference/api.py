"""HTTP of reference bundles: list, show, import, sign, activate, export."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.kernel import Principal
from lotabots.reference import store
from lotabots.reference.bundle import MAX_BUNDLE_BYTES
from lotabots.reference.service import References
from lotabots.reference.types import BundleDetail, BundleSummary, Upload, summary
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import RateClass, Service, limited, requires

MEDIA_TYPE = "application/vnd.lotabots.reference-bundle"
EXPORT = limited(RateClass.EXPORT)
MAX_UPLOAD_BYTES = 24 * 1024 * 1024
"""Of loose files as JSON; more than that comes as a bundle."""

READ = [requires(Permission.REFERENCE_READ)]
WRITE = [requires(Permission.REFERENCE_WRITE)]

BundleId = Annotated[str, Parameter(pattern=r"^[0-9a-f]{64}\Z")]


@get("/v1/reference", guards=READ)
async def list_bundles(tx: Transaction) -> list[BundleSummary]:
    """Every bundle, by name and falling number."""
    return [summary(row) for row in await store.listed(tx)]


@get("/v1/reference/{bundle_id:str}", guards=READ)
async def show_bundle(tx: Transaction, references: References, bundle_id: BundleId) -> BundleDetail:
    """One bundle with the names and digests of its files."""
    return await references.describe(tx, bundle_id)


@post("/v1/reference", guards=WRITE, request_max_body_size=MAX_BUNDLE_BYTES)
async def import_bundle(
    request: Request[Any, Any, Any], references: References, principal: Principal, now: datetime
) -> BundleSummary:
    """Takes a bundle file as it is, verifies every byte of it, and puts it into force."""
    return await references.take(principal, await request.body(), now)


@post("/v1/reference/files", guards=WRITE, request_max_body_size=MAX_UPLOAD_BYTES)
async def sign_files(
    data: Upload, references: References, principal: Principal, now: datetime
) -> BundleSummary:
    """Signs loose files as this instance's next bundle of that name, and puts it into force."""
    return await references.sign(principal, data, now)


@post("/v1/reference/{bundle_id:str}/activate", guards=WRITE, status_code=200)
async def activate_bundle(
    tx: Transaction,
    references: References,
    principal: Principal,
    now: datetime,
    bundle_id: BundleId,
) -> BundleSummary:
    """Puts a bundle that is here into force. An older one than the active is refused."""
    return await references.activate(tx, principal, bundle_id, now)


@get("/v1/reference/{bundle_id:str}/export", guards=READ, opt=EXPORT, media_type=MEDIA_TYPE)
async def export_bundle(
    references: References, principal: Principal, bundle_id: BundleId
) -> Response[bytes]:
    """The bundle as one portable file, byte for byte as it was imported."""
    return Response(await references.export(principal, bundle_id), media_type=MEDIA_TYPE)


HANDLERS = (
    list_bundles,
    show_bundle,
    import_bundle,
    sign_files,
    activate_bundle,
    export_bundle,
)


def service(process: Process) -> Service:
    """The reference service over this process."""
    return Service(name="reference", handlers=HANDLERS, given={"references": References(process)})
