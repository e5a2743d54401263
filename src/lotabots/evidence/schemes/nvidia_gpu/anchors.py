"""NVIDIA's two roots, pinned by key and name: one for devices, one for reference values."""

from lotabots.evidence import Anchor, Anchors

# Two certificates of this name and key are public (serials 2D3670B1.. and 3AAF87DB..): the key and
# the name are pinned, not one of the certificates.
DEVICE_ROOT = Anchor(
    spki_sha256=bytes.fromhex("a90c4eb5acfd3e3d03a25db6a26b84f720ad0503196c627c21ddd48dd85b06a4"),
    name="NVIDIA Device Identity CA",
)
RIM_ROOT = Anchor(
    spki_sha256=bytes.fromhex("dec1dc316477aa851eebdf51327ae9f864bc8d89254657ed1e7eb9168af1e1a3"),
    name="NVIDIA CoRIM signing Root CA",
)
NVIDIA_ANCHORS = Anchors(device=(DEVICE_ROOT,), rim=(RIM_ROOT,))

# SHA-256 of root certificates whose own signature holds (a test checks it): one verification saved
# for each root of a cold run. Trust comes from the pins above, never from standing here.
KNOWN_ROOTS = frozenset(
    {
        bytes.fromhex("102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"),
        bytes.fromhex("12977b5115acb0381179279fffeb5a8c4d264971ebb32298023a465fa41df5d1"),
    }
)
