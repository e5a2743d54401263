"""Measurements held against golden values: which match, which do not, which are not compared."""

from collections.abc import Mapping, Sequence

import msgspec

from lotabots.evidence import Fact, Facts, Finding
from lotabots.evidence.schemes.nvidia_gpu.codes import finding
from lotabots.evidence.schemes.nvidia_gpu.opaque import Switch
from lotabots.evidence.schemes.nvidia_gpu.rim_values import Golden
from lotabots.kernel import equal

NVDEC0_INDEX = 35
"""The firmware of video decoder 0, which runs only while the decoder is on."""


class Comparison(msgspec.Struct, frozen=True):
    """RIM index i against SPDM block i + 1, for every index that is active in a RIM."""

    matched: tuple[int, ...]
    mismatched: tuple[int, ...]
    missing: tuple[int, ...]
    """Required by a RIM and not in the report."""
    skipped: tuple[int, ...]
    unreferenced: int
    """Blocks of the report that no RIM speaks of; they prove nothing and are compared by nobody."""
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether something was compared and everything matched."""
        return bool(self.matched) and not self.findings

    def facts(self) -> Facts:
        """What policies see."""
        return {
            "compared": len(self.matched) + len(self.mismatched),
            "matched": len(self.matched),
            "mismatched": _numbers(self.mismatched),
            "missing": _numbers(self.missing),
            "skipped": _numbers(self.skipped),
            "unreferenced": self.unreferenced,
        }


def compare(
    subject: str, measurements: Sequence[bytes], rims: Mapping[str, Golden], nvdec0: Switch | None
) -> Comparison:
    """The comparison against all RIMs (by kind). `nvdec0` is None for a device that has none.

    Two RIMs that speak of one index are a conflict, even where their values agree: which of them
    counts must not depend on their order. NVDEC0 off skips index 35 and nothing else.
    """
    golden: dict[int, tuple[bytes, ...]] = {}
    for values in rims.values():
        golden.update(values)
    findings = [*_conflicts(subject, rims, len(golden)), *_decoder(subject, nvdec0)]
    count = len(measurements)
    matched, mismatched, missing, skipped = [], [], [], []
    for index in sorted(golden):
        if index == NVDEC0_INDEX and nvdec0 is Switch.OFF:
            skipped.append(index)
        elif index >= count:
            missing.append(index)
        else:
            for value in golden[index]:
                if equal(measurements[index], value):
                    matched.append(index)
                    break
            else:
                mismatched.append(index)
    findings.extend(
        finding(
            "NV-MEAS-MISMATCH",
            subject,
            expected=f"index {index}: {' or '.join(value.hex() for value in golden[index][:2])}",
            measured=f"index {index}: {measurements[index].hex()}",
        )
        for index in mismatched
    )
    findings.extend(
        finding(
            "NV-MEAS-MISSING",
            subject,
            expected=f"index {index}",
            measured=f"{count} measurements",
        )
        for index in missing
    )
    if not matched and not findings:
        findings.append(
            finding("NV-MEAS-NONE", subject, expected="at least one", measured="none compared")
        )
    return Comparison(
        matched=tuple(matched),
        mismatched=tuple(mismatched),
        missing=tuple(missing),
        skipped=tuple(skipped),
        unreferenced=count - (len(golden) - len(missing)),
        findings=tuple(findings),
    )


def _conflicts(subject: str, rims: Mapping[str, Golden], distinct: int) -> list[Finding]:
    if sum(len(values) for values in rims.values()) == distinct:
        return []
    speaks: dict[int, list[str]] = {}
    for kind, values in rims.items():
        for index in values:
            speaks.setdefault(index, []).append(kind)
    return [
        finding(
            "NV-RIM-CONFLICT",
            subject,
            expected=f"index {index} in one RIM",
            measured=" and ".join(kinds),
        )
        for index, kinds in sorted(speaks.items())
        if len(kinds) > 1
    ]


def _decoder(subject: str, nvdec0: Switch | None) -> list[Finding]:
    if nvdec0 is not Switch.UNKNOWN:
        return []
    expected = "0xAA (on) or 0x55 (off)"
    return [finding("NV-MEAS-NVDEC0", subject, expected=expected, measured="another value")]


def _numbers(indices: Sequence[int]) -> list[Fact]:
    return list(indices)
