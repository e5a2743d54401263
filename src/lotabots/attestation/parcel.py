r"""In one piece what only one attestation has: its manifest and its evidence.

It stands in the attestation's row: the commit that acknowledges evidence is the one that stores it,
and a node of twelve devices needs no thirteen durable writes before. What many attestations share
(certificates, reference files, policies) is a blob of its own.

Layout: the text `LOTAINPUTS1\n`, then each piece, the manifest first: its length as 4 bytes,
big-endian, and its bytes. Nothing after the last one.
"""

from collections.abc import Collection

from lotabots.appraisal import Packed
from lotabots.kernel import Kind, LotaError, sha256_hex

MAGIC = b"LOTAINPUTS1\n"


def make_parcel(packed: Packed, own: Collection[str]) -> bytes:
    """The manifest and those blobs whose digests are in `own`."""
    pieces = [packed.manifest, *(packed.blobs[digest] for digest in dict.fromkeys(own))]
    return MAGIC + b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)


def open_parcel(parcel: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The manifest, and the blobs in it by hex SHA-256.

    Raises `PARCEL_CORRUPT`: it came from our own store, so the store is at fault, not the caller.
    """
    pieces = []
    rest = memoryview(parcel)[len(MAGIC) :]
    while rest:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length:
            raise _corrupt()
        pieces.append(bytes(rest[4 : 4 + length]))
        rest = rest[4 + length :]
    if not parcel.startswith(MAGIC) or not pieces:
        raise _corrupt()
    return pieces[0], {sha256_hex(piece): piece for piece in pieces[1:]}


def _corrupt() -> LotaError:
    return LotaError(Kind.INTERNAL, "PARCEL_CORRUPT", "Stored inputs are not as they were written.")
