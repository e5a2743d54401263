"""A small model that loaders would take, its signatures, and its way through the registry."""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from plugins.api import Api

from lotabots.kernel import Role
from lotabots.models import (
    Algorithm,
    FileEntry,
    MemoryTree,
    ModelSigningKey,
    StrongManifest,
    TensorEntry,
    load_signing_key,
    manifest_of,
    sign_manifest,
    sign_strong,
    strong_root,
)
from lotabots.models.read import hash_tree
from lotabots.models.scan import scan

NAME = "acme/tiny"
SECONDS = 30


def new_key() -> ModelSigningKey:
    key = generate_private_key(SECP256R1())
    return load_signing_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def safetensors(tensors: Mapping[str, Sequence[float]]) -> bytes:
    """One file of F32 vectors."""
    header: dict[str, Any] = {}
    data = b""
    for name, values in tensors.items():
        piece = struct.pack(f"<{len(values)}f", *values)
        header[name] = {
            "dtype": "F32",
            "shape": [len(values)],
            "data_offsets": [len(data), len(data) + len(piece)],
        }
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def tiny(**tensors: Sequence[float]) -> dict[str, bytes]:
    """The files of a model that no other test has."""
    return {
        "README.md": f"# Tiny\n\nMade for one test, {uuid4().hex}.\n".encode(),
        "config.json": b'{"model_type": "tiny"}',
        "model.safetensors": safetensors(tensors or {"a": [1.0, 2.0], "b": [3.0]}),
    }


@dataclass(frozen=True)
class SignedModel:
    """Files, and who signed them."""

    files: Mapping[str, bytes] = field(default_factory=tiny)
    key: ModelSigningKey = field(default_factory=new_key)
    name: str = NAME
    version: str = "1.0"
    counter: int = 1

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        return tuple(
            FileEntry(path=path, size=len(data), digest=hashlib.sha256(data).digest())
            for path, data in sorted(self.files.items())
        )

    @property
    def digest(self) -> str:
        return strong_root(self.entries).hex()

    @property
    def tensors(self) -> tuple[TensorEntry, ...]:
        tree = MemoryTree(self.files)
        return hash_tree(tree, tensors=scan(tree).tensors).tensors

    def bundle(self) -> str:
        manifest = manifest_of(self.name, self.entries, Algorithm.SHA256)
        return sign_manifest(manifest, self.key).decode()

    def strong(self) -> str:
        manifest = manifest_of(self.name, self.entries, Algorithm.SHA256)
        strong = StrongManifest(
            name=self.name,
            version=self.version,
            counter=self.counter,
            oms_root=manifest.root,
            algorithm=Algorithm.SHA256,
            files=self.entries,
            signed_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        return sign_strong(strong.with_tensors(self.tensors), self.key).decode()

    def with_files(self, **files: bytes) -> "SignedModel":
        return replace(self, files={**self.files, **files})

    def policy(self, **rule: object) -> str:
        """A trust policy under which this model's signer may sign models of its organisation."""
        pem = self.key.public.pem.decode()
        rules = [
            {
                "match": "acme/*",
                "mode": "enforce",
                "signers": [{"key": pem}],
                "require": ["strong_manifest", "tensor_root"],
            }
            | rule
        ]
        return json.dumps({"name": "tiny", "rules": rules})

    def registration(self, **other: object) -> dict[str, Any]:
        return {
            "name": self.name,
            "version": self.version,
            "files": [
                {"path": one.path, "size": one.size, "sha256": one.digest.hex()}
                for one in self.entries
            ],
            "bundle": self.bundle(),
            "strong_bundle": self.strong(),
        } | other


def somebody_else(api: Api) -> Api:
    """The same tenant, another user."""
    return replace(api, user=UUID(int=uuid4().int))


async def trust(api: Api, source: str) -> str:
    """The id of this trust policy, which is now in force."""
    answer = await api.post("/v1/model-policies", {"source": source}, as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    policy = str(answer.json()["id"])
    answer = await api.post(f"/v1/model-policies/{policy}/activate", as_=Role.OPERATOR)
    assert (answer.status_code, answer.json()["active"]) == (200, True), answer.text
    return policy


async def register(api: Api, model: SignedModel, **other: object) -> dict[str, Any]:
    answer = await api.post("/v1/models", model.registration(**other), as_=Role.OPERATOR)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def upload(api: Api, digest: str, path: str, data: bytes) -> httpx.Response:
    return await api.request(
        "PUT", f"/v1/models/{digest}/files", Role.OPERATOR, params={"path": path}, content=data
    )


async def uploaded(api: Api, model: SignedModel) -> None:
    for path, data in model.files.items():
        answer = await upload(api, model.digest, path, data)
        assert answer.status_code == 200, answer.text


async def verified(api: Api, digest: str) -> dict[str, Any]:
    """The verification of this model, once it has ended."""
    answer = await api.post(f"/v1/models/{digest}/verify", as_=Role.OPERATOR)
    assert answer.status_code == 202, answer.text
    place = f"/v1/models/{digest}/verifications/{answer.json()['id']}"
    with anyio.fail_after(SECONDS):
        while (found := (await api.get(place)).json())["ended_at"] is None:  # noqa: ASYNC110 - another process works
            await anyio.sleep(0.1)
    return dict(found)


async def in_registry(api: Api, model: SignedModel) -> dict[str, Any]:
    """The model, trusted, registered, uploaded and verified: what the registry then shows."""
    await trust(api, model.policy())
    await register(api, model)
    await uploaded(api, model)
    await verified(api, model.digest)
    return dict((await api.get(f"/v1/models/{model.digest}")).json())


async def approved(api: Api, digest: str, stage: str = "production", move: str = "promote") -> None:
    answer = await somebody_else(api).post(
        f"/v1/models/{digest}/approvals", {"stage": stage, "move": move}
    )
    assert answer.status_code == 201, answer.text


async def moved(
    api: Api, digest: str, stage: str = "production", move: str = "promote"
) -> httpx.Response:
    return await api.post(
        f"/v1/models/{digest}/moves", {"stage": stage, "move": move}, as_=Role.OPERATOR
    )
