"""An entry of Sigstore's transparency log: what it recorded, when, and whether the log holds it.

Sources: sigstore_rekor.proto (TransparencyLogEntry); Rekor 1, entry type dsse 0.0.1 and the signed
entry timestamp (RFC 8785 over body, integratedTime, logID, logIndex); RFC 6962, section 2.1.1; C2SP
signed note, as Rekor signs it: ECDSA in DER behind the first 4 bytes of the log's id.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from lotabots.kernel import (
    Json,
    LotaError,
    canonical,
    decode_base64,
    encode_base64,
    equal,
    sha256,
    sha256_hex,
    strict_json,
)
from lotabots.models.findings import Finding, finding
from lotabots.models.statement import refuse
from lotabots.models.trusted_roots import LogKey, TrustedLog

MAX_BODY = 1024 * 1024
MAX_PROOF = 64


class Entry(msgspec.Struct, frozen=True):
    """One entry as the bundle gives it. Parsed is not trusted."""

    log_id: bytes
    index: int
    kind: str
    body: bytes
    time: int
    """Seconds since 1970; 0 where the log tells none."""
    promise: bytes
    """The log's signature over time and body, or empty."""
    proof: "Proof | None"


class Proof(msgspec.Struct, frozen=True):
    """Where the entry is in a tree whose head the log has signed."""

    index: int
    size: int
    root: bytes
    path: tuple[bytes, ...]
    checkpoint: str


class Logged(msgspec.Struct, frozen=True):
    """When the log took the entry, if that is proven; and everything that is wrong with it."""

    at: datetime | None
    findings: tuple[Finding, ...]


def read_entry(value: Json) -> Entry:
    """The entry in this JSON. LotaError SIGSTORE-ENTRY."""
    match value:
        case {
            "logIndex": str(index),
            "logId": {"keyId": str(log_id)},
            "kindVersion": {"kind": str(kind), "version": str(version)},
            "canonicalizedBody": str(body),
        } if isinstance(value, dict):
            pass
        case _:
            raise _malformed("an entry with log, index, kind and body")
    promise = value.get("inclusionPromise")
    stamp = promise.get("signedEntryTimestamp") if isinstance(promise, dict) else ""
    proof, time = value.get("inclusionProof"), value.get("integratedTime", "0")
    return Entry(
        log_id=_base64(log_id),
        index=_number(index),
        kind=f"{kind} {version}",
        body=_base64(body),
        time=_number(time),
        promise=_base64(stamp),
        proof=_proof(proof) if proof is not None else None,
    )


def _proof(value: Json) -> Proof:
    match value:
        case {
            "logIndex": str(index),
            "treeSize": str(size),
            "rootHash": str(root),
            "checkpoint": {"envelope": str(checkpoint)},
            **rest,
        }:
            path = rest.get("hashes", [])
            if isinstance(path, list) and len(path) <= MAX_PROOF and len(checkpoint) <= 10_000:
                hashes = tuple(map(_base64, path))
                return Proof(_number(index), _number(size), _base64(root), hashes, checkpoint)
        case _:
            pass
    raise _malformed("a proof with index, size, root, hashes and checkpoint")


def verify_entry(
    entry: Entry, logs: Sequence[TrustedLog], payload: bytes, signature: bytes, pem: bytes
) -> Logged:
    """Whether a trusted log holds this very signature of this payload by this certificate (PEM).

    Without the log's promise the time is the bundle's own word, so none comes back. No proof of
    inclusion is no refusal where there is a promise: bundles of version 0.1 had the promise alone.
    """
    log = next((one for one in logs if equal(one.id, entry.log_id)), None)
    if log is None:
        known = ", ".join(one.id.hex()[:16] for one in logs)
        unknown = finding("SIGSTORE-LOG", expected=known, measured=entry.log_id.hex()[:16])
        return Logged(None, (unknown,))
    found = list(_body_findings(entry, payload, signature, pem))
    at = None
    if entry.promise and not log.key.signed(_promised(entry), entry.promise):
        found.append(finding("SIGSTORE-PROMISE", measured=f"entry {entry.index}"))
    elif entry.promise:
        at = datetime.fromtimestamp(entry.time, UTC)
        if not log.period.holds(at):
            found.append(finding("SIGSTORE-LOG", expected="a log in use then", measured=str(at)))
    if entry.proof is not None:
        why = _proof_flaw(entry.body, entry.proof, log)
        if why:
            found.append(finding("SIGSTORE-PROOF", expected="an entry of the log", measured=why))
    elif not entry.promise:
        found.append(finding("SIGSTORE-PROOF", expected="a promise or a proof", measured="neither"))
    return Logged(at, tuple(found))


def _promised(entry: Entry) -> bytes:
    return canonical(
        {
            "body": encode_base64(entry.body),
            "integratedTime": entry.time,
            "logID": entry.log_id.hex(),
            "logIndex": entry.index,
        }
    )


def _body_findings(
    entry: Entry, payload: bytes, signature: bytes, pem: bytes
) -> tuple[Finding, ...]:
    if entry.kind != "dsse 0.0.1":
        return (finding("SIGSTORE-KIND", expected="dsse 0.0.1", measured=entry.kind),)
    expected = {
        "payloadHash": {"algorithm": "sha256", "value": sha256_hex(payload)},
        "signatures": [{"signature": encode_base64(signature), "verifier": encode_base64(pem)}],
    }
    try:
        body = strict_json(entry.body, max_bytes=MAX_BODY)
    except LotaError:
        body = None
    match body:
        case {"apiVersion": "0.0.1", "kind": "dsse", "spec": dict(spec)}:
            if all(spec.get(key) == value for key, value in expected.items()):
                return ()
        case _:
            pass
    return (finding("SIGSTORE-BODY", expected="this payload, signature and certificate"),)


def _proof_flaw(body: bytes, proof: Proof, log: TrustedLog) -> str:
    """Why the proof does not hold; empty if it does."""
    root = root_from_path(proof.index, proof.size, sha256(b"\x00" + body), proof.path)
    if root is None or not equal(root, proof.root):
        return "the path leads to another root"
    text, _, signatures = proof.checkpoint.partition("\n\n")
    lines = text.split("\n")
    if lines[1:3] != [str(proof.size), encode_base64(proof.root)]:
        return "the checkpoint has another size or root"
    signed = f"{text}\n".encode()
    lines = [line for line in signatures.split("\n") if line.startswith("\u2014 ")]
    if not any(_signs(line, signed, log.id, log.key) for line in lines[:16]):
        return "the checkpoint is not signed by the log"
    return ""


def _signs(line: str, signed: bytes, log_id: bytes, key: LogKey) -> bool:
    try:
        data = decode_base64(line.rpartition(" ")[2])
    except LotaError:
        return False
    return data[:4] == log_id[:4] and key.signed(signed, data[4:])


def root_from_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root of this leaf and these hashes (RFC 9162, 2.1.3.2); None if they do not fit."""
    if index >= size:
        return None
    node, last = leaf, size - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = sha256(b"\x01" + sibling + node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01" + node + sibling)
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


def _number(value: Json) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 15:
        raise _malformed("numbers as decimal text")
    return int(value)


def _base64(value: Json) -> bytes:
    if not isinstance(value, str) or len(value) > 2 * MAX_BODY:
        raise _malformed("base64")
    try:
        return decode_base64(value)
    except LotaError as error:
        raise _malformed("base64 in its canonical form") from error


def _malformed(expected: str) -> LotaError:
    return refuse("SIGSTORE-ENTRY", expected=expected)
