"""The shape of the code: faces, captions, sizes. The import contracts stand in pyproject.toml."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "lotabots"
MODULES = sorted(SRC.rglob("*.py"))
PARSER_NOTE = "parser of a binary format"
LONGEST_FILE, LONGEST_PARSER, LONGEST_FUNCTION = 300, 400, 60

# Faces of their own (DESIGN section 4): each part of runtime, each scheme; what reads a model from
# disk, and what asks devices for evidence, which the pure rest of its package does not import; the
# parsers, scan and comparison of models, which few commands load; what reads YAML, which costs a
# start-up that reads none; and the judges of models and of controls, whose words (policy, verdict,
# rule) are those of the judge of hardware.
FACES = re.compile(
    r"lotabots(\.\w+)?$|lotabots\.runtime\.\w+$|lotabots\.evidence\.schemes(\.\w+)?$|lotabots\.kernel\.(?:codes|yaml_text)$"
    r"|lotabots\.evidence\.schemes\.\w+\.collect$"
    r"|lotabots\.models\.(?:read|cache|scan)$|lotabots\.appraisal\.(?:models|compliance|assessment)$"
    r"|lotabots\.models\.(?:read|cache|scan|formats|tensors)$|lotabots\.appraisal\.(?:models|compliance)$"
)


def name_of(path: Path) -> str:
    parts = path.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    """The package whose face others must use: lotabots.X, or one of the finer faces."""
    parts = module.split(".")
    if module.startswith("lotabots.evidence.schemes."):
        return ".".join(parts[:4])
    if module.startswith("lotabots.runtime."):
        return ".".join(parts[:3])
    return ".".join(parts[:2])


def imports(path: Path) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module, tuple(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()


def is_module(name: str) -> bool:
    path = SRC.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_other_packages_by_their_face_only(path: Path) -> None:
    own = package_of(name_of(path))
    for line, module, names in imports(path):
        if not module.startswith("lotabots") or package_of(module) == own:
            continue
        # `from lotabots.runtime import clock` names the face lotabots.runtime.clock.
        reached = [
            f"{module}.{name}" if is_module(f"{module}.{name}") else module for name in names
        ]
        for target in reached or [module]:
            scheme_part = (
                own.startswith("lotabots.evidence") and target == "lotabots.evidence.types"
            )
            assert FACES.match(target) or scheme_part, (
                f"{path.relative_to(ROOT)}:{line} reaches past a face: {target}"
            )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_and_its_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    lines = len(text.splitlines())
    limit = LONGEST_PARSER if PARSER_NOTE in text else LONGEST_FILE
    assert lines <= limit, (
        f"{path.relative_to(ROOT)} has {lines} lines, more than {limit}: split it"
    )
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, (
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {length} lines"
            )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_code_has_no_assert_and_no_hidden_import(path: Path) -> None:
    tree = ast.parse(path.read_text())
    lazy = name_of(path).startswith("lotabots.cli")
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Assert), (
            f"{path.relative_to(ROOT)}:{node.lineno} asserts; it vanishes under -O"
        )
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazy:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    line = path.read_text().splitlines()[inner.lineno - 1]
                    assert "# lazy:" in line, (
                        f"{path.relative_to(ROOT)}:{inner.lineno} hides an import: `# lazy: why`"
                    )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_docstring_of_a_module_is_its_caption_in_the_architecture(path: Path) -> None:
    caption = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
    assert caption.endswith((".", "?", "!")), f"{path.relative_to(ROOT)} needs a one-line caption"
    assert caption in (ROOT / "ARCHITECTURE.md").read_text(), (
        f"ARCHITECTURE.md does not carry the caption of {path.relative_to(ROOT)}: run `make docs`"
    )


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda p: p.name)
def test_a_lock_carries_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, f"{lock.name}: no hash for {block.splitlines()[0]}"


def test_only_the_pure_line_and_the_command_line_are_needed_by_the_base_install() -> None:
    pure = ("kernel", "access", "tlog", "models", "evidence", "appraisal", "result")
    server_only = (
        "asyncpg",
        "litestar",
        "uvicorn",
        "obstore",
        "structlog",
        "alembic",
        "sqlalchemy",
    )
    for path in MODULES:
        if path.relative_to(SRC).parts[0] in pure:
            for line, module, _ in imports(path):
                assert not module.startswith(server_only), f"{path}:{line} needs {module}"
