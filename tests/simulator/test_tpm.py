"""Simulated TPMs say byte for byte what TPMs say: our verifier reads it, and so do tpm2-tools."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from plugins.swtpm import SoftwareTpm
from simulator.whole import Whole

from lotabots.appraisal import Verdict
from lotabots.evidence import InventoryItem
from lotabots.evidence.schemes.tpm import RANDOMNESS, make_credential, read_public
from lotabots.kernel import sha256
from lotabots.simulator import (
    Algorithm,
    Boot,
    Logs,
    Measured,
    Node,
    SimulatedTpm,
    TpmFault,
    make_node,
)

JudgeWhole = Callable[..., Verdict]
Tpm2 = Callable[..., str]
SECRET = bytes(range(32))

FINGERPRINT = """\
import hashlib
from lotabots.evidence import DerivedChallenge
from lotabots.simulator import Algorithm, make_node
digest = hashlib.sha256()
for tpm in Algorithm:
    node = make_node("a", gpus=0, seed=b"one", tpm=tpm)
    challenge = DerivedChallenge(
        server="s", challenge="c", node="n", session_key_sha256="00" * 32, nonce=bytes(32),
        inventory=node.inventory,
    )
    digest.update(node.tpm.certificates)
    for evidence in node.attest_whole(challenge):
        digest.update(evidence.data)
print(digest.hexdigest())
"""


def tpm_of(algorithm: Algorithm = Algorithm.ECC, seed: bytes = b"a TPM") -> SimulatedTpm:
    return SimulatedTpm(seed, algorithm)


def every_kind() -> list[Node]:
    return [
        make_node("host-ecc", gpus=0, tpm=True),
        make_node("host-rsa", gpus=0, tpm=Algorithm.RSA),
        make_node("blackwell", gpus=2, chip="GB100", tpm=True),
    ]


@pytest.mark.parametrize("node", every_kind(), ids=lambda node: node.name)
def test_a_good_node_with_a_tpm_is_accepted_and_marked_as_simulated(
    node: Node, judge_whole: JudgeWhole
) -> None:
    verdict = judge_whole(node)
    assert verdict.outcome == "accepted", verdict.findings
    assert verdict.simulated
    tpm = next(part for part in verdict.parts if part.subject == "tpm0")
    assert tpm.level == "attested"


def test_a_node_without_a_gpu_has_to_have_a_tpm() -> None:
    assert make_node("host", gpus=0, tpm=True).inventory[0].kind == "tpm"
    with pytest.raises(ValueError, match="1 to 8"):
        make_node("nothing", gpus=0)


def test_only_what_the_challenge_names_answers_and_the_tpm_covers_exactly_that(
    whole: Whole, judge_whole: JudgeWhole
) -> None:
    node = make_node("light", gpus=2, chip="GB100", tpm=True)
    assert node.tpm is not None
    full = node.attest_whole(whole.challenge(node))
    assert [one.subject for one in full] == ["gpu0", "gpu1", "host0", "tpm0"]
    light = (node.tpm.item, InventoryItem("host", "node"))
    sent = node.attest_whole(whole.challenge(node, inventory=light))
    assert [one.subject for one in sent] == ["host0", "tpm0"]
    without = make_node("light", gpus=2, chip="GB100")
    assert [one.subject for one in without.attest_whole(whole.challenge(without))] == [
        "gpu0",
        "gpu1",
        "host0",
    ]


def test_two_processes_make_the_same_tpm_from_the_same_seed() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_names_and_seeds_tell_tpms_apart() -> None:
    nodes = [
        make_node(name, gpus=0, seed=seed, tpm=True)
        for name, seed in (("a", b"1"), ("b", b"1"), ("a", b"2"))
    ]
    assert len({item.device_id for node in nodes for item in node.inventory}) == 3
    assert len({node.tpm.ak.public for node in nodes if node.tpm}) == 3


@pytest.mark.parametrize("algorithm", Algorithm)
def test_it_opens_what_the_server_made_for_it_and_nothing_else(algorithm: Algorithm) -> None:
    tpm, other = tpm_of(algorithm), tpm_of(algorithm, b"another")

    def credential(ek: SimulatedTpm, ak: SimulatedTpm) -> bytes:
        public = read_public(ek.ek.public)
        return make_credential(public, ak.ak.name, SECRET, bytes(range(RANDOMNESS)))

    good = credential(tpm, tpm)
    assert tpm.activate_credential(good) == SECRET
    for blob in (credential(other, tpm), credential(tpm, other), good[:-1], good + b"\0", b""):
        with pytest.raises(ValueError):  # noqa: PT011 any refusal is one
            tpm.activate_credential(blob)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_credential_with_any_byte_changed_stays_closed(place: int, change: int) -> None:
    tpm = tpm_of()
    blob = bytearray(
        make_credential(read_public(tpm.ek.public), tpm.ak.name, SECRET, bytes(range(RANDOMNESS)))
    )
    blob[place % len(blob)] ^= change
    with pytest.raises(ValueError):  # noqa: PT011
        tpm.activate_credential(bytes(blob))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_certificate_is_as_the_profile_of_endorsement_keys_has_it(algorithm: Algorithm) -> None:
    """TCG EK Credential Profile for TPM 2.0, section 3.2."""
    tpm = tpm_of(algorithm)
    leaf, issuer, root = x509.load_pem_x509_certificates(tpm.certificates)
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(root)
    assert leaf.version is x509.Version.v3
    assert not list(leaf.subject)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical
    (described,) = names.value.get_values_for_type(x509.DirectoryName)
    assert [(one.oid.dotted_string, one.value) for one in described] == [
        ("2.23.133.2.1", "id:4C4F5441"),
        ("2.23.133.2.2", "LotaBots Simulated TPM"),
        ("2.23.133.2.3", "id:00010000"),
    ]
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert [one.dotted_string for one in purposes] == ["2.23.133.8.1"]
    basic = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert not basic.value.ca
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_encipherment == (algorithm == "rsa")
    assert usage.value.key_agreement == (algorithm == "ecc")


def test_time_and_reboots_move_the_clock_and_the_counters_forward(
    judge_whole: JudgeWhole, whole: Whole
) -> None:
    node = make_node("moving", gpus=0, tpm=True)
    assert node.tpm is not None
    first = judge_whole(node)
    state = whole.next_state(None, first)
    statuses = []
    for tpm in (
        node.tpm,
        node.tpm.later(60_000),
        node.tpm.later(60_001).resume(),
        node.tpm.later(70_000).reboot(),
    ):
        verdict = judge_whole(node.with_tpm(tpm), previous=state)
        state = whole.next_state(state, verdict)
        facts: Any = next(part for part in verdict.parts if part.subject == "tpm0").facts
        statuses.append((verdict.outcome.value, facts["boot"]["status"]))
    assert statuses == [
        ("accepted", "same"),
        ("accepted", "same"),
        ("accepted", "rebooted"),
        ("accepted", "rebooted"),
    ]
    back = judge_whole(node, previous=state)
    assert {found.code for found in back.findings} >= {"TPM-CLOCK-BACKWARDS"}


def test_measured_files_move_pcr_10_and_a_reboot_takes_them_back() -> None:
    tpm = tpm_of()
    grown = tpm.measure(Measured.of("/usr/bin/bash"), Measured.of("/usr/bin/id"))
    assert len(grown.entries) == len(tpm.entries) + 2
    assert grown.pcrs[10] != tpm.pcrs[10]
    assert {n for n in tpm.pcrs if grown.pcrs[n] != tpm.pcrs[n]} == {10}
    assert grown.reboot().pcrs == tpm.pcrs
    assert tpm.extend(4, bytes(32)).pcrs[4] == sha256(tpm.pcrs[4] + bytes(32))


def test_what_is_sent_of_the_logs_can_be_chosen(whole: Whole) -> None:
    node = make_node("logs", gpus=0, tpm=True)
    bare = node.attest_whole(whole.challenge(node), logs=Logs(event_log=False, ima_from=None))[-1]
    assert b'"event_log":null' in bare.data
    assert b'"ima":null' in bare.data
    later = node.attest_whole(whole.challenge(node), logs=Logs(ima_from=5))[-1]
    assert b'"from":5' in later.data
    assert later.data.count(b" ima-ng ") == 1


def test_a_fault_of_a_tpm_needs_a_tpm_and_stays_alone() -> None:
    with pytest.raises(ValueError, match="has no TPM"):
        make_node("none", gpus=1).with_fault(TpmFault.LOG_ABSENT)
    faulty = make_node("one", gpus=0, tpm=True).with_fault(TpmFault.LOG_ABSENT)
    with pytest.raises(ValueError, match="already has a fault"):
        faulty.with_fault(TpmFault.IMA_ABSENT)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_tpm2_tools_verify_a_simulated_quote(
    algorithm: Algorithm, tpm2: Tpm2, tmp_path: Path
) -> None:
    tpm = tpm_of(algorithm)
    quoted = tpm.quote(SECRET)
    key = tpm.ak.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, data in (("quote", quoted.attest), ("signature", quoted.signature), ("ak.pem", key)):
        (tmp_path / name).write_bytes(data)
    asked = ("-u", "ak.pem", "-m", "quote", "-s", "signature")
    tpm2("tpm2_checkquote", *asked, "-q", SECRET.hex())
    with pytest.raises(subprocess.CalledProcessError):
        tpm2("tpm2_checkquote", *asked, "-q", bytes(32).hex())


def test_tpm2_tools_read_what_a_simulated_tpm_attests(tpm2: Tpm2, tmp_path: Path) -> None:
    tpm = tpm_of().later(1234).resume()
    (tmp_path / "quote").write_bytes(tpm.quote(SECRET).attest)
    printed = tpm2("tpm2_print", "-t", "TPMS_ATTEST", "quote")
    for line in (
        "magic: ff544347",
        "type: 8018",
        f"extraData: {SECRET.hex()}",
        f"clock: {tpm.clock}",
        "resetCount: 1",
        "restartCount: 1",
        "safe: 1",
        "hash: 11 (sha256)",
        "pcrSelect: ff4700",
    ):
        assert line in printed, printed


@pytest.mark.parametrize("algorithm", Algorithm)
def test_tpm2_tools_read_simulated_keys(algorithm: Algorithm, tpm2: Tpm2, tmp_path: Path) -> None:
    tpm = tpm_of(algorithm)
    for key, attributes in ((tpm.ek, "0x300b2"), (tpm.ak, "0x50072")):
        (tmp_path / "key").write_bytes(len(key.public).to_bytes(2, "big") + key.public)
        assert f"raw: {attributes}" in tpm2("tpm2_print", "-t", "TPM2B_PUBLIC", "key")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_real_tpm_takes_simulated_keys_and_names_them_alike(
    algorithm: Algorithm, swtpm: SoftwareTpm
) -> None:
    tpm = tpm_of(algorithm)
    for key in (tpm.ek, tpm.ak):
        (swtpm.folder / "key").write_bytes(len(key.public).to_bytes(2, "big") + key.public)
        printed = swtpm.run("tpm2_loadexternal", "-C", "n", "-u", "key", "-c", "key.ctx")
        swtpm.run("tpm2_flushcontext", "-t")
        assert printed.strip() == f"name: {key.name.hex()}"


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_simulated_tpm_opens_a_credential_by_tpm2_tools(
    algorithm: Algorithm, tpm2: Tpm2, tmp_path: Path
) -> None:
    tpm = tpm_of(algorithm)
    public = tpm.ek.public
    (tmp_path / "ek").write_bytes(len(public).to_bytes(2, "big") + public)
    (tmp_path / "secret").write_bytes(SECRET)
    arguments = ("-u", "ek", "-s", "secret", "-n", tpm.ak.name.hex(), "-o", "credential")
    tpm2("tpm2_makecredential", "-T", "none", *arguments)
    blob = (tmp_path / "credential").read_bytes()
    assert blob[:8] == bytes.fromhex("badcc0de00000001")
    assert tpm.activate_credential(blob[8:]) == SECRET


@pytest.mark.parametrize("secure_boot", [True, False])
def test_tpm2_tools_replay_a_simulated_event_log_to_the_quoted_pcrs(
    secure_boot: bool, tpm2: Tpm2, tmp_path: Path
) -> None:
    boot = Boot(secure_boot=secure_boot)
    (tmp_path / "log").write_bytes(boot.log)
    printed = tpm2("tpm2_eventlog", "log")
    end = printed.split("\npcrs:\n")[1]
    replayed = {int(n): bytes.fromhex(value) for n, value in re.findall(r"(\d+) *: 0x(\w+)", end)}
    assert replayed == {n: boot.pcrs[n] for n in replayed}
    assert {*range(10), 14} <= replayed.keys()
    variable = f'UnicodeName: SecureBoot\n    VariableData: "{secure_boot:02}"'
    assert variable in printed
