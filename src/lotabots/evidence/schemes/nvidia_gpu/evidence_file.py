"""What `verify gpu EVIDENCE` reads: raw bytes, hex text, or the JSON that NVIDIA's tools write.

A nonce, an architecture or a version that stands in such a file is what its sender says. None is
read: nonces come from the verifier, everything else from what the device signed.
"""

from lotabots.evidence import Caches, Evidence
from lotabots.evidence.schemes.nvidia_gpu.chain import identify, load_chain
from lotabots.evidence.schemes.nvidia_gpu.codes import refuse
from lotabots.kernel import Json, LotaError, decode_base64, strict_json

SCHEME = "nvidia_gpu"
MAX_FILE = 4 * 1024 * 1024
MAX_DEVICES = 64
MAX_DEPTH = 4

_PEM = "-----BEGIN"
# What text is made of: anything else in a file, and it is raw bytes.
_TEXT = bytes((*b"\t\n\r", *range(0x20, 0x7F)))
_HEX = frozenset("0123456789abcdefABCDEF")
_LIST_KEYS = frozenset({"nonce", "arch", "evidence_list", "claims_version", "version"})
_ENTRY_KEYS = frozenset(
    {
        "arch",
        "certificate",
        "claims_version",
        "driver_version",
        "evidence",
        "firmware_version",
        "nonce",
        "uuid",
        "vbios_version",
        "version",
    }
)


def read_evidence_file(data: bytes, certificates: bytes, caches: Caches) -> list[Evidence]:
    """One Evidence for each device in the file, named `gpu0`, `switch0` and on by its certificate.

    `certificates` is the PEM chain for evidence that brings none; empty if there is no such file.
    Raises LotaError NV-PARSE-FILE, NV-PARSE-JSON, NV-PARSE-EMPTY or NV-LIMIT-*.
    """
    if len(data) > MAX_FILE:
        raise refuse(
            "NV-LIMIT-EVIDENCE", expected=f"at most {MAX_FILE} bytes", measured=f"{len(data)} bytes"
        )
    pairs = _pairs(data, certificates)
    counts: dict[str, int] = {}
    found = []
    for report, chain in pairs:
        kind = _kind(chain, caches)
        index = counts.get(kind, 0)
        counts[kind] = index + 1
        found.append(
            Evidence(scheme=SCHEME, subject=f"{kind}{index}", data=report, certificates=chain)
        )
    return found


def _pairs(data: bytes, certificates: bytes) -> list[tuple[bytes, bytes]]:
    """(report, chain) of every device."""
    text = data.strip()
    if not text:
        raise refuse("NV-PARSE-EMPTY", expected="a report", measured="an empty file")
    if text[:1] in {b"[", b"{"}:
        return [_entry(entry, certificates) for entry in _entries(text)]
    if data.translate(None, delete=_TEXT):
        return [(data, certificates)]
    digits = "".join(text.decode("ascii").split())
    if not set(digits) <= _HEX or len(digits) % 2:
        raise refuse("NV-PARSE-FILE", expected="raw bytes, hex or JSON", measured=repr(digits[:32]))
    return [(bytes.fromhex(digits), certificates)]


def _entries(text: bytes) -> list[Json]:
    """NVIDIA's list of devices, one device, or the request form with an `evidence_list`."""
    try:
        value = strict_json(text, max_bytes=MAX_FILE, max_depth=MAX_DEPTH)
    except LotaError as error:
        raise refuse(
            "NV-PARSE-JSON", expected="JSON with one reading", measured=error.code
        ) from error
    if isinstance(value, dict) and "evidence_list" in value:
        _require_keys(value, _LIST_KEYS)
        value = value["evidence_list"]
    entries: list[Json] = value if isinstance(value, list) else [value]
    if not entries:
        raise refuse("NV-PARSE-EMPTY", expected="at least one device", measured="an empty list")
    if len(entries) > MAX_DEVICES:
        raise refuse(
            "NV-LIMIT-DEVICES", expected=f"at most {MAX_DEVICES}", measured=f"{len(entries)}"
        )
    return entries


def _entry(entry: Json, certificates: bytes) -> tuple[bytes, bytes]:
    """(report, chain) of one device of the list."""
    if not isinstance(entry, dict):
        raise refuse("NV-PARSE-JSON", expected="an object", measured=type(entry).__name__)
    _require_keys(entry, _ENTRY_KEYS)
    evidence = entry.get("evidence")
    chain = entry.get("certificate")
    if not isinstance(evidence, str) or not isinstance(chain, str | None):
        raise refuse(
            "NV-PARSE-JSON",
            expected="`evidence` and `certificate` as text",
            measured=f"{type(evidence).__name__} and {type(chain).__name__}",
        )
    return _decode(evidence), certificates if chain is None else _decode(chain)


def _require_keys(entry: dict[str, Json], allowed: frozenset[str]) -> None:
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise refuse(
            "NV-PARSE-JSON",
            expected="only the fields that NVIDIA's tools write",
            measured=repr(unknown[0][:32]),
        )


def _decode(text: str) -> bytes:
    """Hex, base64, or PEM as it is."""
    if text.startswith(_PEM) and text.isascii():
        return text.encode()
    if len(text) % 2 == 0 and set(text) <= _HEX:
        return bytes.fromhex(text)
    try:
        return decode_base64(text)
    except LotaError as error:
        raise refuse("NV-PARSE-JSON", expected="base64 or hex", measured=repr(text[:32])) from error


def _kind(chain: bytes, caches: Caches) -> str:
    """`gpu` or `switch` as the certificates say; `gpu` where they cannot be read."""
    try:
        return identify(load_chain(chain, caches)).chip.kind
    except LotaError:
        return "gpu"
