"""Every command of docs/events.md, run as it stands there; and its tables and numbers are true."""

import os
import re
import shutil
from pathlib import Path

import pytest
from plugins.reader import BLOCK, reader

from lotabots.attestation import AttestationSettings, listener, stream
from lotabots.attestation.notices import Notice
from lotabots.attestation.webhooks import delivering, managing, sending
from lotabots.kernel.codes import CATALOGUE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "events.md").read_text()
BLOCKS = BLOCK.findall(PAGE)
WORDS = set(re.findall(r"`([^`]+)`", BLOCK.sub("", PAGE)))
NEEDED = ("curl", "jq")


def test_events_and_webhooks_go_as_the_page_says() -> None:
    if missing := [one for one in NEEDED if shutil.which(one) is None]:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing} must be there in CI")
        pytest.skip(f"SKIPPED: {missing} are not installed")
    with reader() as somebody:
        somebody.follow(BLOCKS)


def test_every_block_about_events_is_one_of_those_that_are_run() -> None:
    assert len(BLOCKS) == PAGE.count("```") // 2


def test_every_kind_of_event_is_on_the_page_and_no_other() -> None:
    named = set(re.findall(r"`((?:node|device|revocation|results|policy|webhook)\.[a-z_]+)`", PAGE))
    assert named == set(Notice)


def test_every_code_of_a_delivery_is_on_the_page() -> None:
    codes = {word for word in WORDS if re.fullmatch(r"WEBHOOK_[A-Z_]+", word)}
    raised = set(re.findall(r'"(WEBHOOK_[A-Z_]+)"', Path(sending.__file__).read_text()))
    assert raised | {"WEBHOOK_REFUSED", "WEBHOOK_ADDRESS_FORBIDDEN"} == codes
    assert codes <= set(CATALOGUE)


def test_the_numbers_of_the_page_are_those_of_the_program() -> None:
    page = PAGE.replace("\n", " ")
    for text in (
        f"after {sending.SECONDS:.0f} seconds it counts as failed",
        f"more than {delivering.MOST_QUEUED} deliveries",
        f"at most {managing.MOST} webhooks",
        f"At most {stream.MOST_OF_TENANT} streams** of a tenant, and {stream.MOST} of all",
        f"cut off** after {listener.SLOW_SECONDS:.0f} seconds",
        f"every {listener.QUIET_SECONDS:.0f} seconds",
        f"days ({AttestationSettings().event_days})",
    ):
        assert text in page, text
    units = {"s": 1, "min": 60, "h": 3600}
    found = re.search(r"tried again after (.*?) \(each", page)
    assert found is not None
    pauses = [
        int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)", found[1])
    ]
    assert pauses == [pause.total_seconds() for pause in delivering.PAUSES]
    assert f"{sum(pauses) // 3600} hours in all" in page
