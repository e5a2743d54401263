"""Signed envelopes around documents: DSSE v1, with exactly one signature.

Source: the Dead Simple Signing Envelope, protocol and envelope, version 1.0.0. The payload type is
signed with the payload, so a document of one kind never passes for another. A signature has the
form of JWS (r and s, 64 bytes), also for ES256.
"""

from lotabots.kernel.base64text import decode_base64, encode_base64
from lotabots.kernel.canonical_json import canonical, strict_json
from lotabots.kernel.errors import LotaError, invalid
from lotabots.kernel.keys import SigningKey, VerificationKeys

MAX_ENVELOPE_BYTES = 64 * 1024 * 1024


def sign_envelope(payload_type: str, payload: bytes, key: SigningKey) -> bytes:
    """The envelope as canonical JSON: payload, payloadType and one signature."""
    signature = key.sign(_pre_authentication(payload_type, payload))
    return canonical(
        {
            "payload": encode_base64(payload),
            "payloadType": payload_type,
            "signatures": [{"keyid": key.kid, "sig": encode_base64(signature)}],
        }
    )


def open_envelope(
    data: bytes, payload_type: str, keys: VerificationKeys, max_bytes: int = MAX_ENVELOPE_BYTES
) -> bytes:
    """The payload, once one of these keys has signed it as this type.

    Raises `ENVELOPE_*`, `SIGNATURE_INVALID`, `JSON_TOO_LARGE`.
    """
    envelope = strict_json(data, max_bytes=max_bytes, max_depth=3)
    match envelope:
        case {
            "payload": str(payload),
            "payloadType": str(given_type),
            "signatures": [{"keyid": str(kid), "sig": str(signature), **rest}],
            **more,
        } if not rest and not more:
            pass
        case _:
            raise _malformed("not exactly payload, payloadType and one signature")
    if given_type != payload_type:
        raise invalid("ENVELOPE_TYPE", "The envelope holds a document of another type.")
    key = keys.get(kid)
    if key is None:
        raise invalid("ENVELOPE_KEY_UNKNOWN", "The envelope names a key that is not trusted here.")
    content = _decoded(payload)
    key.verify(_pre_authentication(payload_type, content), _decoded(signature))
    return content


def _pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE: lengths in decimal ASCII, so that no two pairs give the same bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _decoded(text: str) -> bytes:
    try:
        return decode_base64(text)
    except LotaError as error:
        raise _malformed("a part is not canonical base64") from error


def _malformed(why: str) -> LotaError:
    return invalid("ENVELOPE_MALFORMED", f"This is no envelope as we sign them: {why}.")
