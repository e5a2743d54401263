"""What the log can be told, and what it cannot."""

import pytest

from lotabots.audit import AuditSettings
from lotabots.kernel import LotaError


@pytest.mark.parametrize(
    "option",
    [{"publish_ms": 49}, {"publish_ms": 60_001}, {"address_days": 0}, {"address_days": 3651}],
)
def test_a_number_that_cannot_be_meant_is_refused(option: dict[str, int]) -> None:
    with pytest.raises(LotaError, match="SETTINGS_INVALID"):
        AuditSettings(**option)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "option",
    [{}, {"publish_ms": 50}, {"publish_ms": 60_000}, {"address_days": 1}, {"address_days": 3650}],
)
def test_the_bounds_themselves_are_good(option: dict[str, int]) -> None:
    settings = AuditSettings(**option)  # type: ignore[arg-type]
    assert all(getattr(settings, name) == value for name, value in option.items())
