"""What the kernel itself guarantees about a file: its fs-verity digest, in constant time.

Source: Linux, Documentation/filesystems/fsverity.rst and include/uapi/linux/fsverity.h.
"""

import fcntl
import struct

MEASURE = 0xC004_6686
"""FS_IOC_MEASURE_VERITY: `_IOWR('f', 134, struct fsverity_digest)`."""
ALGORITHMS = {1: 32, 2: 64}
"""FS_VERITY_HASH_ALG_SHA256 and _SHA512, with the bytes of a digest."""
_HEAD = struct.Struct("=HH")  # digest_algorithm, digest_size: in the machine's byte order


def measure_verity(fd: int) -> bytes:
    """The algorithm (1 byte) and the digest of an open file's Merkle tree; empty if it has none.

    A file that has one cannot be changed any more, by anybody, and every byte read of it is
    checked by the kernel. It is no digest of the content alone: it covers size, salt and blocks.
    """
    buffer = bytearray(_HEAD.pack(0, max(ALGORITHMS.values())) + bytes(64))
    try:
        fcntl.ioctl(fd, MEASURE, buffer, True)
    except OSError:
        return b""  # ENODATA: not sealed; EOPNOTSUPP, ENOTTY: not on this file system
    algorithm, size = _HEAD.unpack_from(buffer)
    if ALGORITHMS.get(algorithm) != size:
        return b""
    return bytes((algorithm,)) + bytes(buffer[_HEAD.size : _HEAD.size + size])
