"""A program for the tests: `aics_tlog` audits a whole log over HTTP, and nothing of ours helps it.

usage: aics_audit.py URL VKEY

Prints one JSON object: `size`, `tiles` and `bundles` of a log that holds, else `refused`.
"""
# ruff: noqa: T201 - its output is its answer

import json
import sys

from aics_tlog import HttpTileReader, audit_tiles, parse_checkpoint, parse_vkey
from aics_tlog.checkpoint import checkpoint_from_note, verify_checkpoint
from aics_tlog.tiles import TileMissingError, TileUnavailableError, TileVerificationError


def audit(url: str, vkey: str) -> dict[str, object]:
    reader = HttpTileReader(url, proxies={})
    _, note = checkpoint_from_note(reader.read_checkpoint())
    signed = verify_checkpoint(note, parse_vkey(vkey))
    if not signed.ok:
        return {"refused": f"checkpoint: {signed.error}"}
    head = parse_checkpoint(note.text)
    try:
        report = audit_tiles(reader, head.size, head.root)
    except (TileMissingError, TileUnavailableError, TileVerificationError) as error:
        return {"refused": str(error)}
    return {"size": report.size, "tiles": report.tiles, "bundles": report.bundles}


print(json.dumps(audit(*sys.argv[1:])))
