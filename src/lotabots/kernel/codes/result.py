"""Codes about attestation results and admission."""

from lotabots.kernel.codes.code import Code

TOKENS = (
    Code(
        "RESULT_PROFILE",
        "validation",
        "A result is in a profile of EAR that this version does not know.",
        "Ask the verifier for one of the three profiles that docs/attesting.md lists.",
    ),
    Code(
        "RESULT_MALFORMED",
        "validation",
        "A result is genuinely signed, but its claims are not those of its profile.",
        "Compare the versions of the verifier and of this reader; the message names the claim.",
    ),
    Code(
        "RESULT_INCONSISTENT",
        "validation",
        "A result says one thing in EAR's claims and another in ours.",
        "Do not act on it; report it to whoever runs the verifier.",
    ),
    Code(
        "RESULT_FOREIGN",
        "validation",
        "A result was issued by another verifier, or for another audience.",
        "Ask your own verifier for a result with your audience.",
    ),
    Code(
        "RESULT_EARLY",
        "validation",
        "A result was issued more than 5 seconds after now.",
        "Compare the clocks of the verifier and of this machine (NTP).",
    ),
    Code(
        "RESULT_EXPIRED",
        "validation",
        "A result has expired; results live 10 minutes at most.",
        "Attest the node again.",
    ),
    Code(
        "RESULT_UNISSUABLE",
        "internal",
        "A result was to be issued that its reader would refuse.",
        "This is a fault of ours; please report it with the request id.",
    ),
    Code(
        "STATUS_MALFORMED",
        "validation",
        "A status list is genuinely signed, but its content cannot be used.",
        "Fetch it again; if it stays so, report it to whoever runs the verifier.",
    ),
    Code(
        "STATUS_UNISSUABLE",
        "internal",
        "A status list was to be issued that its reader would refuse.",
        "This is a fault of ours; please report it with the request id.",
    ),
    Code(
        "RESULT_RECEIPT_MISSING",
        "validation",
        "The result carries no receipt of the audit log.",
        "Get it again with `receipt=1` once its entry is published, a second or so later.",
    ),
    Code(
        "RESULT_RECEIPT_FOREIGN",
        "validation",
        "The receipt in the result proves another entry than this appraisal's.",
        "Refuse the result, and tell whoever runs the verifier: it signed a receipt of another.",
    ),
)

ADMISSION = (
    Code(
        "ADMIT_ISSUER",
        "authorization",
        "The result is not from the verifier that this relying party trusts.",
        "Attest the node at that verifier.",
    ),
    Code(
        "ADMIT_AUDIENCE",
        "authorization",
        "The result is for another relying party.",
        "Ask for a result with this audience.",
    ),
    Code(
        "ADMIT_SUBJECT",
        "authorization",
        "The result is about another node.",
        "Present the result of the node itself.",
    ),
    Code(
        "ADMIT_UNBOUND",
        "authorization",
        "The result is bound to no session key, so whoever copies it could present it.",
        "Give the session key when the node attests.",
    ),
    Code(
        "ADMIT_EARLY",
        "authorization",
        "The result was issued more than 5 seconds after now.",
        "Compare the clocks of the verifier and of this machine (NTP).",
    ),
    Code(
        "ADMIT_EXPIRED",
        "authorization",
        "The result has expired; there is no grace.",
        "Attest the node again.",
    ),
    Code(
        "ADMIT_VERDICT",
        "authorization",
        "The verdict is rejected or inconclusive, whatever any tier says.",
        "Mend the findings that the message names; `lotabots explain CODE` says how.",
    ),
    Code(
        "ADMIT_POLICY",
        "authorization",
        "The verdict was made under a policy that does not count here.",
        "Attest the node under a policy that this relying party lists.",
    ),
    Code(
        "ADMIT_SIMULATED",
        "authorization",
        "The hardware is simulated.",
        "Use real hardware, or allow simulated hardware by name where nothing real depends on it.",
    ),
    Code(
        "ADMIT_DEVICES",
        "authorization",
        "The result has fewer accepted devices of a kind, known strongly enough, than are needed.",
        "Attest every device of the node, or ask for fewer.",
    ),
    Code(
        "ADMIT_UNLOGGED",
        "authorization",
        "The policy or the relying party requires a receipt, and there is none that holds.",
        "Get the result again with `receipt=1`, and give the log's keys to whoever admits it.",
    ),
    Code(
        "ADMIT_STATUS_MISSING",
        "authorization",
        "The result names no status list, or none was at hand; without one nothing is admitted.",
        "Fetch the status list that the result names.",
    ),
    Code(
        "ADMIT_STATUS_FOREIGN",
        "authorization",
        "The status list is not the one that the result names.",
        "Fetch the status list that the result names.",
    ),
    Code(
        "ADMIT_STATUS_STALE",
        "authorization",
        "The status list is older than 5 seconds, expired, or from the future.",
        "Fetch it again; if it stays so, compare the clocks (NTP).",
    ),
    Code(
        "ADMIT_STATUS_RANGE",
        "authorization",
        "The status list has no entry for this result.",
        "Fetch the status list again; if it stays so, report it to whoever runs the verifier.",
    ),
    Code(
        "ADMIT_REVOKED",
        "authorization",
        "The verifier has withdrawn this result since it was issued.",
        "Find out what changed on the node, then attest it again.",
    ),
)

CODES: tuple[Code, ...] = (*TOKENS, *ADMISSION)
