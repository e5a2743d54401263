"""Which formats a file name promises; loaders that go by the name get what is inside."""

TEXT = frozenset({"text"})
_TORCH = frozenset({"pytorch", "pytorch-legacy", "torchscript", "torch-exported", "pickle", "tar"})
# joblib packs what it writes, on request.
_DUMPED = frozenset({"pickle", "gzip", "zlib", "bzip2", "xz", "lzma", "lz4", "zstd"})
_PACKED = frozenset({"gzip", "bzip2", "xz", "7z", "tar"})

# By the end of the name. A name that is not here promises nothing.
ENDINGS: dict[str, frozenset[str]] = {
    ".safetensors": frozenset({"safetensors"}),
    ".gguf": frozenset({"gguf"}),
    ".onnx": frozenset({"onnx"}),
    ".npy": frozenset({"npy"}),
    ".npz": frozenset({"npz", "zip"}),
    ".keras": frozenset({"keras"}),
    ".h5": frozenset({"hdf5"}),
    ".hdf5": frozenset({"hdf5"}),
    **dict.fromkeys((".bin", ".pt", ".pth", ".ckpt", ".th"), _TORCH),
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib", ".dill"),
        _DUMPED,
    ),
    # A vocabulary of tiktoken has the same name, and is text.
    ".model": frozenset({"sentencepiece", "text"}),
    ".zip": frozenset({"zip"}),
    ".tar": frozenset({"tar"}),
    **dict.fromkeys((".gz", ".tgz", ".bz2", ".xz", ".7z"), _PACKED),
    **dict.fromkeys(
        (
            *(".json", ".jsonl", ".txt", ".md", ".rst", ".yaml", ".yml", ".toml", ".cfg", ".ini"),
            *(".csv", ".tsv", ".jinja", ".jinja2", ".j2", ".py", ".sh", ".ipynb", ".html", ".xml"),
            *(".svg", ".gitattributes", ".gitignore", ".license", ".bib"),
        ),
        TEXT,
    ),
}
LOADED_BY_PICKLE = frozenset({"pickle", "pytorch", "pytorch-legacy", "torchscript"})
"""Formats whose reading is the running of a pickle."""


def promised(path: str) -> frozenset[str]:
    """The formats that the file's name promises; empty where it promises none."""
    lower = path.rpartition("/")[2].lower()
    ending = lower[lower.rfind(".") :] if "." in lower else ""
    return ENDINGS.get(ending, frozenset())
