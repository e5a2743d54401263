"""`lotabots reference`: bundles of reference values, made, looked at, moved, and fetched."""

from pathlib import Path

import click
import msgspec
from cryptography import x509

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_json, print_table, say
from lotabots.cli.values import read_file
from lotabots.cli.verify_gpu import read_devices, reference_files
from lotabots.evidence import Caches
from lotabots.kernel import (
    SigningKey,
    VerificationKeys,
    VerifyingKey,
    encode_base64,
    invalid,
)
from lotabots.reference import Bundle, Sources, build_bundle, fetch, open_bundle
from lotabots.runtime.clock import utc_now

NVIDIA_RIM = "https://rim.attestation.nvidia.com/v1/rim"
NVIDIA_OCSP = "https://ocsp.ndis.nvidia.com/"


class Summary(msgspec.Struct):
    """One bundle on a server."""

    id: str
    name: str
    number: int
    created: str
    files: int
    size: int
    active: bool


@click.group("reference")
def command() -> None:
    """Pack, inspect, import, export and fetch reference values."""


@command.command("pack")
@click.argument("folders", type=Path, nargs=-1, required=True)
@click.option("--name", required=True, help="The bundle's name; its number grows under it.")
@click.option(
    "--number", type=click.IntRange(1), required=True, help="Greater than the one before."
)
@click.option("--key", type=Path, required=True, help="PEM private key, P-256 or Ed25519.")
@click.option("--out", type=Path, required=True, help="The bundle file to write.")
def pack(folders: tuple[Path, ...], name: str, number: int, key: Path, out: Path) -> int:
    """Sign every file below FOLDERS as one portable bundle, for sites without a network."""
    files = ((trimmed(path, folders), data) for path, data in reference_files(folders).files)
    bundle = build_bundle(name, number, utc_now(), files, SigningKey.from_pem(read_file(key)))
    out.write_bytes(bundle)
    say(f"{out}: bundle {name} number {number}, {len(bundle)} bytes.")
    return Exit.OK


def trimmed(path: str, folders: tuple[Path, ...]) -> str:
    """The name of a file inside the bundle: relative to the folder it was found in."""
    for folder in folders:
        if folder.is_dir() and Path(path).is_relative_to(folder):
            return Path(path).relative_to(folder).as_posix()
    return Path(path).name


@command.command("keys")
@click.argument("files", type=Path, nargs=-1, required=True)
def keys(files: tuple[Path, ...]) -> int:
    """Print the public keys of PEM FILES as a JWK set, for reference.trusted_keys and --jwks."""
    print_json({"keys": [public_key(read_file(file)).jwk() for file in files]})
    return Exit.OK


@command.command("inspect")
@click.argument("file", type=Path)
@click.option("--jwks", type=Path, help="Public keys (JWKS) of the signers that you trust.")
@click.option("--key", type=Path, help="The signer's PEM private or public key instead.")
@output_option
def inspect(file: Path, jwks: Path | None, key: Path | None, output: str) -> int:
    """Verify every byte of a bundle FILE and list what is in it."""
    bundle = open_bundle(read_file(file), trusted(jwks, key))
    if output == "json":
        print_json({"id": bundle.id, "manifest": bundle.manifest})
    else:
        show_contents(bundle)
    return Exit.OK


def trusted(jwks: Path | None, key: Path | None) -> VerificationKeys:
    """The keys that may have signed a bundle."""
    if jwks is not None:
        return VerificationKeys.from_jwks(read_file(jwks))
    if key is not None:
        return VerificationKeys([public_key(read_file(key))])
    raise click.UsageError("Give --jwks or --key: a bundle without a trusted signer says nothing.")


def public_key(pem: bytes) -> VerifyingKey:
    """The public key in a PEM file of either half."""
    if b"PRIVATE KEY" in pem:
        return SigningKey.from_pem(pem).verifying
    return VerifyingKey.from_pem(pem)


def show_contents(bundle: Bundle) -> None:
    """The bundle for a person."""
    manifest = bundle.manifest
    click.echo(f"{manifest.name} number {manifest.number}  of {manifest.created}\nid {bundle.id}")
    rows = [(entry.name, str(entry.size), entry.sha256) for entry in manifest.files]
    print_table(["file", "bytes", "sha256"], rows)


@command.command("list")
@output_option
@server_option
def list_bundles(output: str, server: str) -> int:
    """List the bundles of a server, and which are in force."""
    with connect(server) as client:
        answer = client.get("/v1/reference")
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    print_bundles(msgspec.json.decode(answer, type=list[Summary]))
    return Exit.OK


def print_bundles(bundles: list[Summary]) -> None:
    """Bundles as a table."""
    rows = [
        ("*" if one.active else "", one.name, str(one.number), str(one.files), one.created, one.id)
        for one in bundles
    ]
    print_table(["active", "name", "number", "files", "created", "id"], rows)


@command.command("import")
@click.argument("file", type=Path)
@server_option
def import_bundle(file: Path, server: str) -> int:
    """Import a bundle FILE into a server and put it into force. An older one is refused."""
    with connect(server) as client:
        answer = client.post_bytes("/v1/reference", read_file(file))
    one = msgspec.json.decode(answer, type=Summary)
    say(f"Bundle {one.name} number {one.number} is in force ({one.files} files).")
    return Exit.OK


@command.command("add")
@click.argument("folders", type=Path, nargs=-1, required=True)
@click.option("--name", help="The bundle's name. Default: that of the first folder.")
@server_option
def add(folders: tuple[Path, ...], name: str | None, server: str) -> int:
    """Put every file below FOLDERS into force as a bundle that the server signs and numbers.

    For whom you are: the signature says that the server got the files from you, not who made them.
    """
    files = [
        {"name": trimmed(path, folders), "data": encode_base64(data)}
        for path, data in reference_files(folders).files
    ]
    with connect(server) as client:
        answer = client.post(
            "/v1/reference/files", {"name": name or folders[0].resolve().name, "files": files}
        )
    one = msgspec.json.decode(answer, type=Summary)
    say(f"Bundle {one.name} number {one.number} is in force ({one.files} files).")
    return Exit.OK


@command.command("export")
@click.argument("bundle")
@click.option("--out", type=Path, required=True, help="The file to write.")
@server_option
def export_bundle(bundle: str, out: Path, server: str) -> int:
    """Write a server's BUNDLE (its id), byte for byte as it was signed."""
    with connect(server) as client:
        out.write_bytes(client.get(f"/v1/reference/{bundle}/export"))
    say(f"{out}: {out.stat().st_size} bytes.")
    return Exit.OK


@command.command("fetch")
@click.option("--evidence", type=Path, multiple=True, help="Evidence whose chains to ask OCSP for.")
@click.option("--chain", type=Path, help="PEM chain, for evidence that does not bring its own.")
@click.option("--rim", "rims", multiple=True, help="Id of a RIM (NV-RIM-MISSING names it).")
@click.option("--crl", "crls", multiple=True, help="Address of a CRL in DER.")
@click.option("--rim-service", default=NVIDIA_RIM, show_default=True)
@click.option("--ocsp-service", default=NVIDIA_OCSP, show_default=True)
@click.option("--out", type=Path, required=True, help="The folder to write into.")
def fetch_files(
    evidence: tuple[Path, ...],
    chain: Path | None,
    rims: tuple[str, ...],
    crls: tuple[str, ...],
    rim_service: str,
    ocsp_service: str,
    out: Path,
) -> int:
    """Fetch RIMs, OCSP answers and CRLs into a folder; nothing is trusted for being fetched."""
    devices = read_devices(evidence, read_file(chain) if chain else b"", Caches())
    sources = Sources(rim=rim_service, ocsp=ocsp_service, crls=crls)
    chains = [certificates(device.certificates) for device in devices]
    fetched = fetch(sources, chains=chains, rim_ids=rims)
    for name, data in fetched.files.files:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for failure in fetched.failures:
        say(f"{failure.name}: {failure.code}: {failure.detail}")
    say(f"{out}: {len(fetched.files.files)} files, {len(fetched.failures)} could not be fetched.")
    return Exit.FAILED if fetched.failures else Exit.OK


def certificates(pem: bytes) -> list[x509.Certificate]:
    """The chain as the fetcher takes it."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise invalid("CHAIN_UNREADABLE", "The chain is no PEM certificates.") from error
