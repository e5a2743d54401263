"""Codes about scanning a model repository; in place of a kind, the `Severity` of the finding."""

from lotabots.kernel.codes.code import Code

_REJECT, _INCONCLUSIVE, _WARNING = "reject", "inconclusive", "warning"
_PIN = "Remove the file, or read it and pin its digest with `--pin-code`."
_SOURCE = "Get the file again from its source and compare its digest with the published one."

_FILES = (
    Code(
        "SCAN-UNKNOWN",
        _INCONCLUSIVE,
        "A file is neither in a format that is read here nor plain text: what it does is unknown.",
        "Remove it from the model, or convert it to safetensors, GGUF, ONNX or text.",
    ),
    Code(
        "SCAN-DISGUISED",
        _REJECT,
        "A file's name promises another format than its content has; loaders disagree about it.",
        "Do not load the model; ask its publisher why the file is named so.",
    ),
    Code(
        "SCAN-FORMAT",
        _REJECT,
        "A file has a format that the options of this scan do not allow.",
        "Convert the file to an allowed format, or allow this one if you need it.",
    ),
    Code(
        "SCAN-PICKLE",
        _REJECT,
        "A file is a pickle or holds one: loading it runs a program that its author wrote.",
        "Use the safetensors variant, or say `--allow-pickle`: then what it imports counts.",
    ),
    Code(
        "SCAN-EXECUTABLE",
        _REJECT,
        "A file is byte code of Python, Dalvik, LLVM or CUDA.",
        "Remove it: no model needs a compiled program beside its weights.",
    ),
    Code(
        "SCAN-POINTER",
        _INCONCLUSIVE,
        "A file is a pointer of Git LFS, not the content that it stands for.",
        "Fetch the content, for instance with `git lfs pull`, and scan again.",
    ),
    Code(
        "SCAN-LINK",
        _INCONCLUSIVE,
        "A name is a symbolic link, which is not followed: its content was not scanned.",
        "Replace the link with a copy of what it points to, and scan again.",
    ),
    Code(
        "SCAN-SPECIAL",
        _REJECT,
        "A name is a pipe, a socket or a device, which no model has.",
        "Remove it, and ask how it got there.",
    ),
    Code(
        "SCAN-UNREADABLE",
        _INCONCLUSIVE,
        "A file could not be read to the place where its own header points.",
        _SOURCE,
    ),
    Code(
        "SCAN-TOO-LARGE",
        _INCONCLUSIVE,
        "A file of text, or all of them together, or the list of files, is larger than is scanned.",
        "Remove what the model does not need, and scan again.",
    ),
    Code(
        "SCAN-EMPTY",
        _INCONCLUSIVE,
        "There is no file to scan.",
        "Name the folder that holds the model's files.",
    ),
    Code(
        "EXTERNAL-DATA",
        _REJECT,
        "The bytes of a tensor are not where the ONNX file says: no such file, or it is too short.",
        _SOURCE,
    ),
    Code(
        "CODE-FILE",
        _REJECT,
        "A file is a program as text: a loader that trusts remote code imports it.",
        _PIN,
    ),
    Code(
        "CODE-PINNED",
        _WARNING,
        "A file is a program as text, and its digest is one that you pinned.",
        "Nothing, as long as you still trust exactly this file.",
    ),
    Code(
        "SECRET-FOUND",
        _REJECT,
        "A text holds a credential: a private key, or a token in the form of a known issuer.",
        "Revoke the credential at its issuer, then remove it from the model and its history.",
    ),
    Code(
        "SECRET-LIKELY",
        _WARNING,
        "A text gives a long random value to a name such as password, token or secret.",
        "Look at the line; revoke and remove the value if it opens anything.",
    ),
)

_CONFIGS = (
    Code(
        "CONFIG-MALFORMED",
        _INCONCLUSIVE,
        "A configuration is not strict JSON or YAML, is nested too deep, or has another shape.",
        _SOURCE,
    ),
    Code(
        "CONFIG-AMBIGUOUS",
        _REJECT,
        "A configuration has the same key twice: two readers see two configurations.",
        "Do not load the model; ask its publisher for a file with one reading.",
    ),
    Code(
        "CONFIG-DRIFT",
        _REJECT,
        "A file that was approved by its digest is another one now, or is missing.",
        "Compare it with the approved file; approve the new digest if the change is wanted.",
    ),
    Code(
        "REMOTE-CODE",
        _REJECT,
        "A configuration names a class that is loaded from Python files of the model.",
        "Use a model that a released library implements, or pin every such file.",
    ),
    Code(
        "REMOTE-CODE-FOREIGN",
        _REJECT,
        "A configuration names code in another repository, which can change at any time.",
        "Do not load the model: the code is not part of what was scanned or signed.",
    ),
    Code(
        "REMOTE-CODE-TRUST",
        _REJECT,
        "A configuration itself asks to be trusted with code (`trust_remote_code`).",
        "Remove the key: whether code is trusted is for who loads the model to say.",
    ),
    Code(
        "CONFIG-TAG",
        _REJECT,
        "A YAML or JSON file names an object for its reader to make: loading it can run code.",
        "Use a version of the model whose configuration is plain values.",
    ),
)

_TEMPLATES = (
    Code(
        "TEMPLATE-UNREADABLE",
        _INCONCLUSIVE,
        "A chat template uses what the reader of templates here does not know.",
        "Read the template yourself, and approve its digest with `--approve-template`.",
    ),
    Code(
        "TEMPLATE-ESCAPE",
        _REJECT,
        "A chat template reaches for what no template needs: Python's internals, files, calls.",
        "Do not load the model: rendering its template can run code. No approval lifts this.",
    ),
    Code(
        "TEMPLATE-CONDITIONAL",
        _REJECT,
        "A chat template adds words of its own when a message says something, or at some time.",
        "Read the branch; approve the template's digest with `--approve-template` if it is wanted.",
    ),
    Code(
        "TEMPLATE-INSTRUCTION",
        _INCONCLUSIVE,
        "A chat template adds sentences of its own, always or under some condition.",
        "Read them; approve the template's digest with `--approve-template` if they are wanted.",
    ),
    Code(
        "TEMPLATE-DIFFERS",
        _REJECT,
        "The chat templates in two files of the model differ: two servers prompt it differently.",
        "Ask the publisher which one is right; approve both digests if both are wanted.",
    ),
)

_VOCABULARIES = (
    Code(
        "TOKENIZER-COLLISION",
        _REJECT,
        "Two tokens have one id, or one token has two: text is not what the model reads.",
        _SOURCE,
    ),
    Code(
        "TOKENIZER-DRIFT",
        _REJECT,
        "The vocabulary is none of the approved ones: tokens were added, removed or swapped.",
        "Compare it with the approved tokenizer; approve the new digest if the change is wanted.",
    ),
    Code(
        "TOKENIZER-ROWS",
        _REJECT,
        "The vocabulary does not fit the rows of the embedding, or the size that is configured.",
        "Use the tokenizer that belongs to these weights.",
    ),
    Code(
        "TOKENIZER-MALFORMED",
        _INCONCLUSIVE,
        "A file of a tokenizer has another shape than the tokenizers that are read here.",
        _SOURCE,
    ),
)

_WEIGHTS = (
    Code(
        "INDEX-MALFORMED",
        _INCONCLUSIVE,
        "An index of weight files has another shape than the one that is read here.",
        _SOURCE,
    ),
    Code(
        "INDEX-ESCAPE",
        _REJECT,
        "An index of weight files names a path outside of its own folder.",
        "Do not load the model: its loader would open a file that is not part of it.",
    ),
    Code(
        "INDEX-MISSING-FILE",
        _REJECT,
        "An index names a weight file that the model does not have.",
        _SOURCE,
    ),
    Code(
        "INDEX-EXTRA-FILE",
        _REJECT,
        "A weight file lies beside an index that does not name it.",
        "Remove the file if no loader needs it; a glob would load it.",
    ),
    Code(
        "INDEX-TENSOR",
        _REJECT,
        "A tensor is not where the index says, or is in a file and not in the index.",
        _SOURCE,
    ),
    Code(
        "INDEX-DUPLICATE",
        _REJECT,
        "A tensor is in two weight files: which one is used depends on the loader.",
        _SOURCE,
    ),
    Code(
        "INDEX-ABSENT",
        _INCONCLUSIVE,
        "Weight files are numbered as parts of a whole, and there is no index of them.",
        _SOURCE,
    ),
    Code(
        "ADAPTER-UNPINNED",
        _REJECT,
        "An adapter names its base model, but not which version: the base can change under it.",
        "Set `revision` to a full commit id, or `base_model_digest` to `sha256:...` of the base.",
    ),
    Code(
        "ADAPTER-BASE",
        _REJECT,
        "An adapter is pinned to another base than the one that was given.",
        "Scan it against the base that it was made for.",
    ),
    Code(
        "ADAPTER-SHAPE",
        _REJECT,
        "A tensor of an adapter does not fit its own rank, its partner or the base's tensor.",
        "Use the adapter with the base that it was made for, or get it again.",
    ),
    Code(
        "ADAPTER-UNCHECKED",
        _INCONCLUSIVE,
        "Whether an adapter fits its base was not checked: the base's tensors were not given.",
        "Name the folder of the base with `--base`.",
    ),
    Code(
        "VARIANT-UNDECLARED",
        _REJECT,
        "The weights are quantised, and the model's own files say that they are not.",
        "Do not use it in place of the model it names; get a variant that says what it is.",
    ),
    Code(
        "VARIANT-AS-BASE",
        _REJECT,
        "The weights are quantised, and the model card presents them as the base model.",
        "Name the base in the card: `base_model`, and `base_model_relation: quantized`.",
    ),
)

_CARDS = (
    Code(
        "CARD-MALFORMED",
        _INCONCLUSIVE,
        "The front matter of the model card is not YAML with one reading.",
        "Write it without tags, anchors and repeated keys.",
    ),
    Code(
        "CARD-PARAMETERS",
        _REJECT,
        "The model card states another number of parameters than the weights have.",
        "Correct the card, or find out whose weights these are.",
    ),
    Code(
        "LICENCE-MISMATCH",
        _REJECT,
        "The licence that the model card names is not the one whose text lies beside it.",
        "Ask the publisher which one applies; nothing is licensed until they agree.",
    ),
    Code(
        "LICENCE-ALTERED",
        _REJECT,
        "The text is that of a known licence with parts added or removed.",
        "Have the changed text read by who judges licences for you.",
    ),
    Code(
        "LICENCE-UNKNOWN",
        _WARNING,
        "The licence's text, or the id that the card gives, is none of those known here.",
        "Have the text read by who judges licences for you.",
    ),
)

CODES: tuple[Code, ...] = (*_FILES, *_CONFIGS, *_TEMPLATES, *_VOCABULARIES, *_WEIGHTS, *_CARDS)
