"""Writes the generated parts of the pages: the map of modules, all codes, all settings."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from textwrap import dedent

from lotabots.agent import AgentSettings
from lotabots.evidence.schemes import SCHEMES
from lotabots.kernel.codes import AREAS
from lotabots.kernel.codes.code import Code
from lotabots.runtime.settings import PREFIX, Secret
from lotabots.server.settings import SECTIONS, read_settings

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "lotabots"
ORDER = (
    *("kernel", "access", "tlog", "models", "evidence", "appraisal", "result", "simulator"),
    *("runtime", "audit", "reference", "attestation", "identity", "gateway", "server", "agent"),
    "cli",
)


def caption(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]


def between(text: str, mark: str, body: str) -> str:
    start, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    head, rest = text.split(start)
    return head + start + body + end + rest.split(end)[1]


def module_map() -> str:
    top = [f"`lotabots`: {caption(SRC / '__init__.py')}", caption(SRC / "__main__.py")]
    lines: list[str] = ["", *top]
    for package in ORDER:
        folder = SRC / package
        lines += [
            f"\n### {package}\n",
            f"{caption(folder / '__init__.py')}\n",
            "| module | what it is |",
            "|---|---|",
        ]
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder).with_suffix("").as_posix().removesuffix("/__init__")
            if name != "__init__":
                lines.append(f"| `{name}` | {caption(path)} |")
    return "\n".join(lines) + "\n\n"


def rows(codes: tuple[Code, ...]) -> list[str]:
    table = ["| code | kind | what it means | what to do |", "|---|---|---|---|"]
    table += [f"| `{c.name}` | {c.about} | {c.meaning} | {c.fix} |" for c in sorted(codes)]
    return table


def error_tables() -> str:
    lines: list[str] = []
    for area in AREAS:
        if area.CODES:
            title = (area.__doc__ or "").split("\n")[0].removeprefix("Codes about ").rstrip(".")
            lines += [f"\n## {title[0].upper()}{title[1:]}\n", *rows(area.CODES)]
    for scheme in SCHEMES:
        lines += [f"\n## Findings of the scheme `{scheme.name}`\n", *rows(tuple(scheme.codes))]
    return "\n".join(lines) + "\n\n"


def meanings(section: type) -> Iterator[tuple[str, str]]:
    """Each option with the text that stands below it in its class."""
    body = ast.parse(dedent(inspect.getsource(section))).body[0]
    assert isinstance(body, ast.ClassDef)
    for node, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            said = after.value if isinstance(after, ast.Expr) else None
            text = said.value if isinstance(said, ast.Constant) else ""
            yield node.target.id, " ".join(str(text).split())


def settings_tables() -> str:
    """Every section with its options, as the classes themselves describe them."""
    lines: list[str] = []
    changeable = {one.name for one in read_settings({}).shown if one.changeable}
    for name, section in SECTIONS.items():
        _, _, units = (inspect.getdoc(section) or "").split("\n")[0].partition(". ")
        lines += [f"\n### {name}\n", *([units, ""] if units else [])]
        lines += ["| option | variable | default | meaning |", "|---|---|---|---|"]
        said, defaults = dict(meanings(section)), section()
        for option in (field.name for field in fields(section)):
            default = getattr(defaults, option)
            secret = isinstance(default, Secret)
            shown = "" if secret or default == "" else f"`{str(default).lower()}`"
            variable = f"{PREFIX}{name}_{option}".upper()
            meaning = f"{said[option]}{' A secret.' if secret else ''}"
            meaning += " **Changeable at run time.**" if f"{name}.{option}" in changeable else ""
            lines.append(f"| `{option}` | `{variable}` | {shown} | {meaning} |")
    return "\n".join(lines) + "\n\n"


def agent_settings_table() -> str:
    """The section of the agent, as its class describes it."""
    lines = ["| option | variable | default | meaning |", "|---|---|---|---|"]
    said, defaults = dict(meanings(AgentSettings)), AgentSettings()
    for option in (field.name for field in fields(AgentSettings)):
        default = getattr(defaults, option)
        shown = "" if default == "" else f"`{default}`"
        lines.append(f"| `{option}` | `LOTA_AGENT_{option.upper()}` | {shown} | {said[option]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    for page, mark, body in (
        (ROOT / "ARCHITECTURE.md", "module map", module_map()),
        (ROOT / "docs" / "errors.md", "codes", error_tables()),
        (ROOT / "docs" / "running.md", "settings", settings_tables()),
        (ROOT / "docs" / "enrol.md", "agent settings", agent_settings_table()),
    ):
        page.write_text(between(page.read_text(), mark, body))


if __name__ == "__main__":
    main()
