"""What tells that a file is the same and unchanged, without its bytes."""

from typing import NamedTuple


class Identity(NamedTuple):
    """What the system says about a file (POSIX stat); times in nanoseconds.

    `ctime_ns` cannot be set by whoever writes the file. Its clock ticks every few milliseconds:
    two changes within one tick look like one.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
