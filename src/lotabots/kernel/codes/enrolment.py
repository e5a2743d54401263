"""Codes about nodes that enrol, their agents' credentials, and what operators do with them."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "ENROLMENT_TOKEN_SPENT",
        "authentication",
        "The enrolment token was used before. It is good for one try, whatever its outcome.",
        "Make a new one with `lotabots node enroll`. If you used it once only, find out who else"
        " did: the audit log tells when.",
    ),
    Code(
        "ENROLMENT_TOKEN_EXPIRED",
        "authentication",
        "The enrolment token's time was over.",
        "Make a new one with `lotabots node enroll`.",
    ),
    Code(
        "ENROLMENT_CA_ABSENT",
        "conflict",
        "Nodes reach this server by HTTPS, and no setting names the CA of its certificate: an agent"
        " could not tell this server from another.",
        "Set `attestation.ca_file` to the PEM file of the CA that signs the certificate.",
    ),
    Code(
        "ENROLMENT_UNPROTECTED",
        "conflict",
        "Nodes would have to join by plain HTTP over a network, where anyone could answer them.",
        "Put HTTPS in front of the server, set `token.public_url` to its address and"
        " `attestation.ca_file` to its CA.",
    ),
    Code(
        "ENROLMENT_ADDRESS",
        "validation",
        "The server does not know an address by which a node could join.",
        "Set `token.public_url` to the address that clients use.",
    ),
    Code(
        "ENROLMENT_CA_FILE",
        "validation",
        "The setting `attestation.ca_file` does not name a readable PEM file of one certificate.",
        "Name the file of the CA that signs the server's HTTPS certificate, or leave it out.",
    ),
    Code(
        "ENROLMENT_KEY_MISMATCH",
        "authentication",
        "The DPoP proof was made with another key than the session key of the enrolment.",
        "Prove the very session key that the node enrols with, in both steps.",
    ),
    Code(
        "ENROLMENT_NEEDS_TPM",
        "authorization",
        "The enrolment token takes nodes with a TPM alone, and this one came without.",
        "Enable the node's TPM, or make a token without `--tpm-only`.",
    ),
    Code(
        "ENROLMENT_IDENTITY",
        "validation",
        "The request's identity and its TPM keys do not fit together.",
        "Send the keys of the TPM with the identity `tpm`, and none with `software`.",
    ),
    Code(
        "ENROLMENT_KIND",
        "validation",
        "The node declares a device of a kind that the server itself sees to (tpm, host, model).",
        "Leave it out of the inventory: a TPM follows from its keys.",
    ),
    Code(
        "ENROLMENT_TPM_REFUSED",
        "validation",
        "A key or a certificate of the node's TPM is not fit for it; `finding` names the rule.",
        "Look at what the rule asks for: `lotabots explain` with the code in `finding`.",
    ),
    Code(
        "ENROLMENT_EK_UNKNOWN",
        "authorization",
        "No root that is trusted here vouches for the TPM's endorsement key.",
        "Make sure that you know who made this TPM. Put its maker's root, and the certificates"
        " between, into a file of TPM roots and import it (`lotabots reference import`); for a"
        " software TPM, name the file of its CA's certificates in `attestation.simulated_tpms`.",
    ),
    Code(
        "ENROLMENT_NOT_FOUND",
        "not_found",
        "There is no such enrolment, or it is over: it can be activated once.",
        "If the node may be enrolled already, have its agent renew; else make a new token.",
    ),
    Code(
        "ENROLMENT_OVER",
        "conflict",
        "The enrolment was not activated within its five minutes.",
        "Make a new token with `lotabots node enroll`, and look why the TPM took so long.",
    ),
    Code(
        "ENROLMENT_PROOF_WRONG",
        "authentication",
        "The proof is not the one that only the enrolled TPM can make: the secret is another.",
        "Make a new token. If this happens again, attestation key and endorsement key are not of"
        " one TPM.",
    ),
    Code(
        "CREDENTIAL_REPLACED",
        "authorization",
        "The caller's key is not the one that the node's agent has now.",
        "Renew the credential with the key that you use; each newer one ends the one before.",
    ),
    Code(
        "RENEWAL_NOT_FOUND",
        "not_found",
        "There is no such renewal, or it was used before.",
        "Ask for a new one and answer it once, within a minute.",
    ),
    Code(
        "RENEWAL_EXPIRED",
        "conflict",
        "The renewal's minute was over.",
        "Ask for a new one.",
    ),
    Code(
        "RENEWAL_NONCE_MISMATCH",
        "validation",
        "The nonce is not the one of this renewal, which is spent all the same.",
        "Ask for a new one and send its own nonce.",
    ),
    Code(
        "RENEWAL_MALFORMED",
        "validation",
        "Quote or signature of a renewal are not base64 in its one canonical form.",
        "Send both as the TPM gave them, in base64 with padding.",
    ),
    Code(
        "RENEWAL_REFUSED",
        "authentication",
        "What was sent does not prove that the caller is the agent of that node.",
        "Quote with the attestation key that the node enrolled with, for the key of the DPoP proof;"
        " without a TPM, prove the session key that it enrolled with. Else enrol again.",
    ),
    Code(
        "NODE_REVOKED",
        "authorization",
        "An operator has revoked this node: it gets no credential and no challenge any more.",
        "Ask the operator why. A revoked node never comes back; it can be enrolled anew once its"
        " devices are freed.",
    ),
    Code(
        "NODE_REVOKED_FOR_GOOD",
        "conflict",
        "The node was revoked, which cannot be undone.",
        "Free its devices (`lotabots node devices remove`) and enrol it again.",
    ),
    Code(
        "NODE_DEVICE_KIND",
        "validation",
        "A device of this kind cannot be added or removed by hand.",
        "A TPM comes to a node by its enrolment, and leaves it after its revocation.",
    ),
    Code(
        "NODE_DEVICE_NOT_FOUND",
        "not_found",
        "The node has no such device.",
        "Look at the node's devices with `lotabots node show`.",
    ),
    Code(
        "NODE_DEVICE_LIMIT",
        "validation",
        "The node has as many devices as a node can have.",
        "Remove the devices that it has no more.",
    ),
)
