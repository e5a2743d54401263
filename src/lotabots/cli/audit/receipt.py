"""`lotabots audit receipt`: one entry proven to stand in a log, from one file, offline."""

from pathlib import Path
from uuid import UUID

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, paint, print_json, say
from lotabots.cli.trust import trust_options, trusted
from lotabots.cli.values import read_file
from lotabots.kernel import Json, LotaError, invalid, sha256_hex, strict_json
from lotabots.tlog import Receipt, Receipted, verify_receipt


@click.group("receipt")
def receipt_group() -> None:
    """Fetch and check receipts (C2SP tlog-proof)."""


@receipt_group.command("get")
@click.argument("entry", type=UUID)
@click.option("--out", type=Path, help="The file to write. Default: standard output.")
@server_option
def get_command(entry: UUID, out: Path | None, server: str) -> int:
    """Fetch the receipt of an ENTRY of your tenant, with the entry in it.

    There is none until a checkpoint holds the entry: RECEIPT_PENDING, for about a second.
    """
    with connect(server) as client:
        receipt = client.get(f"/v1/audit/receipts/{entry}")
    if out is None:
        click.echo(receipt.decode(), nl=False)
        return Exit.OK
    out.write_bytes(receipt)
    say(f"{out}: check it offline with `lotabots audit receipt verify {out} --log-key KEY`.")
    return Exit.OK


@receipt_group.command("verify")
@click.argument("file", type=Path)
@trust_options
@click.option("--entry", type=Path, help="The entry, where the receipt does not bring it along.")
@output_option
def verify_command(
    file: Path,
    log_key: tuple[str, ...],
    policy_file: Path | None,
    entry: Path | None,
    output: str,
) -> int:
    """Check that the entry of a receipt FILE stands in the log; needs no network and no server."""
    policy = trusted(log_key, policy_file)
    if policy is None:
        raise click.UsageError("Give --log-key or --policy: without a key a receipt says nothing.")
    try:
        text = text_of(read_file(file))
        data = read_file(entry) if entry else brought(text)
        receipted = verify_receipt(text, data, policy)
    except LotaError as error:
        refuse(error, output)
        return Exit.REJECTED
    show(receipted, data, output)
    return Exit.OK


def text_of(data: bytes) -> str:
    """The receipt as text. Raises `AUDIT_RECEIPT_UNREADABLE`."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise invalid("AUDIT_RECEIPT_UNREADABLE", "This is no receipt.") from error


def brought(text: str) -> bytes:
    """The entry that the receipt brings along. Raises `AUDIT_RECEIPT_UNREADABLE`, `TLOG_*`."""
    entry = Receipt.read(text).extra
    if entry is None:
        raise invalid("AUDIT_RECEIPT_UNREADABLE", "The receipt brings no entry; give --entry.")
    return entry


def refuse(error: LotaError, output: str) -> None:
    """The answer for a receipt that does not hold."""
    if output == "json":
        print_json({"verdict": "rejected", "code": error.code, "message": error.detail})
    else:
        click.echo(f"{paint('rejected')}  {error.code}: {error.detail}")


def show(receipted: Receipted, entry: bytes, output: str) -> None:
    """The answer for a receipt that holds: where the entry stands, and what it says."""
    checkpoint = receipted.checkpoint
    said = content(entry)
    if output == "json":
        print_json(
            {
                "verdict": "accepted",
                "origin": checkpoint.origin,
                "index": receipted.index,
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "entry": said,
            }
        )
        return
    click.echo(f"{paint('accepted')}  entry {receipted.index} of {checkpoint.origin}")
    click.echo(f"in the tree of {checkpoint.size} entries with root {checkpoint.root.hex()}")
    click.echo(msgspec.json.format(msgspec.json.encode(said), indent=2).decode())


def content(entry: bytes) -> Json:
    """The entry as JSON; of one that is none (a log of others), its digest."""
    try:
        return strict_json(entry, max_bytes=65_535)
    except LotaError:
        return {"sha256": sha256_hex(entry), "bytes": len(entry)}
