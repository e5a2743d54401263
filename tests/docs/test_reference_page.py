"""What docs/reference.md shows of reference files is read as it says."""

import re
from pathlib import Path

from lotabots.evidence.schemes.tpm.reference import FORMAT, read_reference

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_values_for_tpms_that_the_page_shows_are_a_reference_file() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (shown,) = [block for block in blocks if FORMAT in block]
    text = read_reference(shown.encode())
    assert text.secure_boot is True
    assert [rule.path for rule in text.ima.deny] == ["/tmp/*"]
    assert text.pcrs.keys() == {"0", "14"}
