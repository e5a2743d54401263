"""What a host says of itself becomes claims, never more, and a layout to compare the next with."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from lotabots.evidence import Anchors, Caches, Claims, Context, Evidence, Level, ReferenceFiles
from lotabots.evidence.schemes.host_claims import (
    HOST_CLAIMS,
    ConfidentialComputing,
    MigInstance,
    Nvml,
    layout_of,
    verify_hosts,
)
from lotabots.simulator import HostOnNode, make_node

NONCE = b"n" * 32
HOST = HostOnNode.of(make_node("said", gpus=2))
FIRST, SECOND = HOST.machine.gpus


def claims(evidence: Evidence, declared: dict[str, str] | None = None) -> Claims:
    context = Context(
        nonces={"host0": NONCE},
        reference=ReferenceFiles(()),
        anchors=Anchors(device=(), rim=()),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        max_revocation_age=timedelta(days=1),
        caches=Caches(),
        declared={"host0": "node-1"} if declared is None else declared,
    )
    (found,) = verify_hosts([evidence], context).devices
    return found


def layout(host: HostOnNode) -> dict[str, str]:
    return layout_of(claims(host.attest(NONCE)).facts)


def changed(host: HostOnNode) -> dict[str, str]:
    before = layout(HOST)
    return {name: value for name, value in layout(host).items() if before.get(name) != value}


def test_an_answer_to_its_own_challenge_is_claimed_and_never_more() -> None:
    found = claims(HOST.attest(NONCE))
    assert (found.level, found.simulated, found.findings) == (Level.CLAIMED, False, ())
    facts = found.facts
    assert (facts["class"], facts["id"], facts["level"]) == ("host", "node-1", "claimed")
    assert (facts["nonce"], facts["gpus"]) == ("match", 2)
    assert isinstance(facts["devices"], list)


def test_an_answer_to_another_challenge_proves_nobody() -> None:
    found = claims(HOST.attest(b"m" * 32))
    assert (found.level, [one.code for one in found.findings]) == (
        Level.NONE,
        ["HOST-NONCE-MISMATCH"],
    )
    assert found.findings[0].retryable
    assert "id" not in found.facts
    assert found.facts["nonce"] == "mismatch"


def test_an_answer_in_a_place_that_was_not_asked_proves_nobody() -> None:
    assert claims(HOST.attest(NONCE, "host1")).level is Level.NONE


def test_bytes_that_are_no_statement_are_a_finding() -> None:
    bad = msgspec.structs.replace(HOST.attest(NONCE), data=b"{}")
    found = claims(bad)
    assert (found.level, found.facts) == (Level.NONE, {})
    (finding,) = found.findings
    assert (finding.code, finding.cause) == ("HOST-STATEMENT", "malicious")
    assert "collected_at" in finding.measured or "nonce" in finding.measured


def test_a_host_that_was_not_declared_has_no_id() -> None:
    assert "id" not in claims(HOST.attest(NONCE), {}).facts


def test_the_example_of_good_facts_has_the_shape_of_real_ones() -> None:
    good, real = HOST_CLAIMS.good_facts["host"], claims(HOST.attest(NONCE)).facts
    assert set(good) == set(real)
    assert {name: type(value) for name, value in good.items()} == {
        name: type(value) for name, value in real.items()
    }


def test_the_layout_names_all_of_which_a_change_matters() -> None:
    assert layout(HOST) == {
        "boot": HOST.machine.boot_id,
        "kernel": "6.8.0-simulated",
        "nvml": "available",
        "driver": "990.12",
        "cc": "on off none",
        "gpus": "2",
        "uuid/gpu0": FIRST.uuid,
        "vbios/gpu0": "96.00.F5.00.01",
        "gsp/gpu0": "990.12",
        "mig/gpu0": "off",
        "uuid/gpu1": SECOND.uuid,
        "vbios/gpu1": "96.00.F5.00.01",
        "gsp/gpu1": "990.12",
        "mig/gpu1": "off",
    }


def test_time_and_use_are_no_part_of_the_layout() -> None:
    assert changed(HOST.saying(collected_at="2026-02-02T00:00:00Z", memory=1)) == {}


def test_reboot_driver_firmware_mode_and_gpus_each_change_the_layout() -> None:
    nvml, replace = HOST.machine.nvml, msgspec.structs.replace
    assert changed(HOST.saying(boot_id="other")) == {"boot": "other"}
    assert changed(HOST.saying(nvml=replace(nvml, driver="990.13"))) == {"driver": "990.13"}
    cc = ConfidentialComputing(feature="on", devtools="on", multi_gpu="none")
    assert changed(HOST.saying(nvml=replace(nvml, cc=cc))) == {"cc": "on on none"}
    flashed = replace(FIRST, vbios="96.00.F5.00.02")
    assert changed(HOST.saying(gpus=(flashed, SECOND))) == {"vbios/gpu0": "96.00.F5.00.02"}
    assert changed(HOST.saying(gpus=(FIRST,))) == {"gpus": "1"}
    exchanged = changed(HOST.saying(gpus=(SECOND, FIRST)))
    assert exchanged == {"uuid/gpu0": SECOND.uuid, "uuid/gpu1": FIRST.uuid}


def test_slices_change_the_layout_and_their_order_does_not() -> None:
    slices = tuple(MigInstance(uuid=f"MIG-{at}", profile="1g.10gb") for at in (1, 2))

    def mig(*instances: MigInstance) -> dict[str, str]:
        gpu = msgspec.structs.replace(FIRST, mig="on", instances=instances)
        return changed(HOST.saying(gpus=(gpu, SECOND)))

    assert mig() == {"mig/gpu0": "on"}
    assert mig(*slices) == mig(*slices[::-1]) == {"mig/gpu0": "on; 1g.10gb MIG-1; 1g.10gb MIG-2"}


def test_what_could_not_be_read_differs_from_every_value() -> None:
    lost = msgspec.structs.replace(FIRST, vbios=None, errors={"vbios": "GPU_IS_LOST"})
    assert changed(HOST.saying(gpus=(lost, SECOND))) == {"vbios/gpu0": "unread"}
    gone = HOST.saying(nvml=Nvml(status="failed", error="UNKNOWN"), gpus=())
    assert {"driver": "unread", "nvml": "failed", "gpus": "0"}.items() <= changed(gone).items()


@pytest.mark.parametrize("facts", [{}, {"nvml": 1, "devices": "x"}, {"devices": [1, {"mig": 2}]}])
def test_facts_of_another_form_have_a_layout_all_the_same(facts: dict[str, object]) -> None:
    found = layout_of(facts)  # type: ignore[arg-type]  # what nobody should hand in
    assert all(isinstance(value, str) for value in found.values())
