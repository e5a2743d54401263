"""A small OpenID Connect provider on loopback: real HTTP and signatures, faults on request."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from plugins.process import new_key

from lotabots.kernel import SigningKey, encode_base64url, sha256
from lotabots.runtime.clock import utc_now

CLIENT, SECRET = "lota bots", "s3cret:with/odd chars"


@dataclass
class SmallProvider:
    """What it is told to say stands in the fields."""

    issuer: str = ""
    subject: str = "subject-1"
    redirect_uri: str = ""
    """The one that is registered."""
    signing: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    signature: bytes | None = None
    rsa: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))
    ec: SigningKey = field(default_factory=new_key)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def described(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        } | self.description

    def keys(self) -> dict[str, Any]:
        numbers = self.rsa.public_key().public_numbers()
        n = encode_base64url(numbers.n.to_bytes(256, "big"))
        rsa = {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB"}
        return {"keys": [rsa, self.ec.jwk_public() | {"kid": "e"}, {"kty": "oct", "k": "AAAA"}]}

    def authorized(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to, once somebody has logged in."""
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, self.redirect_uri)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["scope"] == "openid"
        code = uuid4().hex
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, str] | None:
        """What a code is traded for; None for a wrong client, verifier, code or address."""
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        client = [unquote(part) for part in given.split(":")]
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = encode_base64url(sha256(form.get("code_verifier", "").encode()))
        if (
            asked is None
            or client != [CLIENT, SECRET]
            or form.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            self.refused.append(form.get("code", ""))
            return None
        return {"id_token": self.id_token(asked["nonce"]), "token_type": "Bearer"}

    def id_token(self, nonce: str) -> str:
        now = int(utc_now().timestamp())
        claims = {"iss": self.issuer, "sub": self.subject, "aud": CLIENT, "nonce": nonce,
                  "iat": now, "exp": now + 300, "email": "somebody@else.org"}  # fmt: skip
        kid = {"RS256": "r", "ES256": "e"}.get(self.signing, "r")
        header = {"alg": self.signing, "kid": kid, "typ": "JWT"} | self.header
        parts = [
            {name: value for name, value in one.items() if value is not None}
            for one in (header, claims | self.claims)
        ]
        signed = ".".join(encode_base64url(json.dumps(one).encode()) for one in parts)
        signature = self.signature
        if signature is None:
            data = signed.encode()
            rs256 = self.signing != "ES256"
            signature = self.rsa.sign(data, PKCS1v15(), SHA256()) if rs256 else self.ec.sign(data)
        return f"{signed}.{encode_base64url(signature)}"


@contextmanager
def small_provider() -> Iterator[SmallProvider]:
    """A provider that answers until the block ends."""
    provider = SmallProvider()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            match parts.path:
                case "/.well-known/openid-configuration":
                    self.answer(200, provider.described())
                case "/keys":
                    self.answer(200, provider.keys())
                case "/authorize":
                    self.answer(302, {}, location=provider.authorized(asked))
                case _:
                    self.answer(404, {})

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(data).items()}
            token = provider.token(form, self.headers.get("authorization", ""))
            self.answer(*((200, token) if token else (400, {"error": "invalid_grant"})))

        def answer(self, status: int, body: Any, **headers: str) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
