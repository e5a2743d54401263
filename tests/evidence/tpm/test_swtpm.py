"""A real TPM, asked through tpm2-tools, is believed by our own verifier and nobody's library."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from plugins.swtpm import SoftwareTpm

from lotabots.evidence import (
    Caches,
    Claims,
    Context,
    DerivedChallenge,
    EnrolledTpm,
    Evidence,
    InventoryItem,
    Leaf,
    Level,
    ReferenceFiles,
    TpmState,
)
from lotabots.evidence.schemes.tpm import (
    RANDOMNESS,
    Quote,
    make_credential,
    read_public,
    verify_quote,
    verify_tpms,
)
from lotabots.evidence.schemes.tpm.collect import Judged, Logs, Quoted, Tools, TpmDevice, TpmKeys
from lotabots.kernel import LotaError, sha256
from lotabots.simulator import Measured, SimulatedTpm
from lotabots.simulator.tpm import tpm_reference
from lotabots.simulator.tpm.ima import AT_BOOT, list_of

LEAVES = (Leaf("gpu", 0, "ab" * 32), Leaf("host", 0, "cd" * 32))
SECRET = bytes(range(32))


@dataclass
class Machine:
    """A machine with this TPM, its agent's folder, and the logs of its kernel."""

    tpm: SoftwareTpm
    folder: Path
    caches: Caches = field(default_factory=Caches)
    failures: list[LotaError] = field(default_factory=list)
    event_log: bytes | None = None
    entries: tuple[Measured, ...] | None = None

    @property
    def device(self) -> TpmDevice:
        logs = Logs(self.folder / "event-log", self.folder / "ima-list")
        for path, data in (
            (logs.event_log, self.event_log),
            (logs.ima, None if self.entries is None else list_of(self.entries).encode()),
        ):
            if data is not None:
                path.write_bytes(data)
        return TpmDevice(
            Tools(self.tpm.tcti),
            self.folder / "tpm",
            failed=self.failures.append,
            logs=logs,
            certificates=self.tpm.issuers,
        )

    def measure(self, *files: Measured) -> None:
        """Measures files as a kernel does: into the list, then into PCR 10."""
        self.entries = (*(self.entries or ()), *files)
        self.tpm.extend(*((10, one.extension) for one in files))

    def boot(self) -> None:
        """Measures what good simulated firmware and a good kernel measure."""
        good = SimulatedTpm(b"any")
        self.tpm.extend(*((event.pcr, event.digest) for event in good.boot.events))
        self.event_log, self.entries = good.boot.log, ()
        self.measure(*good.entries)


@pytest.fixture
def machine(swtpm: SoftwareTpm, tmp_path: Path) -> Machine:
    """A machine whose TPM no test changes."""
    return Machine(swtpm, tmp_path)


@pytest.fixture
def own(own_swtpm: SoftwareTpm, tmp_path: Path) -> Machine:
    """A machine whose TPM this test may change."""
    return Machine(own_swtpm, tmp_path)


def enrolled(keys: TpmKeys) -> EnrolledTpm:
    return EnrolledTpm(
        device_id=keys.device_id, ek_certificates=keys.ek_certificates, ak_public=keys.ak_public
    )


def challenge_of(keys: TpmKeys, number: int = 0) -> DerivedChallenge:
    return DerivedChallenge(
        server="https://server.example",
        challenge=f"challenge-{number}",
        node="node",
        session_key_sha256="ef" * 32,
        nonce=sha256(bytes([number])),
        inventory=(InventoryItem("gpu", "a"), InventoryItem("tpm", keys.device_id)),
    )


def judged(
    machine: Machine,
    keys: TpmKeys,
    evidence: Evidence,
    challenge: DerivedChallenge,
    state: TpmState | None = None,
) -> Claims:
    # Before it booted, nothing was measured: there is nothing to hold against reference values.
    reference = tpm_reference() if machine.event_log else None
    certificates = x509.load_pem_x509_certificates(keys.ek_certificates or machine.tpm.issuers)
    context = Context(
        nonces=challenge.expected(),
        reference=ReferenceFiles.of({"tpm.json": reference} if reference else {}),
        anchors=machine.tpm.anchors,
        now=max(one.not_valid_before_utc for one in certificates),
        max_revocation_age=timedelta(days=1),
        caches=machine.caches,
        declared={"tpm0": keys.device_id},
        challenge=challenge,
        leaves=LEAVES,
        tpms=(enrolled(keys),),
        tpm_state=state,
    )
    (claims,) = verify_tpms([evidence], context).devices
    return claims


def codes(claims: Claims) -> set[str]:
    return {found.code for found in claims.findings}


def attested(
    machine: Machine, number: int = 0, state: TpmState | None = None
) -> tuple[Claims, TpmState]:
    """One attestation, from where the last one left the logs."""
    device = machine.device
    keys = device.keys()
    challenge = challenge_of(keys, number)
    place = state and Judged(state.reset_count, state.restart_count, state.ima_entries)
    claims = judged(machine, keys, device.evidence(challenge, LEAVES, place), challenge, state)
    return claims, stands(claims)


def stands(claims: Claims) -> TpmState:
    """Where the TPM stands after this quote, as the facts have it."""
    facts: Any = claims.facts
    return TpmState(
        reset_count=facts["boot"]["reset_count"],
        restart_count=facts["boot"]["restart_count"],
        clock=facts["boot"]["clock"],
        ima_entries=facts["ima"]["entries"],
        ima_pcr=facts["ima"]["pcr"],
    )


def credential(keys: TpmKeys, ak_name: bytes | None = None) -> bytes:
    name = read_public(keys.ak_public).name if ak_name is None else ak_name
    return make_credential(read_public(keys.ek_public), name, SECRET, bytes(range(RANDOMNESS)))


def verify(keys: TpmKeys, quoted: Quoted, data: bytes) -> Quote:
    return verify_quote(keys.ak_public, quoted.attest, quoted.signature, data, Caches())


def test_a_quote_is_verified_from_the_enrolled_keys_alone(machine: Machine) -> None:
    keys, data = machine.device.keys(), sha256(b"what the verifier asks for")
    quoted = machine.device.quoted(data)
    quote = verify(keys, quoted, data)
    assert quote.extra == data
    assert quote.clock > 0


def test_a_quote_over_other_data_is_refused(machine: Machine) -> None:
    keys = machine.device.keys()
    quoted = machine.device.quoted(sha256(b"one"))
    with pytest.raises(LotaError, match="TPM-NONCE-MISMATCH"):
        verify(keys, quoted, sha256(b"other"))


def test_a_quote_with_any_bit_changed_is_refused(machine: Machine) -> None:
    keys, data = machine.device.keys(), sha256(b"bits")
    quoted = machine.device.quoted(data)
    for offset in range(0, len(quoted.attest), 7):
        changed = bytearray(quoted.attest)
        changed[offset] ^= 0x10
        with pytest.raises(LotaError):
            verify(keys, quoted._replace(attest=bytes(changed)), data)


def test_the_tpm_opens_a_credential_that_we_made(machine: Machine) -> None:
    keys = machine.device.keys()
    assert machine.device.opened(credential(keys)) == SECRET


def test_a_credential_for_another_attestation_key_stays_closed(machine: Machine) -> None:
    keys = machine.device.keys()
    with pytest.raises(LotaError, match="TPM_CREDENTIAL"):
        machine.device.opened(credential(keys, b"\x00\x0b" + sha256(b"another key")))


def test_a_credential_for_another_tpm_stays_closed(
    machine: Machine, other_swtpm: SoftwareTpm, tmp_path: Path
) -> None:
    other = Machine(other_swtpm, tmp_path / "other")
    other.folder.mkdir()
    keys = machine.device.keys()
    foreign = credential(other.device.keys(), read_public(keys.ak_public).name)
    with pytest.raises(LotaError, match="TPM_CREDENTIAL"):
        machine.device.opened(foreign)
    with pytest.raises(LotaError, match="TPM_CREDENTIAL"):
        machine.device.opened(bytes(300))


def test_the_maker_vouches_for_the_key_and_its_root_marks_it_as_simulated(machine: Machine) -> None:
    claims, _ = attested(machine)
    assert claims.level == Level.ATTESTED
    assert claims.simulated
    assert claims.facts["chain"]["status"] == "valid"  # type: ignore[index, call-overload]
    assert claims.facts["id"] == machine.device.keys().device_id


def test_without_that_root_the_tpm_is_only_claimed(machine: Machine) -> None:
    keys = machine.device.keys()
    challenge = challenge_of(keys)
    evidence = machine.device.evidence(challenge, LEAVES)
    machine.tpm = SoftwareTpm(machine.tpm.folder, SimulatedTpm(b"another root").certificates)
    claims = judged(machine, keys, evidence, challenge)
    assert claims.level == Level.CLAIMED
    assert codes(claims) == {"TPM-CHAIN-UNTRUSTED"}


def test_evidence_for_another_challenge_or_other_leaves_is_refused(machine: Machine) -> None:
    keys = machine.device.keys()
    earlier, later = challenge_of(keys), challenge_of(keys, 1)
    old = machine.device.evidence(earlier, LEAVES)
    assert codes(judged(machine, keys, old, later)) == {
        "TPM-NONCE-MISMATCH",
        "TPM-MANIFEST-REPLAYED",
    }
    less = machine.device.evidence(later, LEAVES[:1])
    assert judged(machine, keys, less, later).facts["manifest"] == {"status": "differs"}


def test_a_machine_that_measured_a_good_boot_is_accepted_whole(own: Machine) -> None:
    own.boot()
    claims, state = attested(own)
    assert claims.findings == ()
    assert claims.facts["secure_boot"] == "enabled"
    assert claims.facts["measurements"]["unjudged"] == []  # type: ignore[index, call-overload]
    assert state.ima_entries == len(AT_BOOT) + 1
    assert own.failures == []


def test_later_only_what_is_new_in_the_list_of_files_is_sent_and_judged(own: Machine) -> None:
    own.boot()
    _, state = attested(own)
    own.measure(AT_BOOT[2])
    claims, following = attested(own, 1, state)
    assert claims.findings == ()
    assert claims.facts["boot"]["status"] == "same"  # type: ignore[index, call-overload]
    assert following.ima_entries == state.ima_entries + 1
    own.measure(Measured.of(AT_BOOT[2].path, b"changed"))
    claims, _ = attested(own, 2, following)
    assert codes(claims) == {"TPM-IMA-NOT-ALLOWED"}


def test_a_list_that_is_ahead_of_the_quote_is_followed_to_the_quote(own: Machine) -> None:
    own.boot()
    assert own.entries is not None
    own.entries = (*own.entries, Measured.of("/not/in/the/pcr/yet"))
    claims, state = attested(own)
    assert claims.findings == ()
    assert state.ima_entries == len(own.entries) - 1


def test_what_was_extended_and_stands_in_no_log_shows(own: Machine) -> None:
    own.boot()
    own.tpm.extend((4, sha256(b"something")))
    claims, _ = attested(own)
    assert codes(claims) == {"TPM-PCR-MISMATCH", "TPM-EVENTLOG-MISMATCH"}


def test_a_reboot_shows_in_the_counters_and_the_attestation_key_survives_it(own: Machine) -> None:
    keys = own.device.keys()
    _, before = attested(own)
    own.tpm.reboot()
    assert own.device.keys() == keys
    claims, after = attested(own, 1, before)
    assert claims.facts["boot"]["status"] == "rebooted"  # type: ignore[index, call-overload]
    assert after.reset_count == before.reset_count + 1
    assert own.device.opened(credential(keys)) == SECRET


def test_a_state_from_before_a_reboot_is_not_taken_back(own: Machine) -> None:
    keys = own.device.keys()
    challenge = challenge_of(keys)
    old = own.device.evidence(challenge, LEAVES)
    own.tpm.reboot()
    _, state = attested(own, 1)
    claims = judged(own, keys, old, challenge, state)
    assert codes(claims) == {"TPM-CLOCK-BACKWARDS"}


def test_a_tpm_that_was_cleared_has_lost_the_key_until_the_node_enrols_again(own: Machine) -> None:
    keys = own.device.keys()
    own.tpm.run("tpm2_clear")
    with pytest.raises(LotaError, match="TPM_KEY_LOST"):
        own.device.quoted(SECRET)
    new = own.device.keys()
    assert new.device_id == keys.device_id
    assert new.ak_public != keys.ak_public
    assert own.device.opened(credential(new)) == SECRET


def test_a_folder_of_another_machine_is_of_no_use(
    machine: Machine, other_swtpm: SoftwareTpm
) -> None:
    machine.device.keys()
    moved = Machine(other_swtpm, machine.folder)
    with pytest.raises(LotaError, match="TPM_KEY_LOST"):
        moved.device.quoted(SECRET)


def test_before_it_enrolled_a_machine_has_no_key_to_quote_with(machine: Machine) -> None:
    with pytest.raises(LotaError, match="TPM_KEY_MISSING"):
        machine.device.quoted(SECRET)


def test_an_endorsement_key_that_nobody_keeps_in_the_tpm_is_made_again(own: Machine) -> None:
    keys = own.device.keys()
    own.tpm.run("tpm2_evictcontrol", "-C", "o", "-c", "0x81010001")
    own.tpm.reboot()
    assert own.device.opened(credential(keys)) == SECRET
    assert own.device.keys() == keys


def test_a_tpm_without_certificates_enrols_with_its_key_alone(own: Machine) -> None:
    keys = own.device.keys()
    for index in ("0x1c00002", "0x1c00016"):
        own.tpm.run("tpm2_nvundefine", index, "-C", "p")
    bare = own.device.keys()
    assert bare.ek_certificates == b""
    assert bare.device_id == keys.device_id
    claims, _ = attested(own)
    assert codes(claims) == {"TPM-CHAIN-ABSENT"}


@pytest.fixture
def handles(machine: Machine) -> Callable[[], list[str]]:
    """What is left in the TPM: objects and sessions."""

    def listed() -> list[str]:
        kinds = ("handles-transient", "handles-loaded-session", "handles-saved-session")
        return [machine.tpm.run("tpm2_getcap", kind) for kind in kinds]

    return listed


def test_nothing_is_left_in_a_tpm_that_nobody_manages(
    machine: Machine, handles: Callable[[], list[str]]
) -> None:
    keys = machine.device.keys()
    for _ in range(4):  # a TPM has room for three objects
        machine.device.quoted(SECRET)
    machine.device.opened(credential(keys))
    with pytest.raises(LotaError):
        machine.device.opened(bytes(300))
    assert handles() == ["", "", ""]


def test_a_log_that_cannot_be_read_is_left_out_and_told(own: Machine) -> None:
    own.boot()
    device = own.device
    for name in ("event-log", "ima-list"):
        (own.folder / name).unlink()
        (own.folder / name).mkdir()
    keys = device.keys()
    challenge = challenge_of(keys)
    claims = judged(own, keys, device.evidence(challenge, LEAVES), challenge)
    assert {error.code for error in own.failures} == {"TPM_LOG_UNREADABLE"}
    assert len(own.failures) == 2
    assert claims.facts["event_log"]["status"] == "absent"  # type: ignore[index, call-overload]
    assert claims.facts["measurements"]["unjudged"] == [10]  # type: ignore[index, call-overload]


@pytest.fixture
def off(own_swtpm: SoftwareTpm) -> SoftwareTpm:
    own_swtpm.stop()
    return own_swtpm


def test_a_tpm_that_does_not_answer_is_said_to_be_unreachable(
    off: SoftwareTpm, tmp_path: Path
) -> None:
    with pytest.raises(LotaError, match="TPM_UNREACHABLE"):
        Machine(off, tmp_path).device.keys()


def test_a_tpm_without_the_bank_that_is_asked_for_is_told_from_one_that_fails(own: Machine) -> None:
    own.device.keys()
    own.tpm.run("tpm2_pcrallocate", "sha1:all+sha256:none")
    own.tpm.reboot()
    with pytest.raises(LotaError, match="TPM_BANK_ABSENT"):
        own.device.quoted(SECRET)
