"""What is said of stored attestations: under whose roots they were judged."""

import msgspec

from lotabots.cli.attestation import origin_of
from lotabots.evidence import Anchor
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS
from lotabots.simulator import anchors


def test_roots_of_tpms_are_named_as_those_of_gpus_are() -> None:
    simulated = msgspec.structs.replace(NVIDIA_ANCHORS, tpm=anchors().tpm)
    own = Anchor(spki_sha256=bytes(32), name="somebody's own")
    assert origin_of(NVIDIA_ANCHORS) == "NVIDIA's"
    assert origin_of(simulated) == "NVIDIA's and SIMULATED ones"
    others = msgspec.structs.replace(simulated, tpm=(*simulated.tpm, own))
    assert origin_of(others).startswith("NVIDIA's and OTHERS: ")
    assert "somebody's own" in origin_of(others)
