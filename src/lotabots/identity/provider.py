"""An OpenID Connect provider as we speak with it: its description, its keys, its token endpoint.

Only addresses that the operator configured, or that the provider's own description names, are
called: over HTTPS (or to this machine), with limits, and no redirect is followed.
"""

import asyncio
import http.client
import ssl
from base64 import b64encode
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lotabots.identity.addresses import is_callable
from lotabots.identity.settings import IdentitySettings
from lotabots.kernel import Kind, LotaError, strict_json

SECONDS = 10.0
MAX_ANSWER = 512 * 1024
DESCRIPTION_SECONDS = 3600.0

_FORM = "application/x-www-form-urlencoded"


class Provider:
    """The one provider of the settings. Every method may block on the network, in a thread."""

    def __init__(self, settings: IdentitySettings) -> None:
        self.issuer = settings.oidc_issuer
        self.client_id = settings.oidc_client_id
        self.redirect_uri = settings.oidc_redirect_uri
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._description: tuple[float, dict[str, Any]] = (0.0, {})

    async def authorization_url(self, state: str, nonce: str, challenge: str) -> str:
        """Where to send the browser (OpenID Connect Core 1.0 section 3.1.2.1, RFC 7636)."""
        endpoint = await self._endpoint("authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def id_token(self, code: str, verifier: str) -> str:
        """The ID token for a code. Raises `OIDC_PROVIDER` if the provider refuses or is away."""
        endpoint = await self._endpoint("token_endpoint")
        basic = f"{quote(self.client_id, safe='')}:{quote(self._secret, safe='')}"
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"content-type": _FORM, "accept": "application/json"}
        methods = (await self._described()).get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods:
            form |= {"client_id": self.client_id, "client_secret": self._secret}
        else:
            headers["authorization"] = f"Basic {b64encode(basic.encode()).decode()}"
        answer = await _called("POST", endpoint, urlencode(form), headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _away("it gave no ID token")
        return token

    async def keys(self) -> object:
        """Its public keys, as they are now: a log-in is rare, and a rotated key is never missed."""
        return await _called("GET", await self._endpoint("jwks_uri"), None, {})

    async def _endpoint(self, name: str) -> str:
        endpoint = (await self._described()).get(name)
        if not isinstance(endpoint, str) or not is_callable(endpoint):
            raise _away(f"its description names no {name} that could be called")
        return endpoint

    async def _described(self) -> dict[str, Any]:
        until, description = self._description
        if monotonic() >= until:
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            description = await _called("GET", url, None, {})
            if description.get("issuer") != self.issuer:
                raise _away("it calls itself by another name than identity.oidc_issuer")
            self._description = (monotonic() + DESCRIPTION_SECONDS, description)
        return description


async def _called(
    method: str, url: str, body: str | None, headers: dict[str, str]
) -> dict[str, Any]:
    try:
        status, data = await asyncio.to_thread(_call, method, url, body, headers)
        answer = strict_json(data, max_bytes=MAX_ANSWER)
    except (OSError, http.client.HTTPException, LotaError) as error:
        raise _away("it cannot be reached, or its answer cannot be read") from error
    if status != 200 or not isinstance(answer, dict):
        raise _away(f"it answered {status}")
    return answer


def _call(method: str, url: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=SECONDS, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
    )
    try:
        path = parts.path or "/"
        connection.request(method, f"{path}?{parts.query}" if parts.query else path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER + 1)
    finally:
        connection.close()


def _away(why: str) -> LotaError:
    detail = f"The identity provider does not help: {why}."
    return LotaError(Kind.UNAVAILABLE, "OIDC_PROVIDER", detail)
