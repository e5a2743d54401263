"""Runs the command line in this process and keeps what it said."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from lotabots.cli import main


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def lotabots(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`lotabots("verify", "gpu", ...)` gives exit code, stdout and stderr."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = stop.value.code
        return Ran(code if isinstance(code, int) else 1, said.out, said.err)

    return run
