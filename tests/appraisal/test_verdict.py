from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import Appraiser, Outcome, Verdict, appraise, appraiser_digest
from lotabots.evidence import Caches
from lotabots.kernel import LotaError, sha256_hex


@pytest.fixture
def verdict(inputs_of: Any, appraiser: Appraiser) -> Verdict:
    return appraise(inputs_of(), Caches(), appraiser)


def test_a_verdict_reads_back_as_it_was_written(verdict: Verdict) -> None:
    data = verdict.canonical()
    assert Verdict.read(data) == verdict
    assert Verdict.read(data).canonical() == data
    assert verdict.digest == sha256_hex(data)


def test_a_verdict_with_anything_more_or_less_is_refused(verdict: Verdict) -> None:
    data = verdict.canonical()
    for changed in (
        data.replace(b'"outcome":"accepted"', b'"outcome":"fine"'),
        data.replace(b'"tier":2', b'"tier":"2"'),
        data.replace(b'{"appraiser"', b'{"also":1,"appraiser"'),
        data[:-1],
        b"[]",
    ):
        with pytest.raises(LotaError):
            Verdict.read(changed)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_verdict_or_an_error(data: bytes) -> None:
    with pytest.raises(LotaError):
        Verdict.read(data)


def test_a_verdict_of_the_same_moment_elsewhere_has_the_same_bytes(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=9)))
    moments = [noon, there, noon.replace(microsecond=999)]
    digests = {appraise(inputs_of(now=at), Caches(), appraiser).digest for at in moments}
    assert len(digests) == 1


def test_the_first_reason_is_the_worst(inputs_of: Any, appraiser: Appraiser) -> None:
    good = appraise(inputs_of(), Caches(), appraiser)
    assert (good.outcome, good.first_reason()) == (Outcome.ACCEPTED, None)
    inputs = inputs_of()
    broken = appraise(inputs_of(evidence=inputs.evidence[:1]), Caches(), appraiser).first_reason()
    assert broken is not None
    assert broken.code == "NODE-DEVICE-MISSING"


def test_the_appraiser_digest_depends_on_every_name_and_byte() -> None:
    files = {"lotabots/a.py": b"a", "lotabots/b.py": b"b"}
    digest = appraiser_digest(files)
    assert digest == appraiser_digest(dict(reversed(files.items())))
    changed = [
        files | {"lotabots/a.py": b"c"},
        {"lotabots/a.py": b"a"},
        {"lotabots/a.py": b"a", "lotabots/c.py": b"b"},
        {"lotabots/a.py": b"b", "lotabots/b.py": b"a"},
    ]
    assert digest not in {appraiser_digest(other) for other in changed}
