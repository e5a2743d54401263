"""Codes of trust in models: policies, verdicts, controls; a finding's kind is its severity."""

from lotabots.kernel.codes.code import Code

_ERRORS = (
    Code(
        "MODEL_POLICY_MALFORMED",
        "validation",
        "The model trust policy is not YAML or JSON of the form that such policies have.",
        "Compare it with docs/policies.md; the detail names the line, the rule or the field.",
    ),
    Code(
        "MODEL_POLICY_TOO_LARGE",
        "validation",
        "The model trust policy is larger than 64 KiB.",
        "Use patterns instead of one rule for each model.",
    ),
    Code(
        "MODEL_POLICY_FAILS_OPEN",
        "validation",
        "A rule of the model trust policy would trust what nobody vouches for.",
        "Do what the detail says, or state `mode: off` for models that are not to be judged.",
    ),
    Code(
        "MODEL_NAME_MALFORMED",
        "validation",
        "This is no name of a model: organisation and name, joined by one `/`.",
        "Use letters, digits, `.`, `_` and `-`, beginning with a letter or digit: `acme/llama-8b`.",
    ),
    Code(
        "CATALOGUE_MALFORMED",
        "validation",
        "The catalogue of controls is not YAML or JSON of the form that catalogues have.",
        "Compare it with docs/compliance.md; the detail names the line, the control or the field.",
    ),
    Code(
        "CATALOGUE_TOO_LARGE",
        "validation",
        "The catalogue of controls is larger than 64 KiB.",
        "Split it into several packs.",
    ),
    Code(
        "CATALOGUE_PACK_UNKNOWN",
        "not_found",
        "There is no built-in pack of controls of this name.",
        "The detail lists the built-in packs; a file of your own is given by its path.",
    ),
    Code(
        "WAIVERS_MALFORMED",
        "validation",
        "The list of waivers is not YAML or JSON of the form that such lists have.",
        "Compare it with docs/compliance.md: control, model, by, until, reason.",
    ),
    Code(
        "WAIVERS_TOO_LARGE",
        "validation",
        "The list of waivers is larger than 64 KiB.",
        "Leave out waivers that have expired.",
    ),
)

_RULES = (
    Code(
        "MODEL-NO-RULE",
        "reject",
        "No rule of the policy matches this model, and what no rule allows is refused.",
        "Add a rule for this model, or check the name under which it is judged.",
    ),
    Code(
        "MODEL-RULE-TIE",
        "reject",
        "Two equally specific rules match this model, so none of them decides.",
        "Make one of the patterns more specific, or remove it.",
    ),
    Code(
        "MODEL-RULE-EXPIRED",
        "reject",
        "The rule that matches this model has expired.",
        "Let the policy's owner look at the rule again and set a later `expires`.",
    ),
    Code(
        "MODEL-NOT-JUDGED",
        "inconclusive",
        "The rule's mode is `off`: nothing about this model was judged.",
        "Set the mode to `warn` or `enforce`.",
    ),
)

_SIGNATURES = (
    Code(
        "MODEL-UNSIGNED",
        "reject",
        "No signature over this model was verified.",
        "Have it signed with `lotabots model sign`, and give the bundle.",
    ),
    Code(
        "MODEL-SIGNERS-TOO-FEW",
        "reject",
        "Fewer allowed signers have signed this model than the rule wants.",
        "Get the missing signatures; one person or key counts once, however often it signed.",
    ),
    Code(
        "MODEL-SIGNER-NOT-ALLOWED",
        "warning",
        "A signature is valid, and its signer is not among those that the rule allows.",
        "It counts for nothing. Add the signer to the rule only if you trust it with this model.",
    ),
    Code(
        "MODEL-SIGNER-EXPIRED",
        "reject",
        "An allowed signer has signed, whom the policy trusts only until a date that has passed.",
        "Have the model signed by a signer that is still trusted, or renew the trust.",
    ),
    Code(
        "MODEL-STATEMENT-EXPIRED",
        "reject",
        "The signed statement itself says that it is no longer valid.",
        "Get a newer statement from the signer.",
    ),
    Code(
        "MODEL-SIGNATURE-TOO-OLD",
        "reject",
        "The signature is older than the rule's `max_age`.",
        "Have the model signed again.",
    ),
    Code(
        "MODEL-SIGNATURE-UNDATED",
        "inconclusive",
        "The rule limits the age of signatures, and nothing signed says when this one was made.",
        "Sign with `lotabots model sign`, which states the time, or with a transparency log.",
    ),
    Code(
        "MODEL-NAME-DIFFERS",
        "reject",
        "The signed statement is about a model of another name.",
        "Judge the model under its own name: under another one it is the wrong model.",
    ),
    Code(
        "MODEL-NAME-UNSIGNED",
        "warning",
        "No signed statement names the model in full: its signers never said which one it is.",
        "Sign with `lotabots model sign`, and give organisation and name.",
    ),
)

_VERSIONS = (
    Code(
        "MODEL-VERSION-ROLLBACK",
        "reject",
        "The version is older than the one that was accepted before.",
        "Deploy the newer version; to go back, sign the older files as a new version.",
    ),
    Code(
        "MODEL-VERSION-REUSED",
        "reject",
        "The version was accepted before, for other files.",
        "Give the changed model a version of its own and have it signed.",
    ),
    Code(
        "MODEL-VERSION-TOO-OLD",
        "reject",
        "The version is older than the rule's `min_version`.",
        "Deploy a newer version.",
    ),
    Code(
        "MODEL-VERSION-UNORDERED",
        "inconclusive",
        "The version is not numbers joined by dots, so nobody can say which of two is newer.",
        "Use versions such as 1.4.0.",
    ),
    Code(
        "MODEL-VERSION-UNSIGNED",
        "inconclusive",
        "The rule has a `min_version`, and no signed statement says which version this is.",
        "Sign with `lotabots model sign`, and give the version.",
    ),
    Code(
        "MODEL-VERSION-DIFFERS",
        "reject",
        "The signed statement is about another version of the model.",
        "Judge the model under the version that its signers gave it.",
    ),
)

_CONTENTS = (
    Code(
        "MODEL-NOT-SCANNED",
        "inconclusive",
        "The model's files were not scanned.",
        "Scan them with `lotabots model scan`, and judge again.",
    ),
    Code(
        "MODEL-FILE-NOT-SCANNED",
        "inconclusive",
        "A signed file is not in the scan, or had another size there.",
        "Scan and verify the same folder, with nothing that writes to it meanwhile.",
    ),
    Code(
        "MODEL-FORMAT-REFUSED",
        "reject",
        "A file is of a format that the rule does not list.",
        "Convert it, for weights to safetensors, or add the format to the rule.",
    ),
    Code(
        "MODEL-HASH-REFUSED",
        "reject",
        "The model was signed with a digest algorithm that the rule does not list.",
        "Sign it again with an algorithm of the list.",
    ),
    Code(
        "MODEL-STRONG-MISSING",
        "reject",
        "The rule wants the statement that binds names and sizes, by as many signers as the model.",
        "Have every signer sign it: `lotabots model sign` writes it beside the OpenSSF bundle.",
    ),
    Code(
        "MODEL-TENSOR-ROOT-MISSING",
        "reject",
        "The rule wants every tensor bound by name, and nothing signed does that.",
        "Sign with `lotabots model sign`, with tensors.",
    ),
    Code(
        "MODEL-IGNORED-REFUSED",
        "reject",
        "The signature leaves out a path that the rule does not allow to be left out.",
        "Sign the model with all of its files, or add the path to `allow_ignore`.",
    ),
    Code(
        "MODEL-SCAN-LENIENT",
        "reject",
        "The scan was told to let something pass that the rule does not allow.",
        "Scan by the policy, or add what the finding names to the rule.",
    ),
    Code(
        "MODEL-DIGEST-CACHED",
        "warning",
        "A file's digest was remembered from an earlier reading, not computed now.",
        "Verify without the cache where that matters.",
    ),
)

_CONTROLS = (
    Code(
        "CONTROL-FAILED",
        "reject",
        "A control that the rule asks for has failed.",
        "The control says what is missing; `lotabots model comply` shows it.",
    ),
    Code(
        "CONTROL-UNKNOWN",
        "inconclusive",
        "A control that the rule asks for could not be judged, and unknown is never a pass.",
        "Supply the evidence that the control names.",
    ),
    Code(
        "CONTROL-NOT-EVALUATED",
        "inconclusive",
        "The rule asks for a pack of controls that was not evaluated.",
        "Evaluate the pack, and judge again.",
    ),
    Code(
        "CONTROL-WAIVED",
        "warning",
        "A control has failed or is unknown, and somebody has waived it until a date.",
        "Mend it before the date that the finding names.",
    ),
)

CODES: tuple[Code, ...] = (
    *_ERRORS,
    *_RULES,
    *_SIGNATURES,
    *_VERSIONS,
    *_CONTENTS,
    *_CONTROLS,
)
