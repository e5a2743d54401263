"""A tiny SIMULATED model, taken into production by two people, and held by a node."""

import secrets
import struct
import time
from dataclasses import replace
from urllib.parse import quote, urlencode

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.cli.client import Client
from lotabots.cli.demo.fleet import Attested, agent_of, attest, log_in
from lotabots.cli.model.served import Page, Verification, show_model
from lotabots.kernel import SigningKey
from lotabots.models import (
    Algorithm,
    MemoryTree,
    ModelSigningKey,
    StrongManifest,
    load_signing_key,
    manifest_of,
    sign_manifest,
    sign_strong,
)
from lotabots.models.read import hash_tree
from lotabots.models.scan import scan
from lotabots.runtime.clock import utc_now
from lotabots.simulator import ModelOnNode, Node

NAME = "demo/simulated"
WEIGHTS = "model.safetensors"
STAGE = "production"
LOOK_SECONDS = 0.1


def attest_models(url: str, password: str, node: Node) -> list[tuple[str, Attested]]:
    """The answers to a node that holds the model in production, and one changed weight of it."""
    with Client(url) as client:
        client.token = log_in(client, password)
        model = in_production(client)
        changed = model.with_file(WEIGHTS, weights(4.5))
        agent = agent_of(client, url, node)
    return [
        (name, attest(agent.client, agent.node, agent.id, model, held))
        for name, held in ((NAME, model), ("one weight changed", read(changed)))
    ]


def in_production(client: Client) -> ModelOnNode:
    """A new version: signed, trusted, registered, uploaded, judged, approved, promoted."""
    listed = msgspec.json.decode(client.get("/v1/models", name=NAME, limit=1), type=Page).items
    version = str(int(listed[0].version) + 1) if listed else "1"
    key = load_signing_key(SigningKey(generate_private_key(SECP256R1())).to_pem())
    card = f"# A SIMULATED model, version {version}\n".encode()
    config = b'{"model_type": "simulated"}'
    model = read(ModelOnNode({"README.md": card, "config.json": config, WEIGHTS: weights(4.0)}))
    client.post("/v1/models", registration(model, version, key))
    place = f"/v1/models/{model.digest}"
    for path, data in model.files.items():
        client.put_file(f"{place}/files?{urlencode({'path': path})}", [data], len(data))
    judge(client, model.digest, key)
    motion = {"stage": STAGE, "move": "promote"}
    with second_person(client, version) as other:
        other.post(f"{place}/approvals", motion)
    client.post(f"{place}/moves", motion)
    return model


def read(model: ModelOnNode) -> ModelOnNode:
    """The same, with the tensors that are in its files."""
    tree = MemoryTree(model.files)
    return replace(model, tensors=hash_tree(tree, tensors=scan(tree).tensors).tensors)


def weights(last: float) -> bytes:
    """A file of one tensor."""
    header = b'{"layer.weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}'
    return struct.pack("<Q", len(header)) + header + struct.pack("<4f", 1.0, 2.0, 3.0, last)


def registration(model: ModelOnNode, version: str, key: ModelSigningKey) -> dict[str, object]:
    """What registers the model, with both signatures."""
    manifest = manifest_of(NAME, model.entries, Algorithm.SHA256)
    strong = StrongManifest(
        name=NAME,
        version=version,
        counter=int(version),
        oms_root=manifest.root,
        algorithm=Algorithm.SHA256,
        files=model.entries,
        signed_at=utc_now().replace(microsecond=0),
    ).with_tensors(model.tensors)
    return {
        "name": NAME,
        "version": version,
        "files": [
            {"path": one.path, "size": one.size, "sha256": one.digest.hex()}
            for one in model.entries
        ],
        "bundle": sign_manifest(manifest, key).decode(),
        "strong_bundle": sign_strong(strong, key).decode(),
    }


def judge(client: Client, digest: str, key: ModelSigningKey) -> None:
    """Returns once the model was judged under a policy that trusts this key.

    A policy that was in force before, of somebody who looks around here, is so again.
    """
    listed = msgspec.json.decode(client.get("/v1/model-policies"), type=list[dict[str, object]])
    before = [str(one["id"]) for one in listed if one["active"]]
    rule = {"match": NAME, "mode": "enforce", "require": ["strong_manifest", "tensor_root"]}
    source = {"name": "demo", "rules": [rule | {"signers": [{"key": key.public.pem.decode()}]}]}
    body = {"source": msgspec.json.encode(source).decode()}
    added = msgspec.json.decode(client.post("/v1/model-policies", body), type=dict[str, object])
    activate(client, str(added["id"]))
    asked = client.post(f"/v1/models/{digest}/verify", None)
    while msgspec.json.decode(asked, type=Verification).ended_at is None:
        time.sleep(LOOK_SECONDS)
        asked = msgspec.json.encode(show_model(client, digest).verification)
    for policy in before:
        activate(client, policy)


def activate(client: Client, policy: str) -> None:
    """Puts this trust policy into force."""
    client.post(f"/v1/model-policies/{quote(policy, safe='')}/activate", {})


def second_person(client: Client, version: str) -> Client:
    """A client of an operator made for this: who registers a model never approves it."""
    name, password = f"demo-approver-{version}", secrets.token_urlsafe(24)
    user = {"username": name, "password": password, "email": f"{name}@example.org"}
    client.post("/v1/users", user | {"role": "operator"})
    other = Client(client.server)
    other.token = log_in(other, password, name)
    return other
