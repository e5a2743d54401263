"""A small model on a simulated node, and what the node states of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lotabots.evidence import Evidence, InventoryItem
from lotabots.evidence.schemes.model_files import KIND, SCHEME, write_statement
from lotabots.kernel import sha256
from lotabots.models import Algorithm, FileEntry, Hashed, TensorEntry, strong_root


@dataclass(frozen=True)
class ModelOnNode:
    """Files in memory, read by a node that says what it reads."""

    files: Mapping[str, bytes]
    tensors: tuple[TensorEntry, ...] = ()

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """The files by content, in code-point order."""
        return tuple(
            FileEntry(path=path, size=len(data), digest=sha256(data))
            for path, data in sorted(self.files.items())
        )

    @property
    def digest(self) -> str:
        """What the model is called."""
        return strong_root(self.entries).hex()

    @property
    def item(self) -> InventoryItem:
        """The model as a device of a challenge."""
        return InventoryItem(KIND, self.digest)

    def with_file(self, path: str, data: bytes) -> "ModelOnNode":
        """The same with another content under this name."""
        return replace(self, files={**self.files, path: data})

    def attest(self, nonce: bytes, subject: str = "model0") -> Evidence:
        """What the node states for this challenge."""
        hashed = Hashed(algorithm=Algorithm.SHA256, files=self.entries, tensors=self.tensors)
        return Evidence(
            scheme=SCHEME, subject=subject, data=write_statement(hashed, nonce), certificates=b""
        )
