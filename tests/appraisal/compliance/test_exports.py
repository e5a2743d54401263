import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from appraisal.compliance.made import card, evidence, report, waiver
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal.compliance import (
    STYLE_HASH,
    Card,
    ComplianceReport,
    Evidence,
    markdown,
    model_bom,
    oscal,
    page,
    verification_summary,
)
from lotabots.appraisal.compliance.exports.markdown import escape
from lotabots.appraisal.compliance.exports.words import visible
from lotabots.models import Algorithm, FileEntry

ROOT = Path(__file__).resolve().parents[3]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HOSTILE = (
    "<script>alert(1)</script>",
    '" onload="x',
    "</style><img src=x onerror=y>",
    "a|b\n|---|\n| forged | pass |",
    "[click](javascript:x) ![](http://x.example/p)",
    "`code` **bold** <b>",
    "\u202egnp.exe\u2066",
    "\x00\x1b[31m\r\n\t\u2028",
    "&lt;&#x27;",
    "@everyone #1 :tada:",
    "~~x~~ $x$ ^x",
    " ",
)


def hostile(word: str) -> ComplianceReport:
    """A report with the word wherever a file or a person can put one."""
    named = card(license=word, parameters=word, release_date=word, distribution=word)
    bad = Card(metadata=named.metadata, sections={word.lower(): word, "intended use": word})
    return report(
        (
            waiver("LB-DOC-01"),
            waiver("LB-LIC-01"),
        ),
        name=word,
        version=word,
        card=bad,
    )


def files() -> list[FileEntry]:
    return [FileEntry(path=path, size=9, digest=bytes(32)) for path in ("a.json", *HOSTILE)]


def bom(**changes: Any) -> dict[str, Any]:
    made: Evidence = evidence(**changes)
    data = model_bom(made, files(), Algorithm.SHA256, tool_version="0")
    value: dict[str, Any] = json.loads(data)
    return value


@pytest.fixture(scope="session")
def schema(cyclonedx_schemas: Path) -> jsonschema_rs.Validator:
    def read(uri: str) -> Any:
        name = uri.rsplit("/", 1)[-1].replace(".schema.json", "").replace(".SNAPSHOT", "")
        return json.loads((cyclonedx_schemas / f"{name}.SNAPSHOT.schema.json").read_bytes())

    return jsonschema_rs.Draft7Validator(read("bom-1.6"), retriever=read, validate_formats=True)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"card": None, "facts": None, "signed": None, "tensors": None, "version": ""},
        *({"card": card(license=w, base_model=[w], datasets=[w, {"id": w}])} for w in HOSTILE),
    ],
)
def test_a_bill_of_materials_is_valid_by_the_official_schema(
    schema: jsonschema_rs.Validator, changes: dict[str, Any]
) -> None:
    schema.validate(bom(**changes))


def test_the_official_schema_refuses_what_is_wrong(schema: jsonschema_rs.Validator) -> None:
    wrong = bom()
    wrong["metadata"]["component"]["licenses"] = [{"license": {"id": "no such id"}}]
    assert not schema.is_valid(wrong)


def test_a_bill_of_materials_says_what_the_model_is() -> None:
    made = bom()
    model = made["metadata"]["component"]
    assert (model["group"], model["name"], model["version"]) == ("acme", "llama-8b", "1.4.0")
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert model["pedigree"]["ancestors"][0]["name"] == "acme/llama-base"
    assert model["modelCard"]["modelParameters"]["task"] == "text-generation"
    properties = {one["name"]: one["value"] for one in model["properties"]}
    assert properties["lotabots:parameters"] == "1000"
    references = [one["bom-ref"] for one in made["components"]]
    assert len(set(references)) == len(references)
    assert made["dependencies"] == [{"ref": "model", "dependsOn": references}]


def test_equal_models_give_equal_bytes() -> None:
    assert bom() == bom()
    assert oscal(report()) == oscal(report())


def test_oscal_has_every_control_and_calls_nothing_satisfied_that_did_not_pass() -> None:
    made = report((waiver("LB-DOC-01"),), card=None)
    document = json.loads(oscal(made))["assessment-results"]
    (result,) = document["results"]
    (selection,) = result["reviewed-controls"]["control-selections"]
    assert len(selection["include-controls"]) == len(result["observations"]) == 26
    states = {
        one["target"]["target-id"]: one["target"]["status"]["state"] for one in result["findings"]
    }
    for one in made.controls.results:
        if one.status.value != "not_applicable":
            wanted = "satisfied" if one.status.value == "pass" else "not-satisfied"
            assert states[f"{one.id}_obj"] == wanted
    observed = {one["uuid"] for one in result["observations"]}
    for one in result["findings"]:
        assert one["related-observations"][0]["observation-uuid"] in observed
    assert document["import-ap"]["href"][1:] == document["back-matter"]["resources"][0]["uuid"]


@pytest.mark.parametrize("word", HOSTILE)
def test_oscal_keeps_its_shape_whatever_a_name_says(word: str) -> None:
    document = json.loads(oscal(hostile(word)))["assessment-results"]
    strings: list[tuple[str, str]] = []

    def walk(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for name, one in value.items():
                walk(one, name)
        elif isinstance(value, list):
            for one in value:
                walk(one, key)
        else:
            strings.append((key, value))

    walk(document)
    for key, text in strings:
        assert text.strip() == text
        assert text
        assert "\n" not in text
        if key in {"uuid", "observation-uuid"}:
            assert UUID.fullmatch(text)


@pytest.mark.long
@pytest.mark.parametrize("word", ["", *HOSTILE])
def test_trestle_reads_our_oscal_and_sees_the_same(
    trestle: Path, tmp_path: Path, word: str
) -> None:
    made = hostile(word) if word else report()
    path = tmp_path / "results.json"
    path.write_bytes(oscal(made))
    program = ROOT / "tests" / "interop" / "oscal_results.py"
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), str(path)],
        env={**os.environ, "PYTHONPATH": str(trestle)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    states = json.loads(ran.stdout)
    passing = {f"{r.id}_obj" for r in made.controls.results if r.status.value == "pass"}
    assert {name for name, state in states.items() if state == "satisfied"} == passing


def test_a_verification_summary_is_passed_only_where_nothing_is_open() -> None:
    for made, result, levels in (
        (report(), "PASSED", {"LOTABOTS_CORE", "LOTABOTS_OUR_SUPPLY_CHAIN"}),
        (report(card=None), "FAILED", {"FAILED"}),
        (
            report((waiver("LB-PRO-01"),), provenance=None),
            "PASSED",
            {"LOTABOTS_OUR_SUPPLY_CHAIN_WAIVED"},
        ),
        (report(card=card(license="no")), "FAILED", {"FAILED"}),
    ):
        statement = json.loads(verification_summary(made))
        predicate = statement["predicate"]
        assert statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
        assert statement["subject"][0]["digest"] == {"strongRoot": made.root}
        assert predicate["verificationResult"] == result
        assert levels <= set(predicate["verifiedLevels"])
        assert not [one for one in predicate["verifiedLevels"] if one.startswith("SLSA_")]
        for field in ("verifier", "timeVerified", "resourceUri", "policy"):
            assert predicate[field]


class Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def shape(text: str) -> list[str]:
    return [tag for tag, _ in Tags(text).tags]


@pytest.mark.parametrize("word", HOSTILE[:-1])
def test_a_page_has_the_same_tags_whatever_a_name_says(word: str) -> None:
    made = Tags(page(hostile(word)))
    assert made.tags == Tags(page(hostile("plain"))).tags
    assert visible(word).strip() in made.words


def test_a_page_loads_nothing_runs_nothing_and_names_its_style() -> None:
    text = page(report())
    for tag, attributes in Tags(text).tags:
        assert tag not in {"script", "img", "link", "iframe", "object", "form", "base", "a"}
        assert {name for name, _ in attributes} <= {
            *("class", "lang", "charset", "http-equiv", "content", "name", "scope"),
        }
    assert f"style-src &#x27;{STYLE_HASH}&#x27;" in text
    assert "url(" not in text
    assert "@import" not in text


def test_a_page_shows_no_percentage_and_every_control() -> None:
    for text in (page(report(card=None)), markdown(report(card=None))):
        assert "%" not in text.split("</style>")[-1]
        for one in report().controls.results:
            assert one.id in text.replace("\\", "")


@pytest.mark.parametrize("word", HOSTILE[:-1])
def test_markdown_has_the_same_rows_whatever_a_name_says(word: str) -> None:
    rows = markdown(hostile(word)).splitlines()
    plain = markdown(hostile("plain")).splitlines()
    assert len(rows) == len(plain)
    for row, other in zip(rows, plain, strict=True):
        assert row[:1] == other[:1]
        assert len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"(?<!\\)\|", other))


@given(st.text(max_size=40))
def test_an_escaped_text_has_no_mark_that_markdown_reads(text: str) -> None:
    escaped = escape(text)
    assert not set(re.sub(r"\\.", "", escaped)) & set("\\`*_{}[]()#+-.!|<>~&@:/$^")
    assert "\n" not in escaped


@given(st.text(max_size=40))
def test_what_is_visible_is_on_one_line_and_reads_one_way(text: str) -> None:
    assert visible(text).isprintable() or " " in visible(text)
    assert len(visible(text).splitlines()) <= 1
