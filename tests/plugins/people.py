"""Users of a tenant of one's own who really log in, over the API in both modes.

@pytest.mark.anyio
async def test_something(people: People) -> None:
    ada = await people.logged_in(Role.OPERATOR)
    await people.api.get("/v1/me", as_=None, headers=ada.headers)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from plugins.api import Api
from plugins.database import DatabaseUrls
from plugins.process import new_key

from lotabots.kernel import Role, SigningKey, encode_base64url, sha256
from lotabots.runtime.clock import utc_now

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Prover:
    """A client with a key of its own, which it proves with each request (DPoP, RFC 9449)."""

    key: SigningKey = field(default_factory=new_key)

    def proof(self, method: str, url: str, token: str | None = None, **changes: Any) -> str:
        """A proof for this request; any claim can be made otherwise, or left out with None."""
        public = {k: v for k, v in self.key.jwk_public().items() if k in {"kty", "crv", "x", "y"}}
        header = {"typ": "dpop+jwt", "alg": self.key.alg, "jwk": public}
        header |= changes.pop("header", {})
        claims: dict[str, Any] = {
            "jti": uuid4().hex,
            "htm": method,
            "htu": url,
            "iat": int(utc_now().timestamp()),
            "ath": None if token is None else encode_base64url(sha256(token.encode())),
        } | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = ".".join(encode_base64url(json.dumps(one).encode()) for one in (header, claims))
        return f"{signed}.{encode_base64url(self.key.sign(signed.encode()))}"


@dataclass(frozen=True)
class Person:
    """A user, and what they last logged in with."""

    user: dict[str, Any]
    tokens: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.user["id"])

    @property
    def name(self) -> str:
        return str(self.user["username"])

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens['access_token']}"}


@dataclass(frozen=True)
class People:
    """Makes users in the tenant of `api`, and logs them in."""

    api: Api

    async def made(self, role: Role = Role.VIEWER, **fields: Any) -> dict[str, Any]:
        name = f"u{uuid4().hex}"
        user = {"username": name, "password": PASSWORD, "email": f"{name}@b.org", "role": role}
        if role is Role.AGENT:
            user["node_id"] = "node-1"
        answer = await self.api.post("/v1/users", user | fields, as_=Role.OWNER)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def log_in(self, name: str, password: str = PASSWORD, **other: Any) -> httpx.Response:
        claimed = {"username": name, "password": password}
        headers: Mapping[str, str] = other.pop("headers", {})
        return await self.api.post("/v1/login", claimed | other, as_=None, headers=headers)

    async def logged_in(self, role: Role = Role.VIEWER, **fields: Any) -> Person:
        user = await self.made(role, **fields)
        answer = await self.log_in(user["username"])
        assert answer.status_code == 200, answer.text
        return Person(user, answer.json())

    async def refresh(self, token: str, **headers: str) -> httpx.Response:
        body = {"refresh_token": token}
        return await self.api.post("/v1/login/refresh", body, as_=None, headers=headers)

    async def entries(self, **query: str) -> list[dict[str, Any]]:
        """What the audit log of the tenant has, newest first."""
        page = await self.api.get("/v1/audit/entries", params=query)
        return [one["entry"] for one in page.json()["entries"]]


@pytest.fixture
async def people(api: Api, session_database_urls: DatabaseUrls) -> People:
    """The tenant of `api` made to exist, and no user in it yet."""
    owner = await asyncpg.connect(session_database_urls.owner)
    await owner.execute(
        "insert into identity.tenants (id, name, created_at) values ($1, $2, now())",
        api.tenant,
        f"t{api.tenant.hex}",
    )
    await owner.close()
    return People(api)
