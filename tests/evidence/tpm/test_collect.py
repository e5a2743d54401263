"""What goes wrong between an agent and its TPM has a code that says what to do, and ends in time.

The tools here are programs of the test's own, which fail as the real ones do; the real ones are
met in test_swtpm.
"""

import os
import stat
import time
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from struct import pack

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.tpm.collect import (
    Logs,
    Tools,
    TpmDevice,
    read_event_log,
    read_ima,
)
from lotabots.evidence.schemes.tpm.collect.certificates import read_certificates
from lotabots.evidence.schemes.tpm.collect.kept import KEY, Blobs, Kept
from lotabots.evidence.schemes.tpm.ima import read_ima as read_list
from lotabots.kernel import LotaError
from lotabots.kernel.codes import CATALOGUE
from lotabots.simulator import SimulatedTpm

Program = Callable[[str, str], None]
SOCKET = "swtpm:path=/nowhere"
BLOBS = Blobs(public=b"public", private=b"private", algorithm="rsa", handle="0x81010001")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def program(programs: Path) -> Program:
    """Makes a program of this name with these lines of shell."""

    def write(name: str, lines: str) -> None:
        path = programs / name
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)

    return write


@pytest.fixture
def device(programs: Path, tmp_path: Path) -> TpmDevice:
    """A device whose tools are the test's programs, and sh."""
    tools = Tools(SOCKET, search=f"{programs}:/bin:/usr/bin", timeout=0.5)
    return TpmDevice(tools, tmp_path / "tpm", failed=lambda _: None, logs=Logs(tmp_path, tmp_path))


def code_of(error: pytest.ExceptionInfo[LotaError]) -> str:
    assert error.value.code in CATALOGUE
    return error.value.code


@pytest.mark.parametrize(
    "tcti", ["", "device", "device:", "cmd:sh -c evil", "libtss2-evil.so", "swtpm:path=/a\nb"]
)
def test_a_way_to_a_tpm_is_one_that_we_know(tcti: str) -> None:
    with pytest.raises(LotaError) as error:
        Tools(tcti)
    assert code_of(error) == "TPM_TCTI"


def test_a_machine_without_a_tpm_is_told_from_one_whose_tpm_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(path: Path) -> str:
        device = TpmDevice(Tools(f"device:{path}"), tmp_path, failed=lambda _: None)
        with pytest.raises(LotaError) as error:
            device.clock()
        return code_of(error)

    assert ask(tmp_path / "tpmrm0") == "TPM_DEVICE_MISSING"
    (tmp_path / "tpmrm1").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)  # for root, everything is accessible
    assert ask(tmp_path / "tpmrm1") == "TPM_DEVICE_DENIED"


def test_tools_that_are_not_installed_are_named(tmp_path: Path) -> None:
    device = TpmDevice(Tools(SOCKET, search=str(tmp_path)), tmp_path, failed=lambda _: None)
    with pytest.raises(LotaError, match="tpm2_readclock is not installed") as error:
        device.clock()
    assert code_of(error) == "TPM_TOOLS_MISSING"


def test_a_tpm_that_hangs_ends_in_time_with_all_that_its_tool_started(
    device: TpmDevice, program: Program, tmp_path: Path
) -> None:
    program("tpm2_readclock", f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    with pytest.raises(LotaError) as error:
        device.clock()
    assert code_of(error) == "TPM_TIMEOUT"
    started = Path("/proc") / (tmp_path / "pid").read_text().strip() / "stat"
    for _ in range(200):  # killed, and then taken away by whoever is its parent now
        if not started.exists() or started.read_text().split()[2] == "Z":
            break
        time.sleep(0.01)
    else:
        pytest.fail("what the tool had started still runs")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            "ERROR: Esys_Quote(0x921) - tpm:warn(2.0): authorizations for objects subject to DA "
            "protection are not allowed at this time because the TPM is in DA lockout mode",
            "TPM_LOCKED",
        ),
        ("ERROR: Could not load tcti, got: x", "TPM_UNREACHABLE"),
        ("ERROR: something else", "TPM_COMMAND_FAILED"),
        ("", "TPM_COMMAND_FAILED"),
    ],
)
def test_the_words_of_a_tool_decide_the_code(
    said: str, code: str, device: TpmDevice, program: Program
) -> None:
    program("tpm2_readclock", f"echo '{said}' >&2; exit 1")
    with pytest.raises(LotaError) as error:
        device.clock()
    assert code_of(error) == code


def test_the_words_of_a_tool_are_shown_printable_and_short(
    device: TpmDevice, program: Program
) -> None:
    program("tpm2_readclock", r"printf 'ERROR: \033[2J\377%0999d\n' 1 >&2; exit 1")
    with pytest.raises(LotaError) as error:
        device.clock()
    assert error.value.detail.isprintable()
    assert error.value.detail.isascii()
    assert len(error.value.detail) < 300


@pytest.mark.parametrize("printed", ["", "clock: x", "clock: 1\nreset_count: 2", "\xff\x00"])
def test_a_clock_that_cannot_be_read_is_none(
    printed: str, device: TpmDevice, program: Program
) -> None:
    program("tpm2_readclock", f"printf '{printed}'")
    with pytest.raises(LotaError) as error:
        device.clock()
    assert code_of(error) == "TPM_COMMAND_FAILED"


@pytest.mark.parametrize("left", ["", "head -c 70000 /dev/zero > ek.pub"])
def test_a_tool_that_leaves_no_file_or_too_much_is_refused(
    left: str, device: TpmDevice, program: Program
) -> None:
    program("tpm2_getcap", "")
    program("tpm2_flushcontext", "")
    program("tpm2_createek", left)
    with pytest.raises(LotaError) as error:
        device.keys()
    assert code_of(error) == "TPM_COMMAND_FAILED"


def test_a_tool_gets_a_folder_and_an_environment_of_its_own_and_nothing_to_read(
    device: TpmDevice, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TPM2TOOLS_TCTI", "another")
    monkeypatch.setenv("LOTA_SECRET", "secret")
    program("tpm2_readclock", f"env > {tmp_path}/env; stat -c %a . > {tmp_path}/mode; cat; exit 1")
    with pytest.raises(LotaError):
        device.clock()
    names = {line.split("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "TPM2TOOLS_TCTI"}
    assert SOCKET in (tmp_path / "env").read_text()
    assert (tmp_path / "mode").read_text().strip() == "700"


def test_a_device_that_never_enrolled_has_no_key(device: TpmDevice) -> None:
    with pytest.raises(LotaError) as error:
        device.quoted(bytes(32))
    assert code_of(error) == "TPM_KEY_MISSING"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"public":"","extra":1}', b"\xff"])
def test_a_kept_key_that_is_none_is_lost(content: bytes, tmp_path: Path, device: TpmDevice) -> None:
    (tmp_path / "tpm").mkdir()
    (tmp_path / "tpm" / KEY).write_bytes(content)
    with pytest.raises(LotaError) as error:
        device.quoted(bytes(32))
    assert code_of(error) == "TPM_KEY_LOST"


def test_keys_are_kept_for_their_user_alone(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "tpm")
    kept.keep(BLOBS)
    assert kept.blobs() == BLOBS
    assert stat.S_IMODE((tmp_path / "tpm").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "tpm" / KEY).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "tpm").iterdir()] == [KEY]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Kept(tmp_path / "file")
    for attempt in (kept.blobs, lambda: kept.keep(BLOBS)):
        with pytest.raises(LotaError) as error:
            attempt()
        assert code_of(error) == "TPM_STATE"


def test_a_machine_without_logs_sends_none(tmp_path: Path) -> None:
    assert read_event_log(tmp_path / "none") is None
    assert read_ima(0, tmp_path / "none") is None


def test_a_log_that_cannot_be_had_is_told_from_one_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    for content in (b"x" * 600_000, b"x\n" * 300_000, b"no end"):
        log.write_bytes(content)
        with pytest.raises(LotaError) as error:
            read_ima(0, log)
        assert code_of(error) == "TPM_LOG_TOO_LARGE"
    log.write_bytes(bytes(300_000))
    with pytest.raises(LotaError) as error:
        read_event_log(log)
    assert code_of(error) == "TPM_LOG_TOO_LARGE"
    with pytest.raises(LotaError) as error:
        read_event_log(tmp_path)
    assert code_of(error) == "TPM_LOG_UNREADABLE"

    def deny(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)  # for root, everything is readable
    for read in (read_event_log, lambda path: read_ima(0, path)):
        with pytest.raises(LotaError) as error:
            read(log)
        assert code_of(error) == "TPM_LOG_DENIED"


def test_a_list_that_was_sent_before_goes_on_however_long_it_has_become(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("10 aa ima-ng sha256:bb /a\n" * 100_000 + "10 cc ima-ng sha256:dd /b\n")
    assert read_ima(100_000, log) == ["10 cc ima-ng sha256:dd /b\n"]
    assert read_ima(100_001, log) == []
    assert read_ima(200_000, log) == []


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=" "))), st.integers(0, 9))
def test_entries_are_read_from_where_they_are_asked_for_whatever_files_are_called(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], start: int
) -> None:
    log = tmp_path_factory.getbasetemp() / "ima-list"
    entries = [f"10 aa ima-ng sha256:bb {name}\n" for name in names]
    log.write_bytes("".join(entries).encode())
    assert read_ima(start, log) == entries[start:]


def test_a_name_that_is_no_utf8_is_sent_so_that_the_verifier_finds_its_bytes(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    name = b"/tmp/caf\xe9\nand_more"
    data = pack("<I", 40) + b"sha256:\0" + bytes(32) + pack("<I", len(name) + 1) + name + b"\0"
    shown = sha1(data).hexdigest().encode()
    log.write_bytes(b"10 %b ima-ng sha256:%b %b\n" % (shown, b"00" * 32, name))
    sent = read_ima(0, log)
    assert sent is not None
    (entry,) = read_list("".join(sent))
    assert entry.path == "/tmp/caf\\xe9\nand_more"


CHAIN = x509.load_pem_x509_certificates(SimulatedTpm(b"seed").certificates)
DER = b"".join(one.public_bytes(Encoding.DER) for one in CHAIN)


@pytest.mark.parametrize("rest", [b"", b"\xff" * 900, bytes(900), b"\x30", b"\x30\x84\xff"])
def test_certificates_are_read_up_to_what_a_maker_filled_the_index_up_with(rest: bytes) -> None:
    assert read_certificates(DER + rest) == CHAIN


@given(st.binary(max_size=2000))
def test_bytes_that_are_no_certificates_are_none(data: bytes) -> None:
    assert read_certificates(data) == []
    assert read_certificates(DER + data)[:3] == CHAIN


@given(st.integers(0, len(DER) - 1), st.integers(1, 255))
def test_a_changed_certificate_is_read_or_not_but_never_breaks_the_reader(
    place: int, change: int
) -> None:
    changed = bytearray(DER)
    changed[place] ^= change
    for certificate in read_certificates(bytes(changed)):
        assert certificate.public_key()
