"""How the GPUs of one node hang on its switches, as both sides sign it.

A Hopper GPU has 18 links. In opaque field 22 it signs the PDI of the switch at the end of each, all
bytes reversed; a switch signs its own PDI there, and in field 26 the PDIs of its GPUs and which of
its 64 ports leads to which of them.
"""

from collections.abc import Sequence

LINKS = 18
GPU_SLOTS = 8
PORTS = 64
NO_PDI = bytes(8)
"""What stands in an unused link or slot."""
NO_GPU = 0xFF


def links_of(switches: Sequence[bytes]) -> bytes:
    """Field 22 of a GPU: for each link the PDI of its switch, reversed (144 bytes).

    Of four switches two have five links to each GPU and two have four, as on real boards.
    """
    return b"".join(switches[link % len(switches)][::-1] for link in range(LINKS))


def ports_of(switch: int, gpus: Sequence[bytes], switches: int) -> bytes:
    """Field 26 of a switch: eight PDIs of GPUs and the port map (128 bytes).

    Real maps list only part of the ports; these list every link, so both views can be compared.
    """
    order = [(slot + switch) % len(gpus) for slot in range(len(gpus))]
    slots = [gpus[gpu] for gpu in order] + [NO_PDI] * (GPU_SLOTS - len(gpus))
    ports = [
        slot for slot in range(len(order)) for link in range(LINKS) if link % switches == switch
    ][:PORTS]
    return b"".join(slots) + bytes(ports).ljust(PORTS, bytes([NO_GPU]))
