"""A real TPM 2.0 for tests: swtpm, with a certificate of its own local CA, on a unix socket.

Without swtpm, swtpm-tools and tpm2-tools on the machine the tests that need them say so at the end
and are skipped, but in CI (CI=true) they fail: there they must run. Making a TPM takes a second, so
two are made for all tests; a test that changes one gets a copy of its state, which is the same TPM.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence import Anchor, Anchors
from lotabots.kernel import sha256

PROGRAMS = ("swtpm", "swtpm_setup", "swtpm_localca", "tpm2_quote")
MISSING = "swtpm, swtpm-tools or tpm2-tools are not installed"


def installed() -> bool:
    """Whether all of it is on this machine."""
    return all(map(shutil.which, PROGRAMS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says at the end that a real TPM was missing: a skip that nobody sees is a lie."""
    if not installed():
        terminalreporter.section("swtpm MISSING", red=True)
        terminalreporter.line(
            "The tests with a real TPM were SKIPPED: install swtpm, swtpm-tools and tpm2-tools "
            "(with CI=true they fail instead)."
        )


@dataclass
class SoftwareTpm:
    """A TPM that a test may start again, and use with tools of its own."""

    folder: Path
    issuers: bytes
    """PEM: the CA that certified its endorsement key, then that CA's root."""
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def tcti(self) -> str:
        return f"swtpm:path={self._socket}"

    @property
    def anchors(self) -> Anchors:
        """The root of the local CA, as an operator adds it: what it vouches for is simulated."""
        root = x509.load_pem_x509_certificates(self.issuers)[-1]
        spki = root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        anchor = Anchor(spki_sha256=sha256(spki), name="swtpm", simulated=True)
        return Anchors(device=(), rim=(), tpm=(anchor,))

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"

    def start(self) -> None:
        """Powers it on."""
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--log", f"file={self.folder}/log,level=1",
             "--tpmstate", f"dir={self.folder}/state",
             "--server", f"type=unixio,path={self._socket}",
             # libtss2 looks for the control channel of a socket beside it, under this name.
             "--ctrl", f"type=unixio,path={self._socket}.ctrl",
             "--flags", "not-need-init,startup-clear"],
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not self._listens():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def _listens(self) -> bool:
        # The data channel takes one client; the control channel, which opens last, takes more.
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(f"{self._socket}.ctrl") == 0

    def stop(self) -> None:
        """Pulls the plug."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        for path in (self._socket, Path(f"{self._socket}.ctrl")):
            path.unlink(missing_ok=True)

    def reboot(self) -> None:
        """Starts it again, as a machine does that is switched off and on."""
        self.run("tpm2_shutdown", "-c")
        self.stop()
        self.start()

    def run(self, *command: str) -> str:
        """What a tool of tpm2-tools prints."""
        done = subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], "TPM2TOOLS_TCTI": self.tcti},
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def extend(self, *extensions: tuple[int, bytes]) -> None:
        """Extends PCRs of the SHA-256 bank by these digests, in order."""
        self.run("tpm2_pcrextend", *(f"{pcr}:sha256={value.hex()}" for pcr, value in extensions))


def _make(folder: Path, authority: Path) -> None:
    """A new TPM with a certificate, by the CA in that folder, which is made if it is not there."""
    authority.mkdir(exist_ok=True)
    (folder / "state").mkdir(parents=True)
    (folder / "localca.conf").write_text(
        f"statedir={authority}\nsigningkey={authority}/signkey.pem\n"
        f"issuercert={authority}/issuercert.pem\ncertserial={authority}/certserial\n"
    )
    (folder / "localca.options").write_text(
        "--platform-manufacturer LotaBots\n--platform-version 1\n--platform-model test\n"
    )
    (folder / "setup.conf").write_text(
        f"create_certs_tool={shutil.which('swtpm_localca')}\n"
        f"create_certs_tool_config={folder}/localca.conf\n"
        f"create_certs_tool_options={folder}/localca.options\n"
    )
    subprocess.run(
        ["swtpm_setup", "--tpm2", "--tpmstate", str(folder / "state"), "--create-ek-cert",
         "--pcr-banks", "sha256", "--config", str(folder / "setup.conf")],
        check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _require() -> None:
    if not installed():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{MISSING}, and in CI they must be")
        pytest.skip(f"SKIPPED: {MISSING}")


@pytest.fixture
def tpm2(tmp_path: Path) -> Callable[..., str]:
    """Runs one of tpm2-tools that needs no TPM, in the test's folder; gives what it prints."""
    _require()

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout

    return run


@pytest.fixture(scope="session")
def made_swtpm() -> Iterator[Path]:
    """A folder with two TPMs that were never started, `one` and `other`, by one CA."""
    _require()
    with tempfile.TemporaryDirectory(prefix="lotabots-swtpm-") as folder:
        made = Path(folder)
        for name in ("one", "other"):
            _make(made / name, made / "ca")
        yield made


def _started(made: Path, name: str) -> Iterator[SoftwareTpm]:
    ca = made / "ca"
    issuers = (ca / "issuercert.pem", ca / "swtpm-localca-rootca-cert.pem")
    # Not pytest's folder: a socket's name has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="lotabots-swtpm-") as folder:
        shutil.copytree(made / name / "state", Path(folder) / "state")
        tpm = SoftwareTpm(Path(folder), b"".join(path.read_bytes() for path in issuers))
        tpm.start()
        try:
            yield tpm
        finally:
            tpm.stop()


@pytest.fixture(scope="session")
def swtpm(made_swtpm: Path) -> Iterator[SoftwareTpm]:
    """A running TPM for tests that change neither its PCRs nor its keys."""
    yield from _started(made_swtpm, "one")


@pytest.fixture
def own_swtpm(made_swtpm: Path) -> Iterator[SoftwareTpm]:
    """The same TPM as it was delivered, for a test that changes it."""
    yield from _started(made_swtpm, "one")


@pytest.fixture
def other_swtpm(made_swtpm: Path) -> Iterator[SoftwareTpm]:
    """Another TPM of the same maker."""
    yield from _started(made_swtpm, "other")


@pytest.fixture
def new_swtpm(made_swtpm: Path) -> Iterator[SoftwareTpm]:
    """A TPM that no other test has: a server lets each enrol once, whosever node it is."""
    name = uuid4().hex
    _make(made_swtpm / name, made_swtpm / "ca")
    yield from _started(made_swtpm, name)
