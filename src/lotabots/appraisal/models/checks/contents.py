"""The files: all scanned, of allowed formats, bound as the rule wants, without stray code."""

from collections.abc import Iterator

from lotabots.appraisal.models.case import Case
from lotabots.appraisal.models.facts import Signed
from lotabots.appraisal.models.scanned import PICKLES, Scanned
from lotabots.models import Finding, finding


def check(case: Case) -> Iterator[Finding]:
    """What is wrong with the files, with how they were bound, and what was left out."""
    if case.signed is not None:
        yield from case.signed.findings
        yield from _binding(case, case.signed)
    if case.scanned is None:
        yield finding("MODEL-NOT-SCANNED", expected="a scan of every file", measured="none")
        return
    yield from _scan(case, case.scanned)
    if case.signed is not None:
        yield from _coverage(case.signed, case.scanned)


def _binding(case: Case, signed: Signed) -> Iterator[Finding]:
    rule = case.rule
    if not signed.signers:
        return
    if signed.algorithm not in rule.hash:
        wanted = ", ".join(sorted(rule.hash))
        yield finding("MODEL-HASH-REFUSED", expected=wanted, measured=signed.algorithm)
    strong = case.strong()
    if rule.strong_manifest and strong is None:
        yield finding("MODEL-STRONG-MISSING", expected="a strong statement", measured="none")
    if rule.tensor_root and (strong is None or not strong.tensor_root):
        yield finding("MODEL-TENSOR-ROOT-MISSING", expected="a tensor root", measured="none")
    for path in signed.ignored:
        if not any(path == one or path.startswith(f"{one}/") for one in rule.allow_ignore):
            wanted = ", ".join(sorted(rule.allow_ignore)) or "nothing left out"
            yield finding("MODEL-IGNORED-REFUSED", path, expected=wanted, measured=path)
    if signed.cached:
        yield finding("MODEL-DIGEST-CACHED", expected="computed now", measured="remembered")


def _scan(case: Case, scanned: Scanned) -> Iterator[Finding]:
    rule = case.rule
    yield from scanned.findings
    # A scan says less where it was told to: what it was told must be what the rule says.
    told = {
        "chat template": scanned.templates - rule.templates,
        "code": scanned.pinned_code - rule.pinned_code,
        "pickle": {"allowed"} if scanned.pickle and not rule.formats & PICKLES else set(),
    }
    for what, more in told.items():
        for one in sorted(more):
            expected = "a scan by what the rule allows"
            yield finding("MODEL-SCAN-LENIENT", expected=expected, measured=f"{what} {one}")
    pinned = {found.path for found in scanned.findings if found.code == "CODE-PINNED"}
    for file in scanned.files:
        if file.format not in rule.formats and file.path not in pinned:
            wanted = ", ".join(sorted(rule.formats))
            measured = file.format or "unknown"
            yield finding("MODEL-FORMAT-REFUSED", file.path, expected=wanted, measured=measured)


def _coverage(signed: Signed, scanned: Scanned) -> Iterator[Finding]:
    """Signed is not scanned: both must have seen the same files."""
    sizes = {file.path: file.size for file in scanned.files}
    for entry in signed.files:
        if sizes.get(entry.path) != entry.size:
            seen = "not there" if entry.path not in sizes else f"{sizes[entry.path]} bytes"
            yield finding(
                "MODEL-FILE-NOT-SCANNED",
                entry.path,
                expected=f"{entry.size} bytes",
                measured=seen,
            )
