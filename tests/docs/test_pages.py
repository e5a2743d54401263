"""What the pages name exists: files, headings, commands, options."""

import re
import shlex
from pathlib import Path

import click
import pytest

from lotabots.cli.root import root

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```([\w ]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[str]:
    """Every `lotabots ...` that a reader may copy: in fenced blocks, and in the text between."""
    fenced = [
        body.replace("\\\n", " ")
        for language, body in FENCED.findall(page.read_text())
        if not language
    ]
    found = re.findall(r"(?<![\w`./-])lotabots [^|;&>#)\n]+", "\n".join(fenced))
    return found + [
        " ".join(one.split()) for one in re.findall(r"`(lotabots [^`|;&>]+)", prose(page))
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(prose(page)):
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {path}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)} links to {path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_of_a_page_names_a_command_and_its_options(page: Path) -> None:
    for line in commands(page):
        words = shlex.split(line, comments=True)[1:]
        command: click.Command = root
        while isinstance(command, click.Group) and words and words[0][0].islower():
            name = words.pop(0)
            found = command.get_command(click.Context(command), name)
            assert found is not None, f"{name_of(page)}: no command `{name}` in: {line}"
            command = found
        known = {"-h", "--help"}.union(*(option.opts for option in command.params))
        for word in words:
            option = word.split("=")[0]
            assert not word.startswith("-") or option in known, (
                f"{name_of(page)}: `{command.name}` has no option {option}: {line}"
            )


def test_the_reader_of_command_lines_finds_them() -> None:
    assert len(commands(ROOT / "docs" / "reference.md")) > 10
