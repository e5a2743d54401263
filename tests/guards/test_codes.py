"""Every public code is in the catalogue, is raised somewhere, and is documented."""

import re
from pathlib import Path

from lotabots.evidence.schemes import SCHEMES
from lotabots.kernel.codes import AREAS, CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "lotabots"
RAISED = re.compile(
    r"""(?:invalid|error|refuse\w*|finding|LotaError|fail\w*)\(\s*(?:Kind\.[A-Z_]+,\s*)?"([A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+)\""""
)


def raised() -> set[str]:
    return {code for path in SRC.rglob("*.py") for code in RAISED.findall(path.read_text())}


def documented() -> set[str]:
    names = set(CATALOGUE)
    for scheme in SCHEMES:
        names |= {code.name for code in scheme.codes}
    return names


def test_a_code_that_is_raised_is_in_the_catalogue() -> None:
    assert raised() - documented() == set()


def test_no_code_is_listed_twice() -> None:
    names = [code.name for area in AREAS for code in area.CODES]
    assert len(names) == len(set(names))


def test_a_code_in_the_catalogue_is_used_by_the_program() -> None:
    text = "\n".join(
        path.read_text()
        for path in SRC.rglob("*.py")
        if path.parent.name != "codes" and path.name != "codes.py"
    )
    assert [name for name in documented() if f'"{name}"' not in text] == []


def test_every_code_says_what_it_means_and_how_to_mend_it() -> None:
    for code in CATALOGUE.values():
        assert code.meaning.strip(), code.name
        assert code.fix.strip(), code.name


def test_the_error_page_lists_every_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    assert [name for name in sorted(documented()) if f"`{name}`" not in page] == []
