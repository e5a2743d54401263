"""Tokens that are bound to a key of the client (DPoP, RFC 9449): the thief of one has nothing."""

import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from plugins.people import Prover
from plugins.process import Tokens, assert_refused, calling, make_process

from lotabots.kernel import LotaError, SigningKey, encode_base64url
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.web import Service, TokenSettings

pytestmark = pytest.mark.anyio

URL = "http://test/v1/tenant"


def bound(tokens: Tokens, prover: Prover) -> str:
    return tokens.token(key_thumbprint=encode_base64url(prover.key.verifying.thumbprint()))


async def sent(client: httpx.AsyncClient, token: str, *proofs: str, scheme: str = "DPoP") -> Any:
    headers = [("authorization", f"{scheme} {token}"), *(("dpop", one) for one in proofs)]
    return await client.get("/v1/tenant", headers=headers)


@pytest.mark.parametrize("key", [None, SigningKey(Ed25519PrivateKey.generate())])
async def test_the_holder_of_the_key_is_let_through(
    client: httpx.AsyncClient, tokens: Tokens, key: SigningKey | None
) -> None:
    prover = Prover() if key is None else Prover(key)
    token = bound(tokens, prover)
    for url in (URL, "HTTP://TEST:80/v1/tenant", f"{URL}?a=b#c"):
        answer = await sent(client, token, prover.proof("GET", url, token))
        assert answer.status_code == 200, answer.text


async def test_a_bound_token_is_no_bearer_token(client: httpx.AsyncClient, tokens: Tokens) -> None:
    prover = Prover()
    token = bound(tokens, prover)
    proof = prover.proof("GET", URL, token)
    assert_refused(await sent(client, token, scheme="Bearer"), 401, "PROOF_ABSENT")
    assert_refused(await sent(client, token, proof, scheme="Bearer"), 401, "PROOF_ABSENT")
    answer = await sent(client, token)
    assert_refused(answer, 401, "PROOF_ABSENT")
    assert answer.headers["www-authenticate"].startswith('DPoP algs="ES256 Ed25519"')


async def test_a_token_that_is_bound_to_nothing_is_not_sent_as_bound(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    prover = Prover()
    token = tokens.token()
    answer = await sent(client, token, prover.proof("GET", URL, token))
    assert_refused(answer, 401, "TOKEN_SCHEME")


async def test_a_proof_is_good_once(client: httpx.AsyncClient, tokens: Tokens) -> None:
    prover = Prover()
    token = bound(tokens, prover)
    proof = prover.proof("GET", URL, token)
    assert (await sent(client, token, proof)).status_code == 200
    assert_refused(await sent(client, token, proof), 401, "PROOF_REPLAYED")


async def test_a_proof_of_another_key_request_time_or_token_is_refused(
    client: httpx.AsyncClient, tokens: Tokens
) -> None:
    prover, thief = Prover(), Prover()
    token = bound(tokens, prover)
    old, future = (
        int((utc_now() + timedelta(seconds=seconds)).timestamp()) for seconds in (-65, 40)
    )
    private = {"kty": "EC", "crv": "P-256", "d": "AAAA"}
    bad = {
        "another key": thief.proof("GET", URL, token),
        "another method": prover.proof("POST", URL, token),
        "another path": prover.proof("GET", f"{URL}/x", token),
        "another host": prover.proof("GET", "http://evil/v1/tenant", token),
        "another scheme": prover.proof("GET", "https://test/v1/tenant", token),
        "another token": prover.proof("GET", URL, token + "x"),
        "no token": prover.proof("GET", URL),
        "old": prover.proof("GET", URL, token, iat=old),
        "from the future": prover.proof("GET", URL, token, iat=future),
        "a time as text": prover.proof("GET", URL, token, iat="1"),
        "no id": prover.proof("GET", URL, token, jti=None),
        "an empty id": prover.proof("GET", URL, token, jti=""),
        "another type": prover.proof("GET", URL, token, header={"typ": "JWT"}),
        "alg none": prover.proof("GET", URL, token, header={"alg": "none"}),
        "alg HS256": prover.proof("GET", URL, token, header={"alg": "HS256"}),
        "a private key": prover.proof("GET", URL, token, header={"jwk": private}),
        "a symmetric key": prover.proof("GET", URL, token, header={"jwk": {"kty": "oct"}}),
        "a linked key": prover.proof("GET", URL, token, header={"jku": "http://evil"}),
        "an unknown crit": prover.proof("GET", URL, token, header={"crit": ["x"]}),
        "no signature": prover.proof("GET", URL, token).rpartition(".")[0] + ".",
        "no proof": "x.y.z",
        "nothing": "",
        "too long": "x" * 5000,
    }
    for name, proof in bad.items():
        answer = await sent(client, token, proof)
        assert (answer.status_code, answer.json()["code"]) == (401, "PROOF_INVALID"), name


async def test_two_proofs_are_refused(client: httpx.AsyncClient, tokens: Tokens) -> None:
    prover = Prover()
    token = bound(tokens, prover)
    both = [prover.proof("GET", URL, token) for _ in range(2)]
    assert_refused(await sent(client, token, *both), 401, "PROOF_INVALID")


async def test_behind_a_proxy_a_proof_names_the_address_that_clients_use(
    database: Database, log: io.BytesIO, service: Service, tokens: Tokens
) -> None:
    outside = "https://lotabots.example.com"
    process = make_process(database, log, TokenSettings(public_url=f"{outside}/"))
    prover = Prover()
    token = bound(tokens, prover)
    async with calling(process, [service]) as client:
        proof = prover.proof("GET", f"{outside}/v1/tenant", token)
        assert (await sent(client, token, proof)).status_code == 200
        answer = await sent(client, token, prover.proof("GET", URL, token))
        assert_refused(answer, 401, "PROOF_INVALID")


@pytest.mark.parametrize("changes", [{"public_url": "ftp://a"}, {"environment": "LIVE_1"}])
def test_settings_of_tokens_that_cannot_be_meant_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        TokenSettings(**changes)
