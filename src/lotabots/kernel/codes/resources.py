"""Codes about what hosts say of themselves: statements, and reports of their resources."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "HOST_STATEMENT",
        "validation",
        "A statement of a host about itself has another form than statements have.",
        "Let the agent write it; the details name the first member that does not fit.",
    ),
    Code(
        "HOST-CONTRADICTION",
        "misconfigured",
        "The host says something else of its GPUs than they have signed.",
        "Find out which is wrong: evidence that another machine gave, a driver that was exchanged "
        "while it ran, or software that lies. Restart the agent after an update of the driver.",
    ),
    Code(
        "GPU_LIBRARY",
        "unavailable",
        "NVIDIA's driver library (NVML) is not here, or does not work.",
        "Install the driver, or restart the agent after the driver was updated; `nvidia-smi` must "
        "work for the agent's user.",
    ),
    Code(
        "GPU_CC_OFF",
        "conflict",
        "Confidential computing is off, so the GPU signs no report about itself.",
        "Turn confidential computing (or protected PCIe) on with NVIDIA's tools and reset the GPU. "
        "Until then the GPU can only be claimed.",
    ),
    Code(
        "GPU_NO_EVIDENCE",
        "unavailable",
        "A GPU gave no certificates or no report; the details have NVML's reason.",
        "Look at the GPU with `nvidia-smi`; a lost GPU needs a reset or a restart of its node.",
    ),
    Code(
        "GPU_NOT_HERE",
        "not_found",
        "The challenge asks for a GPU that this machine does not have.",
        "If a GPU was exchanged or moved, an operator has to change the node's inventory.",
    ),
    Code(
        "SAMPLE_FUTURE",
        "validation",
        "A report of resources is dated more than a minute ahead of the server.",
        "Set the node's clock right (NTP), and drop the report.",
    ),
    Code(
        "SAMPLE_TOO_OLD",
        "validation",
        "A report of resources is older than reports are kept.",
        "Drop the report; `attestation.sample_days` says how long they are kept.",
    ),
    Code(
        "SAMPLES_DISORDERED",
        "validation",
        "Reports of resources are not in their order, or two are of the same moment.",
        "Send the oldest report first, and each once.",
    ),
    Code(
        "SAMPLES_RANGE",
        "validation",
        "A series of reports ends before it starts, or would have more than 300 steps.",
        "Ask for a later end, a shorter time, or a longer step.",
    ),
)
