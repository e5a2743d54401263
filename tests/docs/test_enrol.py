"""Every command of docs/enrol.md, run as it stands there, and what the page says that it prints."""

import os
import runpy
from pathlib import Path

import pytest
from plugins.reader import BLOCK, reader
from plugins.swtpm import MISSING, installed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "enrol.md").read_text()
TPM = PAGE.index("## With a TPM")
SIMULATED_BLOCKS = BLOCK.findall(PAGE[:TPM])
TPM_BLOCKS = BLOCK.findall(PAGE[TPM:])


def test_enrolling_a_simulated_node_goes_as_the_page_says() -> None:
    with reader() as somebody:
        somebody.follow(SIMULATED_BLOCKS)


def test_enrolling_a_node_with_a_tpm_goes_as_the_page_says() -> None:
    if not installed():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{MISSING}, and in CI they must be")
        pytest.skip(f"SKIPPED: {MISSING}")
    with reader() as somebody:
        somebody.follow(TPM_BLOCKS)


def test_every_block_about_enrolling_is_one_of_those_that_are_run() -> None:
    assert len(SIMULATED_BLOCKS) + len(TPM_BLOCKS) == PAGE.count("```") // 2
    assert [kind for kind, _ in SIMULATED_BLOCKS].count("sh server") == 1
    assert [kind for kind, _ in TPM_BLOCKS].count("sh server") == 1


def test_the_page_about_enrolling_has_every_setting_of_the_agent() -> None:
    writer = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))
    assert writer["agent_settings_table"]() in PAGE, "run `make docs`"
