"""What the tests of this scheme share: an authority of our own, empty memories, the vectors."""

from pathlib import Path

import pytest
from evidence.nvidia_gpu.forge import Authority, make_authority

from lotabots.evidence.caches import Caches


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The authority whose signatures the tests trust."""
    return make_authority()


@pytest.fixture
def caches() -> Caches:
    """Empty memories."""
    return Caches()


@pytest.fixture(scope="session")
def nvidia(vectors: Path) -> Path:
    """The folder of NVIDIA's published vectors."""
    return vectors / "nvidia"
