import pytest

from lotabots.appraisal.document import read_document
from lotabots.kernel import LotaError


def test_a_policy_is_read_as_json_values() -> None:
    assert read_document(b"a: 1\nb: [x, 'y']") == {"a": 1, "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"a: yes", "POLICY_MALFORMED"), (b"a" * 65_537, "POLICY_TOO_LARGE")],
)
def test_what_has_two_readings_or_is_too_large_is_refused_as_a_policy(
    text: bytes, code: str
) -> None:
    with pytest.raises(LotaError) as refusal:
        read_document(text)
    assert refusal.value.code == code
