"""Codes about nodes, challenges, submissions and stored attestations."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "NODE_NOT_FOUND",
        "not_found",
        "There is no node with this id.",
        "List the nodes; an operator registers a node before it can be attested.",
    ),
    Code(
        "NODE_NOT_YOURS",
        "authorization",
        "An agent asked for another node than its own.",
        "Use the token that was made for this node's agent.",
    ),
    Code(
        "NODE_NAME_TAKEN",
        "conflict",
        "A node of this name is registered already.",
        "Choose another name, or use the node that is there.",
    ),
    Code(
        "NODE_DEVICE_TAKEN",
        "conflict",
        "One of the devices is registered already, here or elsewhere: a device stands in one node.",
        "Check the device ids. If the device has moved, its old registration has to end first.",
    ),
    Code(
        "NODE_DEVICE_TWICE",
        "validation",
        "The inventory names a device twice.",
        "Declare each device once.",
    ),
    Code(
        "CHALLENGE_NOT_FOUND",
        "not_found",
        "There is no challenge with this id.",
        "Ask for a challenge, and answer it at the same server within a minute.",
    ),
    Code(
        "CHALLENGE_SPENT",
        "conflict",
        "The challenge was used before. It is good for one submission, whatever its outcome.",
        "Ask for a new challenge. If you sent it once only, find out who else did.",
    ),
    Code(
        "CHALLENGE_EXPIRED",
        "conflict",
        "The challenge's minute was over when the submission came.",
        "Ask for a new challenge, and compare the clocks if this happens again.",
    ),
    Code(
        "CHALLENGE_NONCE_MALFORMED",
        "validation",
        "The nonce is not 32 bytes in base64url without padding.",
        "Send the nonce as the challenge gave it.",
    ),
    Code(
        "CHALLENGE_NONCE_MISMATCH",
        "validation",
        "The nonce is not the one of this challenge. The challenge is spent all the same.",
        "Ask for a new challenge and send its own nonce.",
    ),
    Code(
        "CHALLENGE_SESSION_KEY_MISMATCH",
        "validation",
        "The session key is not the one that the challenge was made for, or not the one of the"
        " node's agent.",
        "Ask for a new challenge with the session key that you use: of a node that enrolled, its"
        " agent's.",
    ),
    Code(
        "CHALLENGE_INVENTORY_CHANGED",
        "conflict",
        "An operator changed the node's devices after this full challenge was made.",
        "Ask for a new challenge: it names the devices that the node has now.",
    ),
    Code(
        "CHALLENGE_LIGHT_EMPTY",
        "conflict",
        "A light attestation was asked of a node that has neither a TPM nor an agent.",
        "Ask for a full one, or enrol the node.",
    ),
    Code(
        "CHALLENGE_LIGHT_MODELS",
        "validation",
        "A light challenge cannot name models: what a node holds is stated in a full attestation.",
        "Leave the models out, or ask for a full challenge.",
    ),
    Code(
        "NODE_STATE_CHANGED",
        "conflict",
        "Two submissions of one node were judged at once, and the other was faster.",
        "Attest again, with a new challenge. An agent sends one attestation after the other.",
    ),
    Code(
        "EVIDENCE_BASE64",
        "validation",
        "Evidence is not base64 in its one canonical form, or certificates are not PEM text.",
        "Encode the device's bytes as base64 with padding; send certificates as PEM.",
    ),
    Code(
        "EVIDENCE_DUPLICATE_SUBJECT",
        "validation",
        "One subject has evidence twice.",
        "Send the evidence of each device once, under the subject that the challenge names.",
    ),
    Code(
        "RESULT_PROFILE_UNKNOWN",
        "validation",
        "This result profile is not offered.",
        "Ask for `veraison`, `trustee` or `ietf`, or for the profile's full name.",
    ),
    Code(
        "RESULT_OVER",
        "conflict",
        "The attestation's result has expired; it is never made anew for old evidence.",
        "Attest the node again.",
    ),
    Code(
        "APPRAISAL_BUSY",
        "unavailable",
        "More submissions wait to be judged than may wait. The challenge is spent.",
        "Try again with a new challenge, after a pause.",
    ),
    Code(
        "PARCEL_CORRUPT",
        "internal",
        "The stored inputs of an attestation are not as they were written.",
        "Restore the blob store from its backup; the audit log holds the digest of what was there.",
    ),
    Code(
        "ATTESTATION_NOT_FOUND",
        "not_found",
        "There is no attestation with this id.",
        "List the attestations with `lotabots attestation list`.",
    ),
    Code(
        "CURSOR_MALFORMED",
        "validation",
        "The cursor is not one that a page gave.",
        "Send `next` of the page before, unchanged, or leave it out for the first page.",
    ),
    Code(
        "POLICY_NOT_FOUND",
        "not_found",
        "There is no policy with this id or name.",
        "List the policies with `lotabots policy list`.",
    ),
    Code(
        "POLICY_NOT_YOURS",
        "authorization",
        "An agent asked to be judged by another policy than its node's.",
        "Leave the policy out; an operator chooses it.",
    ),
    Code(
        "ANCHORS_MALFORMED",
        "validation",
        "The setting `attestation.simulated_anchors`, or that of `simulated_tpms`, names no"
        " readable PEM file of roots.",
        "Name a PEM file: for the first with two roots or more, the device one first; for the"
        " second with one or more. Or leave the setting out.",
    ),
)
