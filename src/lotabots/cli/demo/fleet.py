"""Six simulated nodes, one good and five with one fault each, attested as real nodes would be."""

from base64 import b64encode

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.cli.client import Client
from lotabots.cli.demo.agents import Agent, session_jwk
from lotabots.evidence import DerivedChallenge, Finding, InventoryItem, ReferenceFiles
from lotabots.kernel import SigningKey, decode_base64url, format_time
from lotabots.runtime.clock import utc_now
from lotabots.simulator import Fault, ModelOnNode, Node, make_node, reference_files

ADMINISTRATOR = "admin"
BUNDLE = "demo"
POLICY = "demo"


class Issued(msgspec.Struct):
    """The challenge as the API answers it; `inventory` is in the order of the devices' places."""

    id: str
    nonce: str
    server: str
    node: str
    inventory: list[InventoryItem]


class Device(msgspec.Struct):
    """What is shown of one device."""

    subject: str
    level: str


class Logged(msgspec.Struct):
    """The audit entry of an attestation."""

    entry: str


class Attested(msgspec.Struct):
    """What is shown of the answer to a submission."""

    id: str
    status: str
    simulated: bool
    first_reason: Finding | None
    devices: list[Device]
    log: Logged


class Named(msgspec.Struct):
    """A node that the server knows."""

    id: str
    name: str


class Page(msgspec.Struct):
    """Nodes that the server knows: a demo has fewer than a page holds."""

    items: list[Named]


def fleet() -> tuple[Node, ...]:
    """The nodes, each named after what is wrong with it."""
    return (
        make_node("good", tpm=True),
        make_node("wrong-firmware", tpm=True).with_fault(Fault.FIRMWARE_MODIFIED, "gpu2"),
        make_node("debug-mode", tpm=True).with_fault(Fault.DEBUG_MODE, "gpu5"),
        make_node("revoked-certificate", tpm=True).with_fault(Fault.OCSP_REVOKED, "gpu1"),
        make_node("stale-collateral", tpm=True).with_fault(Fault.OCSP_STALE, "gpu4"),
        make_node("swapped-gpu", tpm=True).with_fault(Fault.GPU_SWAPPED, "gpu7"),
    )


def attest_fleet(url: str, password: str) -> list[tuple[str, Attested]]:
    """Every node's name and answer, all through the API."""
    nodes = fleet()
    with Client(url) as client:
        client.token = log_in(client, password)
        upload(client, reference_files(utc_now(), nodes))
        client.post(f"/v1/policies/{POLICY}/activate", {})
        agents = [agent_of(client, url, node) for node in nodes]
    return [(one.node.name, attest(one.client, one.node, one.id)) for one in agents]


def agent_of(client: Client, url: str, node: Node) -> Agent:
    """The node's agent with a credential: of a node that joins now, or of one that has joined."""
    agent = Agent(url, node)
    known = ids_of(client).get(node.name)
    if known is None:
        agent.join(client)
    else:
        agent.renew(known)
    return agent


def ids_of(client: Client) -> dict[str, str]:
    """The id of each node that the server knows, by its name."""
    known = msgspec.json.decode(client.get("/v1/nodes", limit=500), type=Page)
    return {node.name: node.id for node in known.items}


def log_in(client: Client, password: str, user: str = ADMINISTRATOR) -> str:
    """A user token, of the first administrator unless somebody else is named."""
    answer = client.post("/v1/login", {"username": user, "password": password})
    return str(msgspec.json.decode(answer, type=dict[str, object])["access_token"])


def upload(client: Client, files: ReferenceFiles) -> None:
    """Puts the reference values into force as a bundle that the server signs."""
    named = [{"name": name, "data": b64encode(data).decode()} for name, data in files.files]
    client.post("/v1/reference/files", {"name": BUNDLE, "files": named})


def register(client: Client, node: Node) -> str:
    """The id of the node, registered with its whole inventory."""
    inventory = [{"kind": item.kind, "device_id": item.device_id} for item in node.inventory]
    answer = client.post("/v1/nodes", {"name": node.name, "inventory": inventory})
    return msgspec.json.decode(answer, type=Named).id


def attest(
    client: Client,
    node: Node,
    node_id: str,
    model: ModelOnNode | None = None,
    held: ModelOnNode | None = None,
) -> Attested:
    """One challenge, answered by every device of the node with the nonce derived for it.

    With a model, the node is asked for it as well, and states the one that it holds.
    """
    key = client.key or SigningKey(generate_private_key(SECP256R1()))
    session_key = session_jwk(key)
    models = [model.digest] if model is not None else []
    body = {"node": node_id, "session_key": session_key, "models": models}
    issued = msgspec.json.decode(client.post("/v1/challenges", body), type=Issued)
    challenge = derived(issued, key)
    also = [] if held is None else [held.attest(challenge.expected()["model0"])]
    evidence = node.attest_whole(challenge, also, collected_at=format_time(utc_now()))
    answer = client.post(
        "/v1/attestations",
        {
            "challenge": issued.id,
            "nonce": issued.nonce,
            "session_key": session_key,
            "evidence": [
                {
                    "subject": item.subject,
                    "scheme": item.scheme,
                    "data": b64encode(item.data).decode(),
                    "certificates": item.certificates.decode(),
                }
                for item in evidence
            ],
        },
    )
    return msgspec.json.decode(answer, type=Attested)


def derived(issued: Issued, key: SigningKey) -> DerivedChallenge:
    """The challenge as server and node derive nonces from it (DESIGN section 7, Challenge)."""
    return DerivedChallenge(
        server=issued.server,
        challenge=issued.id,
        node=issued.node,
        session_key_sha256=key.verifying.thumbprint().hex(),
        nonce=decode_base64url(issued.nonce),
        inventory=tuple(issued.inventory),
    )
