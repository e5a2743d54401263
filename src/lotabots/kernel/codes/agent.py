"""Codes about the agent on a node."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "AGENT_ADDRESS",
        "validation",
        "What should be the server's address is no plain http or https URL.",
        "Give it as https://host or https://host:port, or take what `lotabots node enroll` prints.",
    ),
    Code(
        "AGENT_JOIN_TEXT",
        "validation",
        "What an agent should join with is not TOKEN@SERVER.",
        "Copy the whole line that `lotabots node enroll` prints.",
    ),
    Code(
        "AGENT_SERVER_UNTRUSTED",
        "authentication",
        "Whoever answered is not proven to be the server that the enrolment token names: its CA has"
        " another key, or the CA does not vouch for its certificate, name or time.",
        "Compare the clocks first. If somebody stands between node and server, stop. If the"
        " operator has changed the CA, set `attestation.ca_file` and join again with a new token.",
    ),
    Code(
        "AGENT_ENROLLED",
        "conflict",
        "This machine has joined a server already.",
        "Run `lotabots agent run`; or `lotabots agent leave` first, to join anew.",
    ),
    Code(
        "AGENT_NOT_ENROLLED",
        "conflict",
        "There is no enrolled node in the agent's state folder, or its joining was not finished.",
        "Run `lotabots agent join TOKEN@SERVER` as the same user and with the same --state.",
    ),
    Code(
        "AGENT_RUNNING",
        "conflict",
        "Another process works with the agent's state folder.",
        "Stop it first (`systemctl stop lotabots-agent`), or let it do its work.",
    ),
    Code(
        "AGENT_STATE",
        "unavailable",
        "The agent's state folder, or what lies in it, cannot be read or written.",
        "Let it belong to the user that the agent runs as, or name another one with --state; if a"
        " file is damaged, `lotabots agent leave` and join again.",
    ),
    Code(
        "AGENT_DEVICE_STUCK",
        "unavailable",
        "A driver does not return from a call; the evidence of its devices is missing.",
        "Look at the GPUs with `nvidia-smi` and at the kernel's log; most often the node has to be"
        " restarted.",
    ),
    Code(
        "AGENT_CHALLENGE_FOREIGN",
        "validation",
        "The server sent a challenge for another node or in another name; nothing was signed.",
        "Look whether `attestation.server` was changed; the agent learns it when it renews.",
    ),
    Code(
        "AGENT_FAILED",
        "internal",
        "The agent met an error that it does not know; it goes on.",
        "Look at its log, which has the whole trace, and report it.",
    ),
    Code(
        "AGENT_SIMULATION",
        "validation",
        "There is no such simulated machine, or it cannot have the fault that was asked for.",
        "See `lotabots agent join --help`; a fault is written like gpu_swapped@gpu1.",
    ),
)
