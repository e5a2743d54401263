"""Codes about policies and appraisal."""

from lotabots.kernel.codes.code import Code

_ERRORS = (
    Code(
        "POLICY_MALFORMED",
        "validation",
        "The policy is not YAML or JSON of the form that policies have.",
        "Read the line that the message names. Quote texts that YAML could read as numbers, dates "
        "or truth values; use no anchors, aliases, tags or duplicate keys.",
    ),
    Code(
        "POLICY_TOO_LARGE",
        "validation",
        "The policy is larger than 64 KiB, or its proof would take too long.",
        "Split it: fewer rules, fewer claims and values in each rule.",
    ),
    Code(
        "POLICY_CONDITION_REFUSED",
        "validation",
        "A rule's condition is outside the part of CEL that conditions may use, or over a limit.",
        "Name claims as in gpu.rim.driver.status, compare them with fixed values, and join with "
        "&& and ||. Comprehensions do not nest.",
    ),
    Code(
        "POLICY_RULE_MISSING",
        "validation",
        "The policy requires a kind of evidence and has no rule about it.",
        "Add a rule for that kind, or do not require it.",
    ),
    Code(
        "POLICY_FAILS_OPEN",
        "validation",
        "A rule passes although a claim that it names is missing.",
        "Write the rule so that it needs each claim it names: no ||, !has() or ?: that passes "
        "without one of them, no `all` over a list that may be empty.",
    ),
    Code(
        "POLICY_REJECTS_GOOD",
        "validation",
        "The policy does not accept its own good fixture, so no node could ever be accepted.",
        "Correct the rule, or state under `good:` the claims of a node that should be accepted.",
    ),
    Code(
        "POLICY_UNKNOWN",
        "not_found",
        "There is no built-in policy of this name.",
        "Use default, strict, host, demo or demo-host, or give a policy file.",
    ),
    Code(
        "REPLAY_MALFORMED",
        "validation",
        "The manifest of stored inputs is not one that this version can read.",
        "Download the inputs of the attestation again.",
    ),
    Code(
        "REPLAY_BLOB_MISSING",
        "validation",
        "A stored input that the manifest names is not there.",
        "Download the inputs of the attestation again, all of them.",
    ),
    Code(
        "REPLAY_BLOB_CHANGED",
        "validation",
        "A stored input does not have the digest that the manifest names: it was changed.",
        "Do not trust this copy. Compare with another copy and with the audit log.",
    ),
)

_FINDINGS = (
    Code(
        "POLICY-RULE-FAILED",
        "misconfigured",
        "Verified claims do not satisfy a rule of the policy.",
        "Do what the finding's fix says; `lotabots policy show` explains the rule.",
    ),
    Code(
        "POLICY-NOT-SATISFIED",
        "collateral",
        "A rule about reference values or collateral is not satisfied: nothing can be judged yet.",
        "Supply current reference values and collateral, then attest again.",
    ),
    Code(
        "POLICY-CLAIM-MISSING",
        "collateral",
        "A rule needs a claim that could not be verified, so it could not be judged.",
        "Read the other findings of this device first: one of them says why the claim is missing.",
    ),
    Code(
        "POLICY-WARNING",
        "misconfigured",
        "A rule is not satisfied, and a named owner has accepted that until a date.",
        "Fix it before the date that the finding names.",
    ),
    Code(
        "POLICY-ACCEPTANCE-EXPIRED",
        "misconfigured",
        "A rule is not satisfied, and the date until which that was accepted has passed.",
        "Fix the cause, or let the owner accept it again in a new policy.",
    ),
    Code(
        "POLICY-NO-RULE",
        "collateral",
        "The policy has no rule about this kind of device, so it could not be judged.",
        "Add rules for this kind to the policy.",
    ),
    Code(
        "POLICY-EVIDENCE-REQUIRED",
        "collateral",
        "The policy requires evidence that the node did not send.",
        "Send evidence of every device that the policy requires.",
    ),
    Code(
        "POLICY-SIMULATED",
        "misconfigured",
        "The device is a simulator's, and the policy does not allow simulated hardware.",
        "Use real hardware; for a demonstration use the policy `demo`.",
    ),
    Code(
        "NODE-DEVICE-MISSING",
        "collateral",
        "A device of the node's declared inventory sent no evidence.",
        "Check that the device is up and visible to the agent, or correct the inventory.",
    ),
    Code(
        "NODE-DEVICE-UNDECLARED",
        "misconfigured",
        "Evidence came for a device that the node's declared inventory does not have.",
        "Declare the device in the node's inventory, then ask for a new challenge.",
    ),
    Code(
        "NODE-DEVICE-UNPROVEN",
        "collateral",
        "Which device answered in this place could not be proven.",
        "Read the other findings of this device first: one of them says why its id is missing.",
    ),
    Code(
        "NODE-DEVICE-SWAPPED",
        "malicious",
        "The device that signed is not the one that the inventory has in this place.",
        "Find out who exchanged the device. If it was you, update the node's inventory.",
    ),
    Code(
        "NODE-SUBJECT-REPEATED",
        "malicious",
        "Two pieces of evidence were sent under one name.",
        "Send each device's evidence once.",
    ),
    Code(
        "NODE-SCHEME-UNKNOWN",
        "unsupported",
        "The evidence is of a kind that this version cannot read.",
        "Upgrade LotaBots, or leave this evidence out.",
    ),
    Code(
        "NODE-CLOCK-BACKWARDS",
        "collateral",
        "The time of this appraisal lies before the node's previous verdict.",
        "Set the server's clock right, then attest again.",
    ),
    Code(
        "NODE-FULL-DUE",
        "collateral",
        "A light attestation has no accepted, recent full one under this policy to stand on.",
        "Make a full attestation; the agent does so by itself.",
    ),
    Code(
        "NODE-REBOOTED",
        "collateral",
        "The node was started again since its last full attestation.",
        "Make a full attestation; the agent does so by itself. If nobody restarted the node, find "
        "out why it did.",
    ),
    Code(
        "NODE-LAYOUT-CHANGED",
        "collateral",
        "Driver, firmware, GPUs or their partition are not those of the last full attestation.",
        "Make a full attestation; the agent does so by itself. If nobody changed the node, find "
        "out who did.",
    ),
    Code(
        "NODE-BINDING-WEAK",
        "warning",
        "Nothing stronger than the host's own quote says that the GPUs are in this host.",
        "Nothing mends it on today's hardware. To put up with it by name, add a rule with tier 32: "
        '`node.bindings.gpu_host == "strong"`, with owner, date and reason.',
    ),
    Code(
        "NODE-IDENTITY-SOFTWARE",
        "warning",
        "The node's own key rests on no TPM: whoever copied it can speak for the node.",
        "Enrol the node with its TPM. To put up with it by name, add a rule with tier 32: "
        '`node.identity == "tpm"`, with owner, date and reason.',
    ),
    Code(
        "NODE-ROOT-UNASKED",
        "collateral",
        "The node enrolled a TPM, and the challenge was made without it.",
        "Put the TPM back into the node's inventory, then ask for a new challenge.",
    ),
    Code(
        "NODE-REVOKED",
        "misconfigured",
        "An operator revoked this node.",
        "Enrol the machine anew if it shall come back: a revoked node stays revoked.",
    ),
    Code(
        "NODE-QUARANTINED",
        "misconfigured",
        "An operator holds this node in quarantine.",
        "Find out why, mend it, and release it: `lotabots node release NODE`.",
    ),
    Code(
        "DEVICE-REVOKED",
        "misconfigured",
        "An operator revoked this device.",
        "Take the device out of the node, or lift the revocation: `lotabots revocation list`.",
    ),
    Code(
        "REFERENCE-REVOKED",
        "misconfigured",
        "The device runs what a revoked reference file describes.",
        "Install another release of the firmware or driver, and import its reference values.",
    ),
    Code(
        "KEY-REVOKED",
        "misconfigured",
        "A key that vouches for the device is revoked.",
        "Replace the device, or lift the revocation if it was a mistake.",
    ),
    Code(
        "DRIVER-REVOKED",
        "misconfigured",
        "The driver version is revoked.",
        "Install another driver version on the node and attest it again.",
    ),
)

CODES: tuple[Code, ...] = _ERRORS + _FINDINGS
