"""docs/resources.md names the fields, metrics and codes that there are."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from lotabots.attestation import AttestationSettings
from lotabots.attestation.resource_metrics import NewestReports
from lotabots.evidence.schemes import SCHEMES
from lotabots.evidence.schemes.host_claims import Gpu, GpuUse, HostUse, Machine
from lotabots.kernel.codes import CATALOGUE
from lotabots.runtime.clock import utc_now

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "resources.md").read_text()
WORDS = set(re.findall(r"`([^`]+)`", PAGE))


def test_every_field_of_a_report_is_on_the_page() -> None:
    fields = {name for of in (HostUse, GpuUse) for name in of.__struct_fields__}
    missing = fields - WORDS - {"uuid", "ecc_corrected_ever", "ecc_uncorrected_ever"}
    assert missing == set()


def test_every_field_of_a_statement_by_which_machines_are_told_apart_is_on_the_page() -> None:
    asked = {"uuid", "pdi", "name", "serial", "vbios", "gsp", "ecc", "mig", "instances"}
    assert asked <= set(Gpu.__struct_fields__) & WORDS
    assert {"os", "kernel", "boot_id", "cpu", "memory"} <= set(Machine.__struct_fields__) & WORDS


def test_the_metrics_of_the_page_are_those_that_there_are() -> None:
    shown = NewestReports(CollectorRegistry(), utc_now, 1).collect()
    assert {family.name for family in shown} == {
        word for word in WORDS if word.startswith("lotabots_claimed_")
    }


def test_the_codes_of_the_page_are_in_the_catalogue_and_its_numbers_are_the_settings() -> None:
    known = set(CATALOGUE) | {code.name for scheme in SCHEMES for code in scheme.codes}
    codes = {word for word in WORDS if re.fullmatch(r"(SAMPLES?|HOST)[-_][A-Z-_]+", word)}
    assert len(codes) == 5
    assert codes <= known
    settings = AttestationSettings()
    assert f"`attestation.sample_days` days ({settings.sample_days})" in PAGE
    assert f"`attestation.resource_metrics` nodes ({settings.resource_metrics};" in PAGE
