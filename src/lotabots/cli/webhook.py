"""`lotabots webhook`: have events delivered by HTTPS, and see what became of them."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_table, printable, say
from lotabots.cli.webhook_verify import verify


class Webhook(msgspec.Struct):
    """A webhook without its secret."""

    id: str
    url: str
    kinds: list[str]
    created_at: str
    disabled_at: str | None


class MadeWebhook(msgspec.Struct):
    """A new webhook with its secret."""

    webhook: Webhook
    secret: str


class Delivery(msgspec.Struct):
    """What is printed of a delivery."""

    id: str
    event: str
    kind: str
    state: str
    attempts: int
    next_at: str | None
    last_status: int | None
    last_error: str | None
    created_at: str


class DeliveryPage(msgspec.Struct):
    """One page of deliveries."""

    items: list[Delivery]
    next: str | None


@click.group("webhook")
def command() -> None:
    """Have events delivered to a receiver of yours, signed (Standard Webhooks)."""


command.add_command(verify)


@command.command("add")
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Only events of this kind; may be repeated.")
@output_option
@server_option
def add(url: str, kinds: tuple[str, ...], output: str, server: str) -> int:
    """Have events delivered to URL from now on, and print the secret of its signatures, this once.

    URL is https://HOST/PATH, of a host that everybody reaches.
    """
    with connect(server) as client:
        answer = client.post("/v1/webhooks", {"url": url, "kinds": list(kinds)})
    made = msgspec.json.decode(answer, type=MadeWebhook)
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    say(f"Webhook {made.webhook.id}. Its secret is not shown again; give it to the receiver:")
    click.echo(made.secret)
    return Exit.OK


@command.command("list")
@output_option
@server_option
def list_webhooks(output: str, server: str) -> int:
    """List the webhooks, oldest first."""
    with connect(server) as client:
        answer = client.get("/v1/webhooks")
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    rows = [
        (
            printable(one.url),
            ", ".join(one.kinds) or "all",
            "in use" if one.disabled_at is None else f"disabled {one.disabled_at}",
            one.id,
        )
        for one in msgspec.json.decode(answer, type=list[Webhook])
    ]
    print_table(("url", "kinds", "state", "id"), rows)
    return Exit.OK


@command.command("remove")
@click.argument("webhook")
@server_option
def remove(webhook: str, server: str) -> int:
    """Remove the WEBHOOK of this id; what waits for it is given up."""
    with connect(server) as client:
        client.delete(f"/v1/webhooks/{webhook}")
    say("The webhook was removed.")
    return Exit.OK


@command.command("test")
@click.argument("webhook")
@output_option
@server_option
def test(webhook: str, output: str, server: str) -> int:
    """Have an event delivered to WEBHOOK that says nothing, and print the delivery's id."""
    with connect(server) as client:
        answer = client.post(f"/v1/webhooks/{webhook}/test", None)
    return _queued(answer, output, webhook)


@command.command("replay")
@click.argument("delivery")
@output_option
@server_option
def replay(delivery: str, output: str, server: str) -> int:
    """Deliver the same as DELIVERY once more, under the same webhook-id."""
    with connect(server) as client:
        answer = client.post(f"/v1/deliveries/{delivery}/replay", None)
    return _queued(answer, output, "WEBHOOK")


def _queued(answer: bytes, output: str, webhook: str) -> int:
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    say(f"It is on its way. What became of it: lotabots webhook deliveries {webhook}")
    click.echo(msgspec.json.decode(answer, type=Delivery).id)
    return Exit.OK


@command.command("deliveries")
@click.argument("webhook")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--after", help="The cursor that the page before ended with.")
@output_option
@server_option
def deliveries(webhook: str, limit: int, after: str | None, output: str, server: str) -> int:
    """List what was delivered to WEBHOOK, what waits, and what was given up; newest first."""
    with connect(server) as client:
        answer = client.get(f"/v1/webhooks/{webhook}/deliveries", limit=limit, after=after)
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    page = msgspec.json.decode(answer, type=DeliveryPage)
    print_table(
        ("created", "kind", "state", "attempts", "answer", "next", "id"), map(_row, page.items)
    )
    if page.next:
        say(f"More: --after {page.next}")
    return Exit.OK


def _row(one: Delivery) -> tuple[str, ...]:
    answer = "" if one.last_status is None else str(one.last_status)
    return (
        one.created_at,
        one.kind,
        one.state,
        str(one.attempts),
        " ".join(part for part in (answer, one.last_error or "") if part),
        one.next_at or "",
        one.id,
    )
