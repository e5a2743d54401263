"""The list of measured files held against PCR 10 and the rules: what ran, and what judges it.

The list is followed from the boot on, or from where the newest quote that was accepted left it.
Only entries that lead to the quoted PCR are judged: those behind it are of a later moment.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from lotabots.evidence import Facts, TpmState
from lotabots.evidence.schemes.tpm.event_log import ZERO
from lotabots.evidence.schemes.tpm.format import ImaPart
from lotabots.evidence.schemes.tpm.ima import PCR, Entry, read_ima, replay
from lotabots.evidence.schemes.tpm.ima_rules import ImaRules, Judgement
from lotabots.evidence.schemes.tpm.judged import Judged
from lotabots.kernel import LotaError, equal, sha256_hex

ImaStatus: TypeAlias = Literal["match", "mismatch", "absent", "malformed"]

MAX_UNJUDGED = 8
"""Paths that nothing judges and that the facts name."""
_MAX_PATH = 200
_AGGREGATE = "boot_aggregate"


class Place(NamedTuple):
    """A place in the list: how many entries come before it, and PCR 10 (hex) there."""

    entries: int = 0
    pcr: str = ""

    @property
    def value(self) -> bytes:
        """PCR 10 there."""
        return bytes.fromhex(self.pcr) if self.pcr else ZERO


START = Place()


def check_ima(
    judged: Judged, ima: ImaPart | None, state: TpmState | None, rules: ImaRules
) -> tuple[Facts, Place]:
    """`ima` as policies see it, and where the list stands for the next quote.

    `state` is None after a reboot. The place moves on only where nothing was denied: what is denied
    has to be in every list until the node reboots.
    """
    known = START if state is None else Place(state.ima_entries, state.ima_pcr)
    quoted = judged.quoted.get(PCR)
    if ima is None:
        same = bool(known.entries) and quoted is not None and equal(known.value, quoted)
        if same:
            judged.good.add(PCR)
        return _facts("match" if same else "absent", known, (), Counter()), known
    if ima.start not in (0, known.entries):
        expected = "entry 0" if not known.entries else f"entry 0 or {known.entries}"
        judged.find("TPM-IMA-OFFSET", expected, f"entry {ima.start}")
        return _facts("absent", known, (), Counter()), known
    try:
        entries = read_ima(ima.log)
    except LotaError as error:
        judged.find(error.code, str(error.details["expected"]), str(error.details["measured"]))
        return _facts("malformed", known, (), Counter()), known
    begin = known if ima.start else START
    proven = None if quoted is None else replay(entries, begin.value, quoted)
    if quoted is None or proven is None:
        judged.bad.add(PCR)
        measured = f"{len(entries)} entries from {begin.entries} on, which do not lead to it"
        judged.find("TPM-IMA-MISMATCH", "no PCR 10" if quoted is None else quoted.hex(), measured)
        return _facts("mismatch", known, (), Counter()), known
    total = begin.entries + proven
    place = Place(total, quoted.hex()) if total else START
    unjudged, counts = _judge(judged, entries[:proven], rules)
    denied = counts[Judgement.DENIED] + counts[Judgement.OTHER]
    if denied:
        judged.bad.add(PCR)
    elif total and not counts[Judgement.UNJUDGED] and not counts["violation"]:
        judged.good.add(PCR)
    return _facts("match", place, unjudged, counts), known if denied else place


def _judge(
    judged: Judged, entries: Sequence[Entry], rules: ImaRules
) -> tuple[Sequence[str], Counter[str]]:
    """Paths that nothing judges, and how many entries there are of each judgement."""
    aggregates = frozenset(_aggregates(judged))
    counts: Counter[str] = Counter()
    unjudged: list[str] = []
    wrong: dict[Judgement, list[str]] = {Judgement.DENIED: [], Judgement.OTHER: []}
    for path, digest, _, violation in entries:
        if violation:
            counts["violation"] += 1
            continue
        if path == _AGGREGATE and digest in aggregates:
            continue
        judgement = rules.judge(path, digest)
        counts[judgement] += 1
        if judgement in wrong:
            wrong[judgement].append(f"{path[:_MAX_PATH]}: {digest}")
        elif judgement is Judgement.UNJUDGED and len(unjudged) < MAX_UNJUDGED:
            unjudged.append(path[:_MAX_PATH])
    judged.find_each("TPM-IMA-DENIED", "no such file", wrong[Judgement.DENIED])
    judged.find_each("TPM-IMA-NOT-ALLOWED", "a content that is allowed", wrong[Judgement.OTHER])
    return unjudged, counts


def _aggregates(judged: Judged) -> Iterator[str]:
    """The digests that the entry `boot_aggregate` may have: over the PCRs that were quoted.

    ima_crypto.c, ima_calc_boot_aggregate: PCRs 0 to 9, to 7 in older kernels. What is in these PCRs
    is judged for itself, so the entry needs no rule. Another digest of it is judged as a file's.
    """
    for last in (9, 7):
        values = [judged.quoted.get(pcr) for pcr in range(last + 1)]
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            digest = sha256_hex(b"".join(present))
            yield f"sha256:{digest}"
            yield f"ima:sha256:{digest}"


def _facts(status: ImaStatus, place: Place, unjudged: Sequence[str], counts: Counter[str]) -> Facts:
    """`entries` and `pcr` say where the list stands; the counts are of the part that was sent."""
    return {
        "ima": {
            "status": status,
            "entries": place.entries,
            "pcr": place.pcr,
            "violations": counts["violation"],
            "unjudged": counts[Judgement.UNJUDGED],
            "denied": counts[Judgement.DENIED] + counts[Judgement.OTHER],
            "unjudged_paths": [*unjudged],
        }
    }
