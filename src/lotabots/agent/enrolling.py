"""A node joins: with a token, its keys and its devices, in two steps that survive a power cut.

1. The server is known: by the CA whose key the token names (`authority`), or on this machine.
2. A session key is made, and the token is spent for an enrolment of it and of the TPM's keys.
3. Node id and key are kept, before the second step: if its answer is lost, the node may be enrolled
   already, and renewing gets the credential (`resume`).
4. The TPM opens the secret that was made for it; the proof of that activates the enrolment.
5. Node id and credential are kept, in one file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lotabots.access import activation_proof, read_enrolment_token
from lotabots.agent.address import read_join
from lotabots.agent.client import Client, known_server
from lotabots.agent.machine import Machine
from lotabots.agent.renewing import renewed, with_credential
from lotabots.agent.state import Kept, Simulation, State
from lotabots.agent.wire import Credential, Enrolment, EnrolmentRequest
from lotabots.kernel import (
    Kind,
    LotaError,
    SigningKey,
    decode_base64,
    encode_base64,
    encode_base64url,
)

_REFUSED = frozenset(
    {Kind.AUTHENTICATION, Kind.AUTHORIZATION, Kind.NOT_FOUND, Kind.VALIDATION, Kind.CONFLICT}
)
"""Answers that are final. After any other one the node may be enrolled all the same."""


@dataclass(frozen=True)
class Joining:
    """What a node joins with."""

    text: str
    """`TOKEN@SERVER`."""
    name: str
    """What the node calls itself; the token may say otherwise."""
    simulation: Simulation | None = None


def join(state: State, joining: Joining, machine: Machine, clock: Callable[[], datetime]) -> Kept:
    """The node, enrolled, as it is kept. The caller holds the state folder.

    Raises `AGENT_*`, `ENROLMENT_*`, `NODE_*`, `TPM_*`, `SERVER_*`.
    """
    token, address = read_join(joining.text)
    begun = state.read()
    if begun is not None and begun.credential:
        detail = f"This machine has joined {begun.url} as {begun.name} ({begun.node})."
        raise LotaError(Kind.CONFLICT, "AGENT_ENROLLED", detail)
    if begun is not None and (kept := _resumed(state, begun, machine, clock)) is not None:
        return kept
    pin = read_enrolment_token(token).server_ca
    key = SigningKey(generate_private_key(SECP256R1()))
    # What may fail here fails before the token is spent.
    keys = None if machine.root is None else machine.root.keys()
    body = EnrolmentRequest(
        token=token,
        name=joining.name,
        session_key=session_jwk(key),
        identity="software" if keys is None else "tpm",
        tpm=keys,
        inventory=machine.inventory().items,
    )
    with Client(known_server(address, pin, clock()), key, clock) as client:
        enrolment = client.ask("/v1/enrolments", body, Enrolment)
        kept = Kept(
            url=client.server.url,
            pin=None if pin is None else pin.hex(),
            authority=client.server.authority,
            tenant=enrolment.tenant,
            node=enrolment.id,
            name=joining.name,
            identity="software" if keys is None else "tpm",
            session_key=key.to_pem().decode(),
            simulation=joining.simulation,
        )
        state.keep(kept)
        try:
            return _activated(state, kept, enrolment, machine, client)
        except LotaError as error:
            if error.kind in _REFUSED:
                state.forget()  # there is no such node
            raise


def _activated(
    state: State, kept: Kept, enrolment: Enrolment, machine: Machine, client: Client
) -> Kept:
    """The second step."""
    thumbprint = encode_base64url(kept.key.verifying.thumbprint())
    proof = activation_proof(_secret(enrolment, machine), enrolment.id, thumbprint)
    body = {"tenant": enrolment.tenant, "proof": encode_base64(proof)}
    answer = client.ask(f"/v1/enrolments/{enrolment.id}/activation", body, Credential)
    done = with_credential(kept, answer, client.now())
    state.keep(done)
    return done


def _secret(enrolment: Enrolment, machine: Machine) -> bytes:
    if machine.root is not None and enrolment.credential_blob is not None:
        return machine.root.opened(decode_base64(enrolment.credential_blob))
    if machine.root is None and enrolment.secret_for_software is not None:
        return decode_base64(enrolment.secret_for_software)
    detail = "the server answered the enrolment with no secret for this node"
    raise LotaError(Kind.INTERNAL, "SERVER_ANSWER", detail)


def _resumed(
    state: State, begun: Kept, machine: Machine, clock: Callable[[], datetime]
) -> Kept | None:
    """The node of an earlier try whose answer was lost, if it came to be; else None."""
    try:
        with Client(begun.known_server, begun.key, clock) as client:
            kept = renewed(client, begun, machine)
    except LotaError as error:
        if error.kind not in _REFUSED:
            raise
        state.forget()
        return None
    state.keep(kept)
    return kept


def session_jwk(key: SigningKey) -> dict[str, str]:
    """The public session key as the API takes it."""
    public = key.jwk_public()
    return {name: public[name] for name in ("kty", "crv", "x", "y")}
