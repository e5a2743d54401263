"""HDF5 files as far as they are read here: their signature, and Keras code in plain sight.

Source: HDF5 File Format Specification 3.0, section II (superblock). The object tree is not
followed, so a file is never clean: it is refused where a configuration of Keras with a Lambda
stands in it, and inconclusive otherwise.
"""

from lotabots.models.formats.faults import Faults
from lotabots.models.types import Content, Parsed

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048)
"""Where the signature may stand: at the beginning, or behind a block of the user's own."""
MAX_SEARCHED = 64 * 1024 * 1024
_STEP = 1 << 20
_CODE = (b'"class_name": "Lambda"', b'"class_name":"Lambda"', b'"__lambda__"')


def sniff(head: bytes) -> bool:
    """Whether a file that begins so is HDF5."""
    return any(head[place : place + 8] == SIGNATURE for place in PLACES)


def parse(path: str, content: Content) -> Parsed:
    """Always a finding."""
    faults = Faults(path)
    judge(content, faults)
    return Parsed(format="hdf5", findings=faults.listed)


def judge(content: Content, faults: Faults) -> None:
    """Finds Keras code, and that the rest was not read."""
    if not sniff(content.read(0, min(4096, content.size))):
        faults.finding("HDF5-MALFORMED", offset=0, measured="signature")
        return
    faults.finding("HDF5-UNREAD", measured=content.size)
    tail = b""
    for at in range(0, min(content.size, MAX_SEARCHED), _STEP):
        data = tail + content.read(at, min(_STEP, content.size - at))
        for word in _CODE:
            if word in data:
                faults.finding("KERAS-LAMBDA", offset=at, measured=word.decode())
                return
        tail = data[-64:]
