"""What TPMs are held against: the reference values in files that come in a signed bundle.

{"format": "lotabots/tpm-reference/v1", "name": text, "pcrs": {"0": [hex of SHA-256, ...], ...},
"secure_boot": true, "boot": {"allow": [hex, ...], "variables": [hex, ...]},
"ima": {"allow": [{"path": pattern, "digests": [hex, ...]}], "deny": [...]}}

All but `format` and `name` may be absent. `boot.allow` are digests of boot applications as the
firmware measures them (Authenticode, SHA-256); `boot.variables` those of the events in PCR 7 beside
SecureBoot and separators: PK, KEK, db, dbx, and who signed what was started. Several files add up:
what one allows is allowed, what one denies or requires is denied or required.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from lotabots.evidence import Caches, ReferenceFiles, Slot
from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.ima_rules import (
    MAX_PATTERNS,
    Allow,
    Deny,
    ImaRules,
    count_patterns,
    rules_of,
)
from lotabots.kernel import LotaError, canonical, sha256_hex, strict_struct

FORMAT = "lotabots/tpm-reference/v1"
MAX_FILE = 4 * 1024 * 1024
MAX_VALUES = 10_000

_Hex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Pcr = Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9]|1[0-9]|2[0-3])\Z")]
_Values = Annotated[tuple[_Hex, ...], msgspec.Meta(min_length=1, max_length=MAX_VALUES)]


class _Boot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow: _Values = ()
    variables: _Values = ()


class _Ima(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allow: tuple[Allow, ...] = ()
    deny: tuple[Deny, ...] = ()


class _Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["lotabots/tpm-reference/v1"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    pcrs: dict[_Pcr, _Values] = {}
    secure_boot: bool | msgspec.UnsetType = msgspec.UNSET
    boot: _Boot = _Boot()
    ima: _Ima = _Ima()


class TpmReference(msgspec.Struct, frozen=True, kw_only=True):
    """The reference values for TPMs of all files together."""

    pcrs: Mapping[int, frozenset[bytes]]
    """PCR -> the values that are good; a PCR that is not there is not judged by its value."""
    secure_boot: bool
    """It has to be enabled."""
    applications: frozenset[bytes]
    variables: frozenset[bytes]
    ima: ImaRules
    digest: str
    """Hex SHA-256 over the digests of the files, those that cannot be read too; names do not count.
    """
    files: tuple[str, ...]
    """Hex SHA-256 of each of them."""
    unreadable: tuple[tuple[str, str], ...]
    """(name, reason) of each file that cannot be used. What it would deny is not known."""
    sources: Mapping[bytes, tuple[str, ...]] = MappingProxyType({})
    """Which files list a value: hex SHA-256 of each."""
    of_files: tuple[str, ...] = ()
    """Which files have rules about measured files."""

    def used(self, values: Iterable[bytes], *, of_files: bool) -> list[str]:
        """The files that speak for these values, and for measured files if any were judged."""
        named = {file for value in values for file in self.sources.get(value, ())}
        return sorted(named.union(self.of_files if of_files else ()))


REFERENCE: Slot[ReferenceFiles, TpmReference] = Slot("tpm.reference", 16)


def load_reference(files: ReferenceFiles, caches: Caches) -> TpmReference:
    """The reference values in these files, read once for each `caches`. Never raises."""
    memory = caches.of(REFERENCE)
    return memory.get(files) or memory.put(files, _load(files))


def read_reference(data: bytes) -> _Text:
    """One file. LotaError TPM-REFERENCE-MALFORMED."""
    try:
        text = strict_struct(data, _Text, max_bytes=MAX_FILE, max_depth=6)
    except LotaError as error:
        raise _malformed(error.detail[:200]) from error
    if text.secure_boot is False:
        raise _malformed("secure_boot is true, or it is absent")
    return text


def _load(files: ReferenceFiles) -> TpmReference:
    read: dict[str, _Text] = {}
    unreadable: list[tuple[str, str]] = []
    digests: set[str] = set()
    patterns = 0
    for name, data in files.files:
        # Most files are others'; only what says that it is one of these is read as JSON.
        if not data.lstrip().startswith(b"{") or FORMAT.encode() not in data:
            continue
        digest = sha256_hex(data)
        if digest in digests:
            continue
        digests.add(digest)
        try:
            text = read_reference(data)
            more = patterns + count_patterns((*text.ima.allow, *text.ima.deny))
            if more > MAX_PATTERNS:
                raise _malformed(f"more than {MAX_PATTERNS} paths with a `*`")
        except LotaError as error:
            unreadable.append((name, str(error.details["measured"])))
            continue
        patterns, read[digest] = more, text
    return _merged(read, tuple(sorted(digests)), tuple(unreadable))


def _merged(
    read: Mapping[str, _Text], files: tuple[str, ...], unreadable: tuple[tuple[str, str], ...]
) -> TpmReference:
    texts = tuple(read.values())
    pcrs: dict[int, set[bytes]] = {}
    sources: dict[bytes, set[str]] = {}
    for file, text in read.items():
        for number, values in text.pcrs.items():
            pcrs.setdefault(int(number), set()).update(map(bytes.fromhex, values))
        for value in (*chain(*text.pcrs.values()), *text.boot.allow, *text.boot.variables):
            sources.setdefault(bytes.fromhex(value), set()).add(file)
    return TpmReference(
        pcrs=MappingProxyType({number: frozenset(values) for number, values in pcrs.items()}),
        secure_boot=any(text.secure_boot is True for text in texts),
        applications=frozenset(bytes.fromhex(one) for text in texts for one in text.boot.allow),
        variables=frozenset(bytes.fromhex(one) for text in texts for one in text.boot.variables),
        ima=rules_of(
            (rule for text in texts for rule in text.ima.allow),
            (rule for text in texts for rule in text.ima.deny),
        ),
        digest=sha256_hex(canonical(files)),
        files=files,
        unreadable=unreadable,
        sources=MappingProxyType({value: tuple(named) for value, named in sources.items()}),
        of_files=tuple(file for file, text in read.items() if text.ima != _Ima()),
    )


def _malformed(measured: str) -> LotaError:
    return refuse("TPM-REFERENCE-MALFORMED", expected=f"JSON of {FORMAT}", measured=measured)
