"""A program for the tests: compliance-trestle reads OSCAL assessment results, and says what it saw.

usage: oscal_results.py FILE

Prints one JSON object: the states of all findings by control, or exits with trestle's own error.
"""
# ruff: noqa: T201 - its output is its answer

import json
import sys
from pathlib import Path

from trestle.oscal.assessment_results import Model

document = Model.model_validate_json(Path(sys.argv[1]).read_bytes()).assessment_results
findings = document.results[0].findings or []
print(json.dumps({one.target.target_id: str(one.target.status.state.value) for one in findings}))
