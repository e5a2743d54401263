"""A new credential for the same session key: by a quote of the TPM, or by the key itself."""

from datetime import datetime

import msgspec

from lotabots.access import renewal_data
from lotabots.agent.client import Client
from lotabots.agent.machine import Machine
from lotabots.agent.state import Kept
from lotabots.agent.wire import Credential, Renewal
from lotabots.kernel import decode_base64url, encode_base64, encode_base64url


def renewed(client: Client, kept: Kept, machine: Machine) -> Kept:
    """The same node with a new credential, which is not on disk yet.

    It works after the old one's end, and whatever the verdict on the node. Raises `RENEWAL_*`,
    `NODE_REVOKED`, `NODE_NOT_FOUND`, `TPM_*`.
    """
    body = {"tenant": kept.tenant, "node": kept.node}
    renewal = client.ask("/v1/renewals", body, Renewal)
    proof: dict[str, object] = {"tenant": kept.tenant, "nonce": renewal.nonce}
    if machine.root is not None:
        thumbprint = encode_base64url(kept.key.verifying.thumbprint())
        data = renewal_data(decode_base64url(renewal.nonce), thumbprint)
        quote, signature = machine.root.quoted(data)
        proof |= {"quote": encode_base64(quote), "signature": encode_base64(signature)}
    credential = client.ask(f"/v1/renewals/{renewal.id}", proof, Credential)
    return with_credential(kept, credential, client.now())


def with_credential(kept: Kept, credential: Credential, now: datetime) -> Kept:
    """The node with this credential, which came just now."""
    return msgspec.structs.replace(
        kept,
        name=credential.name,
        server=credential.server,
        credential=credential.credential,
        issued_at=now,
        expires_at=credential.expires_at,
    )
