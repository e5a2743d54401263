"""Every chat template of a model, wherever it stands: judged, and compared with the others.

Places: `chat_template` in tokenizer_config.json, processor_config.json and chat_template.json (a
text, or a list of names with texts; transformers), `*.jinja` files, `tokenizer.chat_template` in
the header of a GGUF file.
"""

from collections.abc import Iterator

from lotabots.kernel import Json
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.templates import Template, judge_template
from lotabots.models.repository.view import View, folder_of, name_of

_CONFIGS = ("tokenizer_config.json", "chat_template.json", "processor_config.json")
_DEFAULT = "default"
MOST = 64
"""Templates of one model that are judged; a tenth of it is a lot."""


def check(view: View) -> Iterator[Finding]:
    """Judges each template once, and refuses default templates that differ without approval."""
    found = templates(view)
    approved = view.options.approved_templates
    for path in _odd(view):
        yield finding("TEMPLATE-UNREADABLE", path, measured="chat_template is no text")
    if len(found) > MOST:
        said = f"{len(found)} templates"
        yield finding("TEMPLATE-UNREADABLE", found[MOST].path, expected=str(MOST), measured=said)
    for template in found[:MOST]:
        yield from judge_template(template, approved)
    yield from _differing(found, approved)


def templates(view: View) -> list[Template]:
    """Every template, in the order of paths and names."""
    found: list[Template] = []
    for path, document in view.objects(*_CONFIGS).items():
        found += _named(path, document.get("chat_template"))
    for path, text in view.texts.items():
        if path.endswith((".jinja", ".jinja2", ".j2")):
            name = _DEFAULT if name_of(path) == "chat_template.jinja" else name_of(path)
            found.append(Template(path, name, text))
    for path, parsed in view.parsed.items():
        found += _named(path, parsed.facts.get("chat_template"))
        found += _named(path, parsed.facts.get("chat_templates"))
        # Metadata that are a template: whoever renders them is attacked by them.
        metadata = parsed.facts.get("metadata") if parsed.format == "safetensors" else None
        for key, value in metadata.items() if isinstance(metadata, dict) else ():
            if isinstance(value, str) and ("{{" in value or "{%" in value):
                found.append(Template(path, key, value))
    return sorted(found)


def _named(path: str, value: Json) -> list[Template]:
    if isinstance(value, str):
        return [Template(path, _DEFAULT, value)]
    if isinstance(value, dict):
        return [Template(path, name, text) for name, text in value.items() if isinstance(text, str)]
    found: list[Template] = []
    for each in value if isinstance(value, list) else []:
        name = each.get("name") if isinstance(each, dict) else None
        text = each.get("template") if isinstance(each, dict) else None
        if isinstance(name, str) and isinstance(text, str):
            found.append(Template(path, name, text))
    return found


def _odd(view: View) -> list[str]:
    """Configurations whose template is in a shape from which none was taken."""
    return [
        path
        for path, document in view.objects(*_CONFIGS).items()
        if document.get("chat_template") not in (None, [], {})
        and not _named(path, document["chat_template"])
    ]


def _differing(found: list[Template], approved: frozenset[str]) -> Iterator[Finding]:
    first: dict[str, Template] = {}
    for template in found:
        if template.name != _DEFAULT:
            continue
        other = first.setdefault(folder_of(template.path), template)
        same = other.source.strip() == template.source.strip()
        if not same and not {other.digest, template.digest} <= approved:
            expected = f"{other.digest} of {other.path}"
            yield finding(
                "TEMPLATE-DIFFERS", template.path, expected=expected, measured=template.digest
            )
