"""What the agent says of the host, from files as the kernel writes them and others."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lotabots.agent.host import Host
from lotabots.evidence.schemes.host_claims import (
    HostUse,
    Machine,
    Nvml,
    read_statement,
    write_statement,
)

FILES = {
    "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 24.04.2 LTS"\n',
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Platinum 8480+\n",
    "proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 50 0 50 400 0\ncpu1 50 0 50 400 0\n",
    "proc/loadavg": "0.52 1.25 2.00 3/1234 5678\n",
    "proc/uptime": "4711.38 9000.00\n",
    "proc/meminfo": "MemTotal:  2048 kB\nMemAvailable: 1024 kB\nSwapTotal: 0 kB\nHugePages: 7\n",
    "proc/mounts": "proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\n",
    "proc/sys/kernel/random/boot_id": "3f0c7a52-6f5e-4a0e-9d2d-8a53a4f7a0b1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        put(tmp_path, name, text)
    return tmp_path


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_a_host_is_described_from_the_kernels_files(root: Path) -> None:
    host = Host(root)
    names = host.names()
    assert names.os == "Ubuntu 24.04.2 LTS"
    assert names.boot_id == "3f0c7a52-6f5e-4a0e-9d2d-8a53a4f7a0b1"
    assert (names.kernel, names.architecture) == (os.uname().release, os.uname().machine)
    assert host.cpu().model == "Intel(R) Xeon(R) Platinum 8480+"
    assert host.cpu().threads == 2
    assert host.memory() == 2048 * 1024
    use = host.use()
    assert (use.load1, use.load5, use.load15, use.uptime) == (0.52, 1.25, 2.0, 4711)
    assert (use.memory, use.memory_available, use.swap) == (2048 * 1024, 1024 * 1024, 0)
    assert use.swap_free is None
    (disk,) = use.disks
    assert disk.mount == "/"
    assert 0 < disk.available <= disk.total


def test_use_of_processors_is_over_the_time_between_two_reports(root: Path) -> None:
    host = Host(root)
    assert host.use().cpu is None
    put(root, "proc/stat", "cpu  130 0 130 740 100 0 0 0 0 0\ncpu0 0 0 0 0 0\n")
    assert host.use().cpu == 60
    assert host.use().cpu is None, "no time has passed"


def test_a_clock_of_processors_that_runs_backwards_says_nothing(root: Path) -> None:
    host = Host(root)
    host.use()
    put(root, "proc/stat", "cpu  1 0 1 7 1 0 0 0 0 0\n")
    assert host.use().cpu is None


def test_each_local_file_system_is_there_once_and_those_of_the_network_are_not(root: Path) -> None:
    (root / "my data").mkdir()
    put(
        root,
        "proc/mounts",
        "overlay / overlay rw 0 0\n/dev/sdb1 /my\\040data xfs rw 0 0\n/dev/sdb1 /again xfs rw 0 0\n"
        "server:/x /mnt nfs4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/sdc1 /gone ext4 rw 0 0\n",
    )
    assert [disk.mount for disk in Host(root).use().disks] == ["/", "/my data"]


def test_what_is_not_there_is_absent_and_never_zero(tmp_path: Path) -> None:
    host = Host(tmp_path)
    assert host.use() == HostUse()
    assert (host.names().os, host.names().boot_id, host.memory()) == (None, None, None)
    assert host.cpu().model is host.cpu().threads is None


@example(data=b"inf inf inf\n")
@example(data=b"MemTotal: 99999999999999999999 kB\n")
@given(data=st.binary(max_size=200) | st.sampled_from([text.encode() for text in FILES.values()]))
def test_whatever_the_files_hold_nothing_raises(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    root = tmp_path_factory.mktemp("root", numbered=True)
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    host = Host(root)
    names = host.names()
    machine = Machine(
        collected_at="2026-01-01T00:00:00Z",
        os=names.os,
        boot_id=names.boot_id,
        cpu=host.cpu(),
        memory=host.memory(),
        nvml=Nvml(status="absent"),
    )
    assert read_statement(write_statement(machine, bytes(32))).machine == machine
    for use in (host.use(), host.use()):
        assert msgspec.json.decode(msgspec.json.encode(use), type=HostUse) == use
