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

CODES: tuple[Code, ...] = (*_FILES, *_CONFIGS)
