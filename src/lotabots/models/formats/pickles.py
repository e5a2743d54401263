"""Pickle streams by their opcodes: the names that they import, and what is called and set.

Nothing is imported, called or set here. A pickle is a format of code: whether one is let in at all
is for the scan to say; what a stream does beyond what checkpoints need is a finding of this parser.
"""

import re
from dataclasses import dataclass

from lotabots.kernel import Json
from lotabots.models.formats import safetensors
from lotabots.models.formats.faults import Faults
from lotabots.models.formats.opcodes import HIGHEST
from lotabots.models.formats.pickle_machine import Machine
from lotabots.models.formats.pickle_steps import STEPS
from lotabots.models.formats.pickle_values import Global, Value
from lotabots.models.memory import Memory
from lotabots.models.types import Content, Parsed

_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*\s*\.[^\W\d]\w*(\.\w+)*\s*")


@dataclass(frozen=True)
class Stream:
    """What one pickle stream would do."""

    value: Value
    """What it leaves; None as well where it was not read to its end."""
    whole: bool
    """Whether it was read to its STOP."""
    end: int
    """Offset behind its last opcode that was read."""
    globals: dict[Global, set[str]]
    """Each name that it imports, with what is done: `called`, `built`."""
    operations: int
    acted: bool
    """Whether it calls anything."""


def read_stream(
    content: Content, faults: Faults, *, begin: int = 0, persistent: bool = False
) -> Stream:
    """What the stream that begins here would do; its findings go to `faults`.

    `persistent`: whether its loader knows persistent ids, as PyTorch's does.
    """
    machine = Machine(content, faults, begin, persistent=persistent)
    whole = machine.run(STEPS)
    return Stream(
        value=machine.stack[-1] if whole else None,
        whole=whole,
        end=machine.cursor.position,
        globals=machine.globals,
        operations=machine.operations,
        acted=machine.acted,
    )


def sniff(head: bytes) -> bool:
    """Whether a file that begins so can be meant as a pickle, cut or broken ones included.

    Protocol 2 and later begin with 0x80 and a number. Before that there is no magic: then it is a
    pickle if its opcodes call a name, or end with the file, or go on as far as we see.
    """
    faults = Faults("")
    stream = read_stream(Memory(head), faults)
    codes = {found.code for found in faults.listed}
    broken = bool(codes & {"PICKLE-UNKNOWN", "PICKLE-STACK", "PICKLE-MALFORMED"})
    if head[:1] == b"\x80" and head[1:2] <= bytes((HIGHEST,)):
        # The length of a safetensors header can begin so as well; then the opcodes decide.
        return not (broken and not stream.globals and safetensors.sniff(head))
    if stream.acted:
        return any(_NAME.fullmatch(name.dotted) for name in stream.globals)
    if stream.whole:
        return stream.end == len(head) and stream.operations > 1
    return len(head) >= 4096 and not broken and stream.operations >= 8


def parse(path: str, content: Content) -> Parsed:
    """The names that a pickle imports, as the fact `globals`, and what is wrong with it."""
    faults = Faults(path)
    stream = read_stream(content, faults)
    if stream.whole and stream.end != content.size:
        measured = content.size - stream.end
        faults.finding("PICKLE-TRAILING", offset=stream.end, measured=measured)
    facts = {"globals": named(stream.globals)}
    return Parsed(format="pickle", facts=facts, findings=faults.listed)


def named(found: dict[Global, set[str]]) -> Json:
    """Names as a fact: module, name, and what is done with each."""
    rows: list[Json] = []
    for name in sorted(found, key=lambda each: (each.module, each.name))[:1000]:
        used: list[Json] = [*sorted(found[name])]
        rows.append({"module": name.module[:200], "name": name.name[:200], "used": used})
    return rows
