"""Hostile models are refused with their reason, good ones accepted; nothing is left out."""

import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.hostile import Control, Hostile
from models.hostile.repository import (
    INSTRUCTING,
    PROGRAM,
    changed,
    gguf,
    llama,
    options_of,
    template,
)

from lotabots.models import Memory, MemoryTree, Severity
from lotabots.models.findings import Finding
from lotabots.models.read import open_folder
from lotabots.models.scan import Options, ScanReport, scan
from lotabots.models.types import FileKind, Listed

HERE = Path(__file__).parent / "hostile"
PARTS = [name for name in ("binary", "code", "repository") if (HERE / f"{name}.py").is_file()]
MODULES = {name: importlib.import_module(f"models.hostile.{name}") for name in PARTS}
CASES = [(name, case) for name, module in MODULES.items() for case in module.CASES]
CONTROLS = [(name, case) for name, module in MODULES.items() for case in module.CONTROLS]


def scanned(part: str, case: Control, folder: Path) -> ScanReport:
    """The report on a case as it lies on the disk, pickles allowed where they are the subject."""
    case.write(folder)
    options = options_of(case) if part == "repository" else Options(allow_pickle=part == "code")
    with open_folder(folder) as tree:
        return scan(tree, options)


@pytest.mark.parametrize(("part", "case"), CASES, ids=str)
def test_a_hostile_model_is_not_accepted_and_its_reason_is_among_the_findings(
    part: str, case: Hostile, tmp_path: Path
) -> None:
    report = scanned(part, case, tmp_path)
    assert case.expect in {found.code for found in report.findings}
    assert report.outcome != "accepted"


@pytest.mark.parametrize(
    ("part", "case"), CONTROLS, ids=lambda value: getattr(value, "name", value)
)
def test_a_good_model_is_accepted(part: str, case: Control, tmp_path: Path) -> None:
    report = scanned(part, case, tmp_path)
    assert [found for found in report.findings if found.severity is not Severity.WARNING] == []
    assert report.outcome == "accepted"


def test_hostile_cases_of_this_part_are_all_there() -> None:
    ids = {case.id for _, case in CASES}
    assert {"H39", "H40", *(f"H{number}" for number in range(63, 75))} <= ids


def codes(files: dict[str, bytes], options: Options | None = None) -> dict[str, Severity]:
    return {each.code: each.severity for each in scan(MemoryTree(files), options).findings}


def test_every_file_is_accounted_for() -> None:
    report = scan(MemoryTree({**llama(), "x.dat": b"\x00\x01", "empty": b""}))
    assert {file.path for file in report.files} == {*llama(), "x.dat", "empty"}
    assert {file.path: file.format for file in report.files}["model.safetensors"] == "safetensors"
    (odd,) = [file for file in report.files if file.path == "x.dat"]
    assert [found.code for found in odd.findings] == ["SCAN-UNKNOWN"]
    assert report.outcome == "inconclusive"


def test_an_empty_folder_is_inconclusive() -> None:
    assert scan(MemoryTree({})).outcome == "inconclusive"


def test_a_file_is_what_its_content_is_and_its_name_must_agree() -> None:
    weights = llama()["model.safetensors"]
    assert codes({"a.json": weights})["SCAN-DISGUISED"] is Severity.REJECT
    assert codes({"a.safetensors": b"hello\n"})["SCAN-DISGUISED"] is Severity.REJECT
    assert codes({"a.gguf": weights})["SCAN-DISGUISED"] is Severity.REJECT
    assert codes({"config.json": b"\xff\xfe"})["SCAN-DISGUISED"] is Severity.REJECT
    assert codes({"0123abcd": weights}) == {}


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"\x7fELF\x02", "PROGRAM-BINARY"),
        (b"\xa7\x0d\r\n" + bytes(12) + b"\xe3", "SCAN-EXECUTABLE"),
        (b"BC\xc0\xde", "SCAN-EXECUTABLE"),
    ],
)
def test_a_program_is_refused_under_any_name(head: bytes, code: str) -> None:
    for name in ("a.safetensors", "a", "README.md"):
        assert codes({name: head + bytes(64)})[code] is Severity.REJECT


def test_the_data_of_an_onnx_file_are_accounted_for_by_it() -> None:
    (model,) = [case for name, case in CONTROLS if case.name == "onnx"]
    assert model.files is not None
    files = dict(model.files())
    formats = {file.path: file.format for file in scan(MemoryTree(files)).files}
    assert formats == {"model.onnx": "onnx", "w/far.bin": "onnx-data"}
    assert codes({"model.onnx": files["model.onnx"]})["EXTERNAL-DATA"] is Severity.REJECT
    short = files | {"w/far.bin": files["w/far.bin"][:-1]}
    assert codes(short)["EXTERNAL-DATA"] is Severity.REJECT


def test_a_pointer_of_git_lfs_is_not_the_weights() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"
    assert codes({"model.safetensors": pointer}) == {"SCAN-POINTER": Severity.INCONCLUSIVE}


def test_a_template_with_sentences_is_inconclusive_until_it_is_approved() -> None:
    found = codes(dict(template(INSTRUCTING)))
    assert found == {"TEMPLATE-INSTRUCTION": Severity.INCONCLUSIVE}


def test_a_format_that_is_not_allowed_is_refused() -> None:
    assert codes({"m.gguf": gguf()}, Options(formats=frozenset({"text"}))) == {
        "SCAN-FORMAT": Severity.REJECT
    }


def test_an_adapter_without_its_base_is_inconclusive() -> None:
    (adapter,) = [
        case for name, case in CONTROLS if name == "repository" and case.name == "adapter"
    ]
    assert adapter.files is not None
    assert codes(dict(adapter.files())) == {"ADAPTER-UNCHECKED": Severity.INCONCLUSIVE}


class Odd:
    """A tree with a link, a pipe and a file that cannot be read."""

    findings: tuple[Finding, ...] = ()
    listed = (
        Listed(path="gone.txt", kind=FileKind.REGULAR, size=3),
        Listed(path="link", kind=FileKind.SYMLINK, size=0, target="../x"),
        Listed(path="pipe", kind=FileKind.OTHER, size=0),
    )

    def content(self, path: str) -> Memory:
        return MemoryTree({}).content(path)


def test_what_cannot_be_read_is_never_clean() -> None:
    report = scan(Odd())
    assert [(found.path, found.code) for found in report.findings] == [
        ("pipe", "SCAN-SPECIAL"),
        ("gone.txt", "SCAN-UNREADABLE"),
        ("link", "SCAN-LINK"),
    ]


def test_findings_are_ordered_the_worst_first() -> None:
    files = {**llama(), "a.dat": b"\x00\x01", "z.py": PROGRAM}
    severities = [found.severity for found in scan(MemoryTree(files)).findings]
    assert severities == [Severity.REJECT, Severity.INCONCLUSIVE]


def test_a_scan_says_what_the_repository_states() -> None:
    facts = scan(MemoryTree(dict(changed()))).facts
    assert facts["parameters"] == 392
    assert facts["licence"] == {
        "named": "apache-2.0",
        "text": "LICENSE",
        "recognised": "apache-2.0",
        "similarity": 1.0,
    }


NAMES = st.sampled_from(
    [
        *llama(),
        *("adapter_config.json", "model.safetensors.index.json", "modules.json", "x.yaml"),
        *("model_index.json", "chat_template.jinja", "vocab.json", "m.gguf", "x.bin", "LICENSE.md"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("weight_map", "model", "vocab", "added_tokens", "auto_map", "chat_template"),
                    *("content", "id", "name", "template", "type", "unet", "added_tokens_decoder"),
                    *("0", "r", "rank_pattern", "base_model_name_or_path", "impl", "license"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, st.binary(max_size=64) | VALUES, max_size=6))
def test_any_bytes_and_any_values_give_a_report(given_files: dict[str, object]) -> None:
    files = {
        path: value if isinstance(value, bytes) else json.dumps(value).encode()
        for path, value in given_files.items()
    }
    report = scan(MemoryTree({**llama(), **files}))
    assert len(report.files) == len({**llama(), **files})
    assert report == scan(MemoryTree({**llama(), **files}))


@given(st.data())
def test_a_file_cut_anywhere_is_never_an_error(data: st.DataObject) -> None:
    files = llama()
    path = data.draw(st.sampled_from(sorted(files)))
    cut = data.draw(st.integers(0, len(files[path])))
    scan(MemoryTree({**files, path: files[path][:cut]}))
