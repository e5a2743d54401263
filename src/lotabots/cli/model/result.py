"""`lotabots model result`: the signed word of a server about a model, for a relying party."""

from pathlib import Path

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.model.served import found, model_argument
from lotabots.cli.output import EXIT_OF, output_option, paint, say
from lotabots.cli.values import read_file
from lotabots.kernel import SigningKey, VerificationKeys, VerifyingKey
from lotabots.result import read_result


class SignedResult(msgspec.Struct):
    """The token, and when it ends."""

    result: str
    expires_at: str


@click.command("result")
@model_argument
@click.option(
    "--key",
    type=Path,
    required=True,
    help="PEM key (P-256), private or public half, of whoever will use the result.",
)
@click.option("--profile", help="Its form: veraison (default), trustee or ietf.")
@output_option
@server_option
def command(model: str, key: Path, profile: str | None, output: str, server: str) -> int:
    """Print the signed result about MODEL as it stands now, bound to a key that is yours.

    MODEL is a digest or ORG/NAME@VERSION. The exit code is that of the verdict in it: what nobody
    else approved is not accepted. A relying party checks it with `lotabots verify token`.
    """
    body = {"session_key": session_key(read_file(key)), "profile": profile}
    with connect(server) as client:
        answer = client.post(f"/v1/models/{found(client, model)}/result", body)
        keys = VerificationKeys.from_jwks(client.get("/.well-known/jwks.json"))
    signed = msgspec.json.decode(answer, type=SignedResult)
    verdict = str(read_result(signed.result, keys).verdict)
    if output == "json":
        click.echo(answer.decode())
    else:
        click.echo(signed.result)
        say(f"{paint(verdict)} until {signed.expires_at}")
    return EXIT_OF[verdict]


def session_key(pem: bytes) -> dict[str, str]:
    """The public half of this key as the API takes it."""
    private = b"PRIVATE KEY" in pem
    key = SigningKey.from_pem(pem).verifying if private else VerifyingKey.from_pem(pem)
    jwk = key.jwk()
    if jwk["kty"] != "EC":
        raise click.UsageError(
            "--key must be of the curve P-256. Make one: openssl ecparam -name prime256v1 -genkey "
            "-noout | openssl pkcs8 -topk8 -nocrypt"
        )
    return {name: jwk[name] for name in ("kty", "crv", "x", "y")}
