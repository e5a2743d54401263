from pathlib import Path

from lotabots.appraisal import checks, policies
from lotabots.appraisal.checks import CHECKS

PACKAGE = Path(checks.__file__).parent.parent


def test_every_check_is_one_file_and_one_line() -> None:
    files = {path.stem for path in (PACKAGE / "checks").glob("*.py")} - {"__init__", "case"}
    assert {check.__module__.rpartition(".")[2] for check in CHECKS} == files


def test_every_policy_is_one_file_and_one_line() -> None:
    files = {path.stem for path in (PACKAGE / "policies").glob("*.py")} - {"__init__"}
    assert {name.replace("-", "_") for name in policies.TEXTS} == files


def test_only_one_module_knows_the_cel_library() -> None:
    source = PACKAGE.parent
    users = [path.name for path in source.rglob("*.py") if "import cel\n" in path.read_text()]
    assert users == ["cel.py"]
