"""What a chat template does, from its own words: parsed, never rendered."""

import re
from typing import NamedTuple

from lotabots.kernel import sha256_hex
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.templates.access import escapes
from lotabots.models.repository.templates.conditions import added
from lotabots.models.repository.templates.parser import parse
from lotabots.models.repository.templates.speech import Level, sentences
from lotabots.models.repository.templates.tokens import Unreadable

__all__ = ["Template", "judge_template", "template_digest"]

# In a template that cannot be parsed: a name of Python's internals inside of a tag.
_INTERNALS = re.compile(r"__\w{2,40}__|\battr\s*\(")
MAX_SAID = 8
"""Findings of one kind about one template."""


class Template(NamedTuple):
    """A chat template and where it stands."""

    path: str
    name: str
    """`default`, or the name under which a configuration gives it."""
    source: str

    @property
    def digest(self) -> str:
        """By which it is approved."""
        return template_digest(self.source)


def template_digest(source: str) -> str:
    """The digest by which a template is approved: SHA-256 of its text in UTF-8, `sha256:...`."""
    return "sha256:" + sha256_hex(source.encode("utf-8", "surrogatepass"))


def judge_template(template: Template, approved: frozenset[str]) -> tuple[Finding, ...]:
    """What is wrong with a template. Approval lifts what is unusual, never what escapes."""
    known = template.digest in approved
    path, digest = template.path, template.digest
    try:
        statements = parse(template.source)
        out = [
            finding("TEMPLATE-ESCAPE", path, expected=digest, measured=why)
            for why in dict.fromkeys(escapes(statements))
        ]
        if known or out:
            return tuple(out[:MAX_SAID])
        told = [
            finding(
                "TEMPLATE-CONDITIONAL" if each.level is Level.CONTENT else "TEMPLATE-INSTRUCTION",
                path,
                expected=f"approved {digest}",
                measured=" ".join(each.text.split()),
            )
            for each in sentences(added(statements))
        ]
    except Unreadable as error:
        if inside := _INTERNALS.search(template.source):
            return (finding("TEMPLATE-ESCAPE", path, expected=digest, measured=inside[0]),)
        if known:
            return ()
        why = str(error)
        return (finding("TEMPLATE-UNREADABLE", path, expected=f"approved {digest}", measured=why),)
    told.sort(key=lambda found: found.code)  # CONDITIONAL first: it is the one that refuses
    return tuple(told[:MAX_SAID])
