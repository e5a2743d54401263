"""Codes about a node's own TPM, where its agent cannot use it."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "TPM_TCTI",
        "validation",
        "The setting does not say how a TPM is reached.",
        "Use device:/dev/tpmrm0, or swtpm:host=...,port=... for a software TPM.",
    ),
    Code(
        "TPM_TOOLS_MISSING",
        "unavailable",
        "The TPM is asked through tpm2-tools, which are not installed.",
        "Install the package tpm2-tools, version 5 or later.",
    ),
    Code(
        "TPM_DEVICE_MISSING",
        "unavailable",
        "This machine has no TPM, or its firmware hides it.",
        "Switch the TPM on in the firmware (fTPM, PTT or security device), or enrol the node with "
        "a software identity.",
    ),
    Code(
        "TPM_DEVICE_DENIED",
        "unavailable",
        "The agent's user may not use the TPM.",
        "Add that user to the group of the device, which is tss on most systems, and start the "
        "agent again.",
    ),
    Code(
        "TPM_UNREACHABLE",
        "unavailable",
        "Nothing answers where the TPM should be.",
        "See whether another program holds the device; /dev/tpmrm0 can be shared, /dev/tpm0 not. "
        "A software TPM has to run before the agent.",
    ),
    Code(
        "TPM_TIMEOUT",
        "unavailable",
        "The TPM did not answer in time.",
        "Try again. If it stays so, start the machine again; a TPM that hangs needs its maker.",
    ),
    Code(
        "TPM_LOCKED",
        "unavailable",
        "The TPM refuses authorizations after too many wrong ones.",
        "Wait until its lockout is over, or end it with tpm2_dictionarylockout -c.",
    ),
    Code(
        "TPM_COMMAND_FAILED",
        "unavailable",
        "The TPM, or the tool that asks it, refused a command.",
        "The detail holds the tool's own words; tpm2_rc_decode explains its number.",
    ),
    Code(
        "TPM_KEY_MISSING",
        "conflict",
        "No attestation key of this machine is kept in the agent's folder.",
        "Enrol the node: joining makes the key.",
    ),
    Code(
        "TPM_KEY_LOST",
        "conflict",
        "The attestation key that is kept is not one of this machine's TPM.",
        "Find out whether the TPM was cleared or exchanged, or the folder is of another machine. "
        "If it was you, enrol the node again.",
    ),
    Code(
        "TPM_CREDENTIAL",
        "validation",
        "The server's credential was made for another TPM or another attestation key.",
        "Join again with a new token.",
    ),
    Code(
        "TPM_STATE",
        "unavailable",
        "The folder in which the TPM's keys are kept cannot be used.",
        "Let the agent's user own that folder, and see that its disk is not full.",
    ),
    Code(
        "TPM_BANK_ABSENT",
        "unavailable",
        "The TPM keeps no PCRs of SHA-256.",
        "Switch the SHA-256 bank on in the firmware, or with tpm2_pcrallocate, and start again.",
    ),
    Code(
        "TPM_BUSY",
        "unavailable",
        "The machine woke up from sleep during each of several quotes.",
        "Try again while the machine stays awake.",
    ),
    Code(
        "TPM_LOG_DENIED",
        "unavailable",
        "The agent's user may not read a log of the kernel, so it is not sent.",
        "Give the agent the capability CAP_DAC_READ_SEARCH, as its unit file does.",
    ),
    Code(
        "TPM_LOG_UNREADABLE",
        "unavailable",
        "A log of the kernel cannot be read, so it is not sent.",
        "The detail says why.",
    ),
    Code(
        "TPM_LOG_TOO_LARGE",
        "unavailable",
        "A log of the kernel is larger than evidence may be, so it is not sent.",
        "Measure fewer files (ima_policy), and attest soon after the start, so that later parts "
        "of the list follow one by one.",
    ),
)
