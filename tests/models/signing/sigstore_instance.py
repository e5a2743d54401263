"""A Sigstore of our own: an authority, a log of certificates, a log of signatures, in memory."""

import hashlib
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from models.signing.material import MODEL, NOW, Authority, hashed, new_key

from lotabots.kernel import canonical, encode_base64, format_time, sha256, sha256_hex
from lotabots.models import Algorithm, Certificate, MemoryTree, manifest_of
from lotabots.models.bundle import KeylessMaterial, write_bundle
from lotabots.models.statement import pre_authentication

IDENTITY = "build@example.com"
ISSUER = "https://login.example.com"
SIGNED_AT = NOW - timedelta(days=400)
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
FULCIO_ISSUER_OLD = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
FULCIO_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


class Log:
    """A key that signs for a log, and the log's id."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.der = self.key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        self.id = sha256(self.der)

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data, ec.ECDSA(SHA256()))

    def trusted(self, **period: str) -> dict[str, Any]:
        start = format_time(SIGNED_AT - timedelta(days=1))
        return {
            "baseUrl": "log.example.com",
            "hashAlgorithm": "SHA2_256",
            "logId": {"keyId": encode_base64(self.id)},
            "publicKey": {
                "rawBytes": encode_base64(self.der),
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": {"start": start, **period},
            },
        }


class Instance:
    """One Sigstore. Each step of a signature can be made wrong by name."""

    def __init__(self) -> None:
        around = {"start": SIGNED_AT - timedelta(days=1), "end": SIGNED_AT + timedelta(days=900)}
        self.root = Authority("fulcio", **around)
        self.authority = Authority("fulcio-intermediate", self.root, **around)
        self.rekor, self.certificates = Log(), Log()

    def trusted_root(self, **changed: Any) -> bytes:
        chain = [{"rawBytes": encode_base64(one.loaded.der)} for one in (self.authority, self.root)]
        start = format_time(SIGNED_AT - timedelta(days=1))
        value = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.rekor.trusted()],
            "certificateAuthorities": [
                {"certChain": {"certificates": chain}, "validFor": {"start": start}}
            ],
            "ctlogs": [self.certificates.trusted()],
            **changed,
        }
        return canonical(value)

    def sign(self, wrong: str = "", issuer: str = ISSUER, log: Log | None = None) -> bytes:
        key = new_key()
        leaf = self.leaf(key, wrong, issuer)
        files = hashed(MemoryTree(MODEL)).files
        manifest = manifest_of("model", files, Algorithm.SHA256)
        payload = canonical(manifest.statement().payload())
        signature = key.sign(pre_authentication(payload))
        entry = self.entry(payload, signature, leaf, wrong, log or self.rekor)
        return write_bundle(payload, signature, KeylessMaterial((leaf.der,), (entry,)))

    def leaf(self, key: Any, wrong: str, issuer: str) -> Certificate:
        start = SIGNED_AT + timedelta(hours=1 if wrong == "too-early" else 0)
        text = issuer.encode()
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.SubjectAlternativeName([x509.RFC822Name(IDENTITY)]), True),
            (x509.UnrecognizedExtension(FULCIO_ISSUER, bytes((12, len(text))) + text), False),
        ]
        if wrong == "two-issuers":
            other = x509.UnrecognizedExtension(FULCIO_ISSUER_OLD, b"https://other.example.com")
            extensions.append((other, False))
        given: dict[str, Any] = {
            "start": start,
            "end": start + timedelta(minutes=10),
            "serial": 4711,
            "name": "",
        }
        before = self.authority.leaf(key, extensions=extensions, **given)
        if wrong != "no-promise-of-certificates":
            promise = self.promise(before, wrong)
            extensions.append((x509.UnrecognizedExtension(SCT_LIST, promise), False))
        return self.authority.leaf(key, extensions=extensions, **given)

    def promise(self, before: Certificate, wrong: str) -> bytes:
        """The list with one SCT, as an extension holds it (RFC 6962, section 3.3)."""
        tbs = before.parsed.tbs_certificate_bytes
        spki = self.authority.key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        moment = int(SIGNED_AT.timestamp() * 1000).to_bytes(8, "big")
        body = sha256(spki) + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        log = Log() if wrong == "other-log-of-certificates" else self.certificates
        signature = log.sign(b"\0\0" + moment + b"\0\1" + body)
        head = b"\0" + self.certificates.id + moment + b"\0\0" + b"\4\3"
        sct = head + len(signature).to_bytes(2, "big") + signature
        listed = (len(sct) + 2).to_bytes(2, "big") + len(sct).to_bytes(2, "big") + sct
        return b"\x04" + bytes((len(listed),)) + listed  # shorter than 128 bytes

    def entry(
        self, payload: bytes, signature: bytes, leaf: Certificate, wrong: str, log: Log
    ) -> dict[str, Any]:
        pem = leaf.parsed.public_bytes(Encoding.PEM)
        about = b"another payload" if wrong == "other-payload" else payload
        body = canonical(
            {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "payloadHash": {"algorithm": "sha256", "value": sha256_hex(about)},
                    "signatures": [
                        {"signature": encode_base64(signature), "verifier": encode_base64(pem)}
                    ],
                },
            }
        )
        time = int(SIGNED_AT.timestamp()) + 5
        promised = {
            "body": encode_base64(body),
            "integratedTime": time,
            "logID": log.id.hex(),
            "logIndex": 7,
        }
        signer = Log() if wrong == "other-promise" else log
        entry: dict[str, Any] = {
            "logIndex": "7",
            "logId": {"keyId": encode_base64(log.id)},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(time),
            "inclusionPromise": {
                "signedEntryTimestamp": encode_base64(signer.sign(canonical(promised)))
            },
            "inclusionProof": self.proof(body, wrong, log),
            "canonicalizedBody": encode_base64(body),
        }
        if wrong == "no-promise":
            del entry["inclusionPromise"]
        if wrong == "neither-promise-nor-proof":
            del entry["inclusionPromise"], entry["inclusionProof"]
        if wrong == "other-kind":
            entry["kindVersion"]["version"] = "0.0.2"
        return entry

    def proof(self, body: bytes, wrong: str, log: Log) -> dict[str, Any]:
        """Leaf 2 of 3: the path is the root of the two before it."""
        leaf = hashlib.sha256(b"\0" + body).digest()
        left = hashlib.sha256(b"two leaves").digest()
        root = hashlib.sha256(b"\1" + left + leaf).digest()
        if wrong == "other-root":
            root = bytes(32)
        text = f"log.example.com\n3\n{encode_base64(root)}\n"
        if wrong == "checkpoint-of-another-size":
            text = text.replace("\n3\n", "\n4\n")
        signer = Log() if wrong == "other-checkpoint" else log
        first = bytes(4) if wrong == "checkpoint-of-another-log" else log.id[:4]
        note = encode_base64(first + signer.sign(text.encode()))
        return {
            "logIndex": "2",
            "treeSize": "3",
            "rootHash": encode_base64(root),
            "hashes": [encode_base64(left)],
            "checkpoint": {"envelope": f"{text}\n\u2014 log.example.com {note}\n"},
        }
