"""Configurations that make a loader run code: of the model's own files, or of another repository.

Keys by loader: `auto_map`, `custom_pipelines`, `custom_generate`, `trust_remote_code`
(transformers), `auto_mapping` (PEFT), `_class_name` and components of model_index.json
(diffusers), `type` in modules.json (sentence-transformers), `_target_` (Hydra). A loader flag is
no boundary (CVE-2025-66448, CVE-2026-22807, CVE-2026-27893): the files themselves are refused.
"""

import re
from collections.abc import Iterator

from lotabots.kernel import Json
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View, name_of, objects_in

_CODE_KEYS = ("auto_map", "custom_pipelines", "custom_generate", "custom_pipeline")
_TRUST_KEYS = ("trust_remote_code", "allow_remote_code")
# PEFT imports `parent_library` and takes `base_model_class` from it.
_LIBRARIES = re.compile(r"(?:transformers|peft|diffusers|torch\.nn)(?:\.[A-Za-z0-9_]+)*")
# A component is a library and a class; any other library is a module of the model's own.
_NO_LIBRARY: tuple[Json, ...] = (None, "diffusers", "transformers", "onnxruntime")
_SENTENCE = re.compile(r"sentence_transformers(?:\.[A-Za-z0-9_]+)*")
_YAML_TAG = re.compile(
    r"(?:^|[\s\[{,:-])(!!?(?:python|java|ruby|perl|php)[\w/:.]*|!!?[\w/:]*object[\w/:.]*)",
    re.MULTILINE,
)
_YAML_TARGET = re.compile(r"^[\s-]*[\"']?(_target_)[\"']?\s*:\s*(\S{1,200})", re.MULTILINE)
MOST = 20
"""Findings about one file."""


def check(view: View) -> Iterator[Finding]:
    """Refuses what makes a loader run code."""
    for path, document in view.documents.items():
        yield from _document(view, path, document)
    for path, text in view.texts.items():
        if path.endswith((".yaml", ".yml")):
            for found in [*_YAML_TAG.finditer(text), *_YAML_TARGET.finditer(text)][:MOST]:
                where = len(text[: found.start(1)].encode())
                yield finding("CONFIG-TAG", path, offset=where, measured=found[0].strip())
    yield from _approved(view)


def _document(view: View, path: str, document: Json) -> Iterator[Finding]:
    count = 0
    for each in objects_in(document):
        for found in _object(view, path, each):
            yield found
            count += 1
            if count >= MOST:
                return
    name = name_of(path)
    if name == "model_index.json" and isinstance(document, dict):
        yield from _pipeline(path, document)
    if name == "modules.json" and isinstance(document, list):
        for module in document:
            kind = module.get("type") if isinstance(module, dict) else None
            if not isinstance(kind, str) or not _SENTENCE.fullmatch(kind):
                yield finding(
                    "REMOTE-CODE", path, expected="sentence_transformers.*", measured=str(kind)
                )


def _object(view: View, path: str, value: dict[str, Json]) -> Iterator[Finding]:
    for key in _CODE_KEYS:
        for reference in _references(value.get(key)):
            yield from _reference(view, path, key, reference)
    for key in _TRUST_KEYS:
        if value.get(key) not in (None, False):
            yield finding("REMOTE-CODE-TRUST", path, measured=f"{key}: {value[key]}")
    mapping = value.get("auto_mapping")
    if mapping is not None:
        library = mapping.get("parent_library") if isinstance(mapping, dict) else mapping
        if not isinstance(library, str) or not _LIBRARIES.fullmatch(library):
            yield finding("REMOTE-CODE", path, measured=f"auto_mapping: {library}")
    if "_target_" in value:
        yield finding("CONFIG-TAG", path, measured=f"_target_: {value['_target_']}")


def _references(value: Json) -> Iterator[str]:
    """Every text inside of the value of a key that names code; what is no text is named as well."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            # Of custom_pipelines, whose other members name classes of a library, `impl` alone.
            inner = [one["impl"]] if "impl" in one else list(one.values())
            waiting.extend(inner)
        elif isinstance(one, list):
            waiting.extend(one)
        elif one is not None:
            yield str(one)


def _reference(view: View, path: str, key: str, reference: str) -> Iterator[Finding]:
    if "--" in reference or "/" in reference or "://" in reference:
        yield finding("REMOTE-CODE-FOREIGN", path, measured=f"{key}: {reference}")
        return
    # `modeling_x.Class` is modeling_x.py beside the configuration; pinned, if that file is.
    module = view.beside(path, reference.split(".", maxsplit=1)[0] + ".py")
    if view.digests.get(module) not in view.options.pinned_code or module not in view.digests:
        yield finding("REMOTE-CODE", path, measured=f"{key}: {reference}")


def _pipeline(path: str, index: dict[str, Json]) -> Iterator[Finding]:
    """A diffusers pipeline whose class or components come from files of the model."""
    for key, value in index.items():
        if key == "_class_name":
            if not isinstance(value, str):
                yield finding("REMOTE-CODE", path, measured=f"{key}: {value}")
        elif isinstance(value, list) and len(value) == 2 and value[0] not in _NO_LIBRARY:
            yield finding("REMOTE-CODE", path, measured=f"{key}: {value[0]}")


def _approved(view: View) -> Iterator[Finding]:
    """Files that must be exactly as they were approved."""
    for path, digest in sorted(view.options.approved_files.items()):
        measured = view.digests.get(path, "no such file of text")
        if measured != digest:
            yield finding("CONFIG-DRIFT", path, expected=digest, measured=measured)
