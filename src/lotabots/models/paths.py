"""Names of files in a model: which have one reading everywhere, and which a loader reads.

A canonical name is relative, its parts are joined by `/`, none of them is empty, `.` or `..`, and
it holds no backslash, no control character and nothing that is not Unicode (OpenSSF Model Signing
v1.0, section 6.2, and stricter: the reference takes `./a` for `a`).
"""

import unicodedata
from collections.abc import Iterable

from lotabots.models.findings import Finding, finding

MAX_PATH = 4096
"""UTF-8 bytes of a name; what Linux opens at most (PATH_MAX)."""

GIT_NAMES = (".git", ".gitattributes", ".github", ".gitignore")
"""What model signing leaves out at the top of a folder (v1.0, section 6.4)."""


def flaw_of(path: str) -> str:
    """Why this is no canonical name; empty if it is one."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "it is no Unicode"
    if not 0 < size <= MAX_PATH:
        return "it is empty" if not path else f"it is longer than {MAX_PATH} bytes"
    if path.startswith("/"):
        return "it is absolute"
    if "\\" in path:
        return "it holds a backslash"
    # isprintable would refuse half of the world's scripts' joiners; controls are what hides.
    if any(unicodedata.category(letter) == "Cc" for letter in path):
        return "it holds a control character"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "a part of it is empty, . or .."
    return ""


def collisions(paths: Iterable[str]) -> tuple[Finding, ...]:
    """A finding for each name that another system takes for an earlier one, by NFC or by case.

    A name that is not in NFC itself is one more: what signed it and what opens it may differ.
    """
    found = []
    known: dict[str, str] = {}
    for path in paths:
        composed = unicodedata.normalize("NFC", path)
        if composed != path:
            found.append(finding("PATH-UNICODE", path, expected="a name in Unicode form NFC"))
        first = known.setdefault(unicodedata.normalize("NFC", composed.casefold()), path)
        if first != path:
            found.append(finding("PATH-COLLISION", path, expected="one name", measured=first))
    return tuple(found)


def covered(path: str, ignored: Iterable[str]) -> bool:
    """Whether the path is one of these names or below one of them; there are no patterns."""
    return any(path == name or path.startswith(f"{name}/") for name in ignored)


def read_by_loaders(path: str) -> bool:
    """Whether loaders read or run files of such a name, whatever its case.

    A list of what is known cannot be whole: what a configuration names counts too, and is told by
    the scan of the model (`Options.referenced`).
    """
    parts = path.casefold().split("/")
    name = parts[-1]
    if name in _NAMES or ".so." in name or name.startswith(("chat_template", "modelfile")):
        return True
    # Every suffix of every part: weights.bin.part, saved.mlpackage/data, x.safetensors.index.
    return any(
        suffix in _SUFFIXES
        for part in parts
        for suffix in part.lstrip(".").split(".")[1:]
        if suffix
    )


_NAMES = frozenset(
    ("merges.txt", "vocab.txt", "vocab", "requirements.txt", "makefile", "dockerfile", "params")
)
_CODE = """
py pyc pyo pyd pyw pyx pth egg whl so dll dylib exe com bat cmd ps1 sh bash zsh js mjs wasm jar
class lua rb pl r jl cu cubin ptx hsaco node
"""
_SETTINGS = """
json json5 jsonl yaml yml toml cfg ini conf env jinja jinja2 j2 tmpl template xml plist prototxt
"""
_WEIGHTS = """
safetensors gguf ggml ggla ggjt bin pt pt2 ptl ckpt pkl pickle joblib dill cloudpickle dat data npy
npz h5 hdf5 keras onnx ort pb pbtxt tflite lite mlmodel mlpackage mlmodelc mar nemo engine plan trt
pdparams pdmodel pdiparams params caffemodel weights model spm vocab bpe tiktoken msgpack flax ot
tensors tensor index ubj xgb bst cbm llamafile mnn ncnn param xnnpack
"""
_CONTAINERS = "zip tar gz tgz bz2 xz lzma 7z rar zst lz4 br cab iso sqlite db arrow parquet"
_SUFFIXES = frozenset(f"{_CODE} {_SETTINGS} {_WEIGHTS} {_CONTAINERS}".split())
