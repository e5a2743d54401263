"""`lotabots attestation`: list, show, export inputs, and judge again offline."""

from pathlib import Path
from uuid import UUID

import click
import msgspec

from lotabots.appraisal import Verdict, replay, unpack_inputs
from lotabots.cli.client import connect, server_option
from lotabots.cli.output import EXIT_OF, Exit, output_option, paint, print_json, print_table, say
from lotabots.cli.policy import StoredInputs
from lotabots.cli.values import read_file
from lotabots.cli.verify_gpu import print_findings
from lotabots.evidence import Anchors, Finding
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS
from lotabots.kernel import invalid
from lotabots.runtime.appraiser import this_appraiser


class Summary(msgspec.Struct):
    """One line of the list."""

    id: str
    hardware_id: str
    status: str
    created_at: str
    metadata: dict[str, object]


class Page(msgspec.Struct):
    """One page of the list."""

    items: list[Summary]
    next: str | None


class Shown(Summary):
    """What is printed of one attestation; the rest is in its JSON."""

    policy: str
    appraisal_digest: str
    findings: list[Finding]


@click.group("attestation")
def command() -> None:
    """Look at attestations, and judge one again."""


@command.command("list")
@click.option("--node", help="Only of the node with this id.")
@click.option("--status", type=click.Choice(list(EXIT_OF)), help="Only with this verdict.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--after", help="The cursor that the page before ended with.")
@output_option
@server_option
def list_attestations(
    node: str | None, status: str | None, limit: int, after: str | None, output: str, server: str
) -> int:
    """List attestations, newest first."""
    with connect(server) as client:
        answer = client.get(
            "/v1/attestations", hardware_id=node, status=status, limit=limit, after=after
        )
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    page = msgspec.json.decode(answer, type=Page)
    rows = [(item.created_at, item.hardware_id, paint(item.status), item.id) for item in page.items]
    print_table(["when", "node", "verdict", "id"], rows)
    if page.next:
        say(f"More: --after {page.next}")
    return Exit.OK


@command.command("show")
@click.argument("attestation", type=UUID)
@output_option
@server_option
def show(attestation: UUID, output: str, server: str) -> int:
    """Show one attestation with every finding; the exit code is that of its verdict."""
    with connect(server) as client:
        answer = client.get(f"/v1/attestations/{attestation}")
    shown = msgspec.json.decode(answer, type=Shown)
    if output == "json":
        click.echo(answer.decode())
    else:
        click.echo(f"{paint(shown.status)}  node {shown.hardware_id}  at {shown.created_at}")
        click.echo(f"policy {shown.policy}\nappraisal {shown.appraisal_digest}")
        print_findings(shown.findings)
    return EXIT_OF[shown.status]


@command.command("export")
@click.argument("attestation", type=UUID)
@click.option("--out", type=Path, required=True, help="The file to write.")
@server_option
def export(attestation: UUID, out: Path, server: str) -> int:
    """Write everything that a replay needs into one file."""
    with connect(server) as client:
        out.write_bytes(client.get(f"/v1/attestations/{attestation}/inputs"))
    say(f"{out}: judge it again with `lotabots attestation replay {out}`.")
    return Exit.OK


@command.command("replay")
@click.argument("attestation")
@output_option
@server_option
def replay_stored(attestation: str, output: str, server: str) -> int:
    """Judge again: ATTESTATION is an id (inputs come from the server) or an exported file.

    The judging needs no network. The same appraiser must give the same bytes: exit 0 when it does,
    1 when it does not, 3 when another appraiser made the stored verdict and the two differ.
    """
    stored = read_inputs(attestation, server)
    inputs = unpack_inputs(stored.manifest, stored.blobs)
    recorded = Verdict.read(stored.verdict)
    again = replay(stored.manifest, stored.blobs, this_appraiser())
    identical = again.canonical() == stored.verdict
    same_appraiser = again.appraiser == recorded.appraiser
    if output == "json":
        print_json(
            {
                "identical": identical,
                "same_appraiser": same_appraiser,
                "anchors": origin_of(inputs.anchors),
                "recorded": {"verdict": recorded.outcome, "digest": recorded.digest},
                "replayed": {"verdict": again.outcome, "digest": again.digest},
            }
        )
    else:
        print_table(
            ["", "verdict", "appraisal digest", "appraiser"],
            [
                (
                    name,
                    paint(one.outcome),
                    one.digest,
                    f"{one.appraiser.version} {one.appraiser.digest[:16]}",
                )
                for name, one in (("recorded", recorded), ("replayed", again))
            ],
        )
        click.echo(f"trust anchors: {origin_of(inputs.anchors)}")
        click.echo("identical bytes" if identical else "NOT identical")
    if identical:
        return Exit.OK
    return Exit.REJECTED if same_appraiser else Exit.INCONCLUSIVE


def read_inputs(attestation: str, server: str) -> StoredInputs:
    """The inputs, from an exported file or from the server."""
    try:
        wanted = UUID(attestation)
    except ValueError:
        data = read_file(Path(attestation))
    else:
        with connect(server) as client:
            data = client.get(f"/v1/attestations/{wanted}/inputs")
    try:
        return msgspec.json.decode(data, type=StoredInputs)
    except msgspec.DecodeError as error:
        raise invalid(
            "REPLAY_MALFORMED", "This is no export of an attestation's inputs."
        ) from error


def origin_of(anchors: Anchors) -> str:
    """Whose roots the stored inputs were judged under: a replay uses those, so it must say so."""
    others = [
        anchor
        for anchor in (*anchors.device, *anchors.rim, *anchors.tpm)
        if anchor not in (*NVIDIA_ANCHORS.device, *NVIDIA_ANCHORS.rim)
    ]
    if not others:
        return "NVIDIA's"
    if all(anchor.simulated for anchor in others):
        return "NVIDIA's and SIMULATED ones"
    return "NVIDIA's and OTHERS: " + ", ".join(sorted({anchor.name for anchor in others}))
