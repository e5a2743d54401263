"""Keras models by their configuration: layers of Keras only, and nothing that is Python code.

Source: Keras 3.11, keras/src/saving/{saving_lib,serialization_lib}.py. An archive of config.json,
metadata.json and model.weights.h5. What deserialization would import is a list here, since
`safe_mode` has been passed by more than once (CVE-2025-1550, CVE-2025-8747, CVE-2025-9905).
"""

import re

from lotabots.kernel import Json, LotaError, strict_json
from lotabots.models.formats import hdf5
from lotabots.models.formats.faults import Faults
from lotabots.models.formats.keras_names import CLASSES, FUNCTION_MODULES, FUNCTIONS
from lotabots.models.formats.zips import Member, check_member, open_member
from lotabots.models.types import Content, Parsed

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
IN_ATTRIBUTES = frozenset(("model_config", "training_config"))
"""Attributes of an HDF5 file that Keras deserializes (keras/src/legacy/saving)."""
MAX_CONFIG = 16 * 1024 * 1024
MAX_DEPTH = 64

_MODULE = re.compile(
    r"keras(\.src)?(\.(activations|constraints|dtype_policies|initializers|layers|losses|metrics"
    r"|models|optimizers|random|regularizers|backend\.common)(\.[a-z0-9_]+)*)?|builtins"
)
_FILES = ("vocabulary", "vocabulary_file", "filepath", "file", "path", "url", "origin")


def is_model(names: set[str]) -> bool:
    """Whether an archive of these members is a Keras model."""
    return CONFIG in names and (METADATA in names or WEIGHTS in names)


def parse_members(content: Content, members: tuple[Member, ...], faults: Faults) -> Parsed:
    """The facts `keras_version` and `class`, and what the configuration would run."""
    facts: dict[str, Json] = {}
    by_name = {member.name: member for member in members}
    for name in sorted({CONFIG, METADATA, WEIGHTS} - set(by_name)):
        faults.finding("KERAS-LAYOUT", measured=f"no {name}")
    for name, member in by_name.items():
        opened = open_member(content, member, faults)
        if name in (CONFIG, METADATA) and opened is not None:
            check_member(opened, member, faults)
            facts.update(_document(name, opened, faults))
        elif name == WEIGHTS and opened is not None:
            _weights(opened, faults)
        elif not (member.folder and name == "assets/"):
            faults.finding("KERAS-LAYOUT", measured=name)
    return Parsed(format="keras", facts=facts, findings=faults.listed)


def parse_h5(path: str, content: Content) -> Parsed:
    """An HDF5 file, and what the configuration in it would run if it is a model of Keras."""
    faults = Faults(path)
    facts = _weights(content, faults)
    return Parsed(format="hdf5", facts=facts, findings=faults.listed)


def _weights(content: Content, faults: Faults) -> dict[str, Json]:
    """The facts of the configuration that the file carries, if any."""
    facts: dict[str, Json] = {}
    for name, text in hdf5.read(content, faults, IN_ATTRIBUTES):
        found = judge_config(text, faults)
        if name == "model_config":
            facts.update(found)
    return facts


def _document(name: str, opened: Content, faults: Faults) -> dict[str, Json]:
    if opened.size > MAX_CONFIG:
        faults.finding("ZIP-LIMIT", expected=MAX_CONFIG, measured=opened.size)
        return {}
    data = opened.read(0, opened.size)
    if name == CONFIG:
        return judge_config(data, faults)
    value = _json(data, faults)
    version = value.get("keras_version") if isinstance(value, dict) else None
    return {"keras_version": version[:40]} if isinstance(version, str) else {}


def _json(data: bytes, faults: Faults) -> Json:
    try:
        value = strict_json(data, max_bytes=MAX_CONFIG, max_depth=MAX_DEPTH)
    except LotaError as error:
        faults.finding("KERAS-CONFIG", measured=error.code)
        return None
    if not isinstance(value, dict):
        faults.finding("KERAS-CONFIG", measured=type(value).__name__)
    return value


def judge_config(data: bytes, faults: Faults) -> dict[str, Json]:
    """The fact `class`; findings about all that the configuration would import or run."""
    value = _json(data, faults)
    left: list[Json] = [value]
    while left:
        item = left.pop()
        if isinstance(item, list):
            left.extend(item)
        elif isinstance(item, dict):
            _judge(item, faults)
            left.extend(item.values())
    name = value.get("class_name") if isinstance(value, dict) else None
    return {"class": name[:80]} if isinstance(name, str) else {}


def _judge(item: dict[str, Json], faults: Faults) -> None:
    """Judges one object of the configuration."""
    module, name, registered = (
        item.get(key) for key in ("module", "class_name", "registered_name")
    )
    if module is not None and not (isinstance(module, str) and _MODULE.fullmatch(module)):
        faults.finding("KERAS-MODULE", measured=module)
    if name is not None:
        if name in ("Lambda", "__lambda__"):
            faults.finding("KERAS-LAMBDA", measured=name)
        elif name == "function":
            config = item.get("config")
            if module not in FUNCTION_MODULES or config not in FUNCTIONS:
                faults.finding("KERAS-CLASS", measured=f"function {config!s:.80}")
        elif not isinstance(name, str) or name not in CLASSES:
            faults.finding("KERAS-CLASS", measured=f"{name!s:.100}")
        if registered not in (None, name):
            faults.finding("KERAS-CLASS", measured=f"registered {registered!s:.100}")
    elif registered is not None:
        faults.finding("KERAS-CLASS", measured=f"registered {registered!s:.100}")
    for key in _FILES:
        if isinstance(item.get(key), str):
            faults.finding("KERAS-FILE", measured=f"{key}: {item[key]!s:.100}")
