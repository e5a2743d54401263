"""Codes about revocations, the event stream and webhooks."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "REVOCATION_EXISTS",
        "conflict",
        "The same thing is revoked already.",
        "Look at the revocation that is in force: `lotabots revocation list`.",
    ),
    Code(
        "REVOCATION_NOT_FOUND",
        "not_found",
        "No revocation of this id is in force.",
        "List those that are: `lotabots revocation list`.",
    ),
    Code(
        "REVOCATION_OF_NODE",
        "conflict",
        "The revocation of a node is not lifted like that of a thing.",
        "Release a quarantined node; enrol a revoked one anew.",
    ),
    Code(
        "REVOCATIONS_TOO_MANY",
        "conflict",
        "The tenant has as many revocations in force as one appraisal can look at.",
        "Lift those that no device can have any more.",
    ),
    Code(
        "EVENT_POSITION_MALFORMED",
        "validation",
        "This is no position in the stream of events.",
        "Give the `position` of an event, or 0-0 for the oldest that is kept.",
    ),
    Code(
        "EVENT_POSITION_AHEAD",
        "conflict",
        "The position lies ahead of all events: it is of another database, or of before a restore.",
        "Read what there is (`lotabots events`), and go on from there.",
    ),
    Code(
        "EVENT_KIND_UNKNOWN",
        "validation",
        "There are no events of this kind.",
        "docs/events.md lists the kinds.",
    ),
    Code(
        "EVENT_STREAMS_LIMIT",
        "rate_limited",
        "Too many streams of events are open in this process, or of this tenant.",
        "Close those that nobody reads; share one among what runs in one place.",
    ),
    Code(
        "WEBHOOK_URL",
        "validation",
        "The URL is not one that events are delivered to.",
        "Give https://HOST/PATH, on port 443 or above 1023, without user and fragment.",
    ),
    Code(
        "WEBHOOK_ADDRESS_FORBIDDEN",
        "validation",
        "The webhook's host stands for an address that is not of the public Internet.",
        "Deliver to a public address; for what is inside, read the stream of events from there.",
    ),
    Code(
        "WEBHOOKS_TOO_MANY",
        "conflict",
        "The tenant has as many webhooks as it can have.",
        "Remove one that is of no use any more: `lotabots webhook remove WEBHOOK`.",
    ),
    Code(
        "WEBHOOK_NOT_FOUND",
        "not_found",
        "There is no such webhook, or it was removed.",
        "List them: `lotabots webhook list`.",
    ),
    Code(
        "WEBHOOK_DISABLED",
        "conflict",
        "Nothing is delivered to this webhook any more: it fell behind too far, or wants nothing.",
        "Mend the receiver, then add the webhook anew; read what it missed from the stream.",
    ),
    Code(
        "WEBHOOK_REMOVED",
        "conflict",
        "The webhook was removed before this was delivered.",
        "Nothing; the event is in the stream of events.",
    ),
    Code(
        "DELIVERY_NOT_FOUND",
        "not_found",
        "There is no such delivery, or it is not kept any more.",
        "List those of a webhook: `lotabots webhook deliveries WEBHOOK`.",
    ),
    Code(
        "WEBHOOK_HOST_UNKNOWN",
        "unavailable",
        "The name of the webhook's host could not be resolved.",
        "Look at the DNS of the host; the delivery is tried again.",
    ),
    Code(
        "WEBHOOK_UNREACHABLE",
        "unavailable",
        "No connection to the receiver could be made.",
        "See that the receiver listens and its firewall lets us in; the delivery is tried again.",
    ),
    Code(
        "WEBHOOK_TLS",
        "unavailable",
        "TLS with the receiver failed: its certificate is not valid for its name, most often.",
        "Renew the certificate, and serve its whole chain; the delivery is tried again.",
    ),
    Code(
        "WEBHOOK_ANSWER",
        "unavailable",
        "The receiver ended the connection, or what it answered is no HTTP.",
        "Look at the receiver's log; the delivery is tried again.",
    ),
    Code(
        "WEBHOOK_TIMEOUT",
        "unavailable",
        "The receiver did not answer within 10 seconds.",
        "Answer first and work afterwards; the delivery is tried again.",
    ),
    Code(
        "WEBHOOK_REFUSED",
        "unavailable",
        "The receiver answered with another status than 2xx; a redirect is none.",
        "Look at the receiver's log; the delivery is tried again, but for 410 Gone.",
    ),
    Code(
        "WEBHOOK_SECRET_MALFORMED",
        "validation",
        "This is not the secret of a webhook.",
        "Give the text that `lotabots webhook add` printed: it begins with whsec_.",
    ),
    Code(
        "WEBHOOK_HEADERS",
        "validation",
        "The headers of the delivery are missing or malformed.",
        "Keep webhook-id, webhook-timestamp and webhook-signature as they came.",
    ),
    Code(
        "WEBHOOK_SIGNATURE",
        "authentication",
        "Nobody who has this secret signed this delivery, as it is.",
        "Use the body's bytes as they came, and this webhook's secret; else do not trust it.",
    ),
    Code(
        "WEBHOOK_STALE",
        "authentication",
        "The delivery is genuine, and not of now.",
        "Set the clock right. For a delivery that was kept, say as of when: --at.",
    ),
)
