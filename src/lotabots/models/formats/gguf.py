"""GGUF files by their header: keys, and tensors of which each has its own bytes of the file.

Source: `docs/gguf.md` of ggml-org/ggml, versions 2 and 3; version 3 is of either byte order, with
the magic unchanged. Stricter than llama.cpp, which assumes what it does not check: names and keys
are unique, no bytes but zeros between tensors, none behind the last.
"""

from lotabots.kernel import Json, sha256_hex
from lotabots.models.formats.census import census
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.formats.ggml_types import GGML_TYPES
from lotabots.models.formats.gguf_values import CONTROL, Cursor, Order, Values, read_values
from lotabots.models.types import Content, Parsed, TensorEntry

MAX_KEYS = 16_384
MAX_TENSORS = 250_000
MAX_NAME = 127
"""Bytes of a tensor's name: the document says 64, stable-diffusion.cpp writes up to 127."""
MAX_ALIGNMENT = 65_536
"""The largest page that a machine maps; a larger alignment is room to hide something in."""
MAX_PADDING = 16 * 1024 * 1024
"""Bytes of padding that are looked at, in all."""
LIMIT = 2**63 - 1

QUANTISED = frozenset(known.name for known in GGML_TYPES.values() if known.elements > 1)

MIN_KEY = 8 + 1 + 4 + 1  # length, one letter, type, the shortest value
MIN_TENSOR = 8 + 1 + 4 + 4 + 8  # length, one letter, dimensions, type, offset


def sniff(head: bytes) -> bool:
    """Whether the file has the magic, which is the same in both byte orders."""
    return head.startswith(b"GGUF")


def parse(path: str, content: Content) -> Parsed:
    """The tensors in the order of their bytes; none if anything about the file is wrong."""
    faults = Faults(path)
    tensors: tuple[TensorEntry, ...] = ()
    facts: dict[str, Json] = {}
    try:
        cursor, tensor_count, key_count = _open(content, faults, facts)
        values = read_values(cursor, key_count)
        facts.update(_facts(values))
        alignment = _alignment(values, faults)
        found = _read_tensors(cursor, tensor_count)
        found = _place(found, cursor, alignment, content, faults)
        if faults.none:
            tensors = tuple(found)
            facts.update(census(tensors))
            facts["quantisation"] = facts["dtype"] if facts["dtype"] in QUANTISED else ""
    except Stop:
        pass
    return Parsed(format="gguf", tensors=tensors, facts=facts, findings=faults.listed)


def _open(content: Content, faults: Faults, facts: dict[str, Json]) -> tuple[Cursor, int, int]:
    """A cursor behind the counts; how many tensors and how many keys follow."""
    if content.size < 24:
        faults.refuse("GGUF-CUT", offset=content.size, expected=24, measured=content.size)
    magic, raw = content.read(0, 4), content.read(4, 4)
    if not sniff(magic):
        faults.refuse("GGUF-MAGIC", offset=0, measured=magic.hex())
    order: Order = "<" if raw[0] or raw[1] else ">"
    version = int.from_bytes(raw, "little" if order == "<" else "big")
    if version < 2:
        faults.refuse("GGUF-VERSION-OLD", offset=4, expected="2 or 3", measured=version)
    if version > 3 or (order == ">" and version != 3):
        faults.refuse("GGUF-VERSION", offset=4, expected="2 or 3", measured=version)
    facts["version"] = version
    facts["byte_order"] = "little" if order == "<" else "big"
    cursor = Cursor(content, faults, order, 8)
    tensors, keys = cursor.u64(), cursor.u64()
    rest = content.size - cursor.place
    # Each alone first: the sum of both products may be beyond any counter but Python's.
    if tensors > rest // MIN_TENSOR or keys > (rest - tensors * MIN_TENSOR) // MIN_KEY:
        faults.refuse("GGUF-COUNT", offset=8, expected=rest, measured=f"{tensors}, {keys}")
    if tensors > MAX_TENSORS or keys > MAX_KEYS:
        measured = f"{tensors}, {keys}"
        faults.refuse("GGUF-TOO-MANY", expected=f"{MAX_TENSORS}, {MAX_KEYS}", measured=measured)
    return cursor, tensors, keys


def _alignment(values: Values, faults: Faults) -> int:
    """`general.alignment`, 32 if there is none."""
    if "general.alignment" not in values.keys:
        return 32
    value = values.scalars.get("general.alignment")
    if type(value) is not int or not 8 <= value <= MAX_ALIGNMENT or value.bit_count() != 1:
        faults.refuse("GGUF-ALIGNMENT", expected="a power of two, 8 to 65536", measured=value)
    return value


def _read_tensors(cursor: Cursor, count: int) -> list[TensorEntry]:
    """The tensors as they are described, with offsets from where the tensors' bytes begin."""
    faults = cursor.faults
    names: set[str] = set()
    found: list[TensorEntry] = []
    for _ in range(count):
        place = cursor.place
        name = cursor.text(MAX_NAME, "GGUF-NAME")
        if not name or CONTROL.search(name):
            faults.refuse("GGUF-NAME", offset=place, measured=repr(name))
        if name in names:
            faults.finding("GGUF-TENSOR-DUPLICATE", tensor=name, offset=place)
        names.add(name)
        dimensions = cursor.u32()
        if dimensions > 4:
            faults.refuse("GGUF-DIMENSIONS", tensor=name, expected="4", measured=dimensions)
        shape = tuple(cursor.u64() for _ in range(dimensions))[::-1]
        kind = cursor.u32()
        offset = cursor.u64()
        size = _size(name, shape, kind, faults)
        if size is not None:
            found.append(
                TensorEntry(
                    name=name,
                    dtype=GGML_TYPES[kind].name,
                    shape=shape,
                    path=faults.path,
                    begin=offset,
                    end=offset + size,
                )
            )
    return found


def _size(name: str, shape: tuple[int, ...], kind: int, faults: Faults) -> int | None:
    """Bytes of a tensor of this type and shape; None, and a finding, if it has no such number."""
    known = GGML_TYPES.get(kind)
    if known is None:
        faults.finding("GGUF-TYPE", tensor=name, measured=kind)
        return None
    count = 1
    for size in shape:
        count *= size
        if size > LIMIT or count > LIMIT:
            faults.finding("GGUF-OVERFLOW", tensor=name, measured=shape)
            return None
    if count == 0:  # ggml divides by it
        faults.finding("GGUF-DIMENSIONS", tensor=name, expected="no 0", measured=shape)
        return None
    if (shape[-1] if shape else 1) % known.elements:
        faults.finding("GGUF-BLOCK", tensor=name, expected=known.elements, measured=shape)
        return None
    size = count // known.elements * known.size
    if size > LIMIT:
        faults.finding("GGUF-OVERFLOW", tensor=name, measured=shape)
        return None
    return size


def _place(
    described: list[TensorEntry], cursor: Cursor, alignment: int, content: Content, faults: Faults
) -> list[TensorEntry]:
    """The tensors by their place in the file. Finds bytes of two tensors, and of none."""
    base = _aligned(cursor.place, alignment)
    gaps: list[tuple[int, int]] = []
    place = cursor.place
    found: list[TensorEntry] = []
    for tensor in sorted(described, key=lambda tensor: (tensor.begin, tensor.end, tensor.name)):
        begin, end = base + tensor.begin, base + tensor.end
        if tensor.begin % alignment:
            faults.finding("GGUF-OFFSET-UNALIGNED", tensor=tensor.name, measured=tensor.begin)
        if end > content.size:
            size = content.size
            faults.finding("GGUF-BEYOND", tensor=tensor.name, expected=size, measured=end)
        if begin < place:
            faults.finding("GGUF-OVERLAP", tensor=tensor.name, offset=begin, expected=place)
        elif begin > _aligned(place, alignment):
            faults.finding("GGUF-HOLE", tensor=tensor.name, offset=place, expected=place)
        gaps.append((place, begin))
        place = max(place, end)
        found.append(
            TensorEntry(
                name=tensor.name,
                dtype=tensor.dtype,
                shape=tensor.shape,
                path=tensor.path,
                begin=begin,
                end=end,
            )
        )
    if content.size > _aligned(place, alignment):
        faults.finding("GGUF-TRAILING", offset=place, expected=place, measured=content.size)
    if faults.none:
        _check_padding([*gaps, (place, content.size)], content, faults)
    return found


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment


def _check_padding(gaps: list[tuple[int, int]], content: Content, faults: Faults) -> None:
    total = sum(end - begin for begin, end in gaps)
    if total > MAX_PADDING:
        faults.finding("GGUF-PADDING", expected=MAX_PADDING, measured=total)
        return
    for begin, end in gaps:
        if begin < end and any(content.read(begin, end - begin)):
            faults.finding("GGUF-PADDING", offset=begin, measured=end - begin)


def _facts(values: Values) -> dict[str, Json]:
    """What the keys state, under the names that all formats share."""
    scalars = values.scalars
    architecture = scalars.get("general.architecture")
    wanted = {
        "architecture": "general.architecture",
        "name": "general.name",
        "licence": "general.license",
        "file_type": "general.file_type",
        "quantisation_version": "general.quantization_version",
        "context_length": f"{architecture}.context_length",
        "vocabulary": f"{architecture}.vocab_size",
        "tokenizer": "tokenizer.ggml.model",
        "chat_template": "tokenizer.chat_template",
    }
    facts = {fact: scalars[key] for fact, key in wanted.items() if key in scalars}
    if "tokenizer.ggml.tokens" in values.counts:
        facts["vocabulary"] = values.counts["tokenizer.ggml.tokens"]
    if values.digests:
        parts = (key.encode() + b"\0" + values.digests[key] for key in sorted(values.digests))
        facts["tokenizer_digest"] = sha256_hex(b"".join(parts))
    named = "tokenizer.chat_template."
    templates = {key[len(named) :]: text for key, text in scalars.items() if key.startswith(named)}
    if templates:
        facts["chat_templates"] = templates
    facts["metadata_keys"] = [*sorted(values.keys)[:1000]]
    short = {
        key: value
        for key, value in sorted(scalars.items())
        if not isinstance(value, str) or len(value) <= 200
    }
    facts["metadata"] = {**dict(list(short.items())[:500]), **values.lists}
    return facts
