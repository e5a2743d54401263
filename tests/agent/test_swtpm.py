"""A real TPM in software joins real servers and is believed, by the command line alone."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from agent.enrolled import token
from click.testing import CliRunner, Result
from plugins.api import Api
from plugins.attester import use_policy
from plugins.swtpm import SoftwareTpm

from lotabots.cli.root import root
from lotabots.kernel import LotaError, Role, sha256

pytestmark = pytest.mark.anyio


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    error: str


class Machine:
    """A machine with this TPM, as its administrator uses the command line on it."""

    def __init__(self, tpm: SoftwareTpm, folder: Path) -> None:
        self.tpm, self.folder = tpm, folder

    async def run(self, *words: str) -> Done:
        where = {"LOTA_AGENT_STATE": str(self.folder / "state"), "LOTA_AGENT_TCTI": self.tpm.tcti}

        def invoked() -> Result:
            return CliRunner(env=where).invoke(root, ["agent", *words], standalone_mode=False)

        result = await asyncio.to_thread(invoked)
        if isinstance(result.exception, LotaError):
            return Done(4, result.stdout, result.exception.code)
        assert result.exception is None, result.exception
        return Done(int(result.return_value or 0), result.stdout, result.stderr)

    async def join(self, api: Api, *words: str) -> str:
        """The id of the node that it is from now on."""
        text = await token(api, node_class="host")
        done = await self.run("join", text, "-o", "json", *words)
        assert done.code == 0, done.error
        return str(json.loads(done.out)["node"])

    async def once(self) -> Any:
        done = await self.run("run", "--once", "-o", "json")
        assert done.out, done.error
        return json.loads(done.out) | {"exit": done.code}

    async def approve(self, api: Api) -> None:
        """What it is now becomes what it has to be."""
        done = await self.run("measure", str(self.folder / "reference"))
        assert done.code == 0, done.error
        files = [
            {"name": path.name, "data": base64.b64encode(path.read_bytes()).decode()}
            for path in (self.folder / "reference").iterdir()
        ]
        body = {"name": "machine", "files": files}
        answer = await api.post("/v1/reference/files", body, as_=Role.OPERATOR)
        assert answer.status_code == 201, answer.text


@pytest.fixture
def machine(new_swtpm: SoftwareTpm, tmp_path: Path) -> Machine:
    """A machine whose firmware measured something."""
    new_swtpm.extend((0, sha256(b"firmware")), (4, sha256(b"boot loader")))
    return Machine(new_swtpm, tmp_path)


async def test_a_machine_with_a_tpm_joins_is_approved_and_accepted(
    tpm_api: Api, machine: Machine
) -> None:
    await use_policy(tpm_api, "demo-host")
    node = await machine.join(tpm_api)
    first = await machine.once()
    assert (first["status"], first["exit"]) == ("inconclusive", 3)  # nobody has approved it yet
    await machine.approve(tpm_api)
    second = await machine.once()
    assert (second["status"], second["exit"]) == ("accepted", 0), second["findings"]
    assert second["simulated"]
    [tpm] = [one for one in second["devices"] if one["subject"] == "tpm0"]
    assert tpm["level"] in ("attested", "bound")
    shown = (await tpm_api.get(f"/v1/nodes/{node}")).json()
    assert (shown["identity"], shown["standing"]) == ("tpm", "accepted")
    status = await machine.run("status", "-o", "json")
    assert status.code == 0
    doctor = await machine.run("doctor", "-o", "json")
    checks = {one["name"]: one for one in json.loads(doctor.out)}
    assert checks["tpm"]["state"] == checks["attestation"]["state"] == "pass", checks


async def test_a_machine_that_starts_something_else_is_rejected(
    tpm_api: Api, machine: Machine
) -> None:
    await use_policy(tpm_api, "demo-host")
    await machine.join(tpm_api)
    await machine.approve(tpm_api)
    assert (await machine.once())["status"] == "accepted"
    machine.tpm.extend((4, sha256(b"something else")))
    after = await machine.once()
    assert (after["status"], after["exit"]) == ("rejected", 1)
    assert after["first_reason"]["subject"] == "tpm0"


async def test_a_machine_that_was_rebooted_is_accepted_again_and_keeps_its_credential(
    tpm_api: Api, machine: Machine
) -> None:
    await use_policy(tpm_api, "demo-host")
    await machine.join(tpm_api)
    await machine.approve(tpm_api)
    assert (await machine.once())["status"] == "accepted"
    machine.tpm.reboot()
    machine.tpm.extend((0, sha256(b"firmware")), (4, sha256(b"boot loader")))
    again = await machine.once()
    assert again["status"] == "accepted", again["findings"]


async def test_a_credential_is_renewed_by_the_tpm(tpm_api: Api, machine: Machine) -> None:
    await use_policy(tpm_api, "demo-host")
    await machine.join(tpm_api)
    kept = machine.folder / "state" / "agent.json"
    before = json.loads(kept.read_text())
    kept.write_text(json.dumps(before | {"credential": "lost.and.gone"}))
    assert (await machine.once())["status"] == "inconclusive"
    assert json.loads(kept.read_text())["credential"] not in ("lost.and.gone", "")


async def test_another_machine_cannot_go_on_with_the_folder_of_this_one(
    tpm_api: Api, machine: Machine, other_swtpm: SoftwareTpm
) -> None:
    await machine.join(tpm_api)
    stolen = Machine(other_swtpm, machine.folder)
    done = await stolen.run("run", "--once")
    assert done.code == 4
    assert "TPM_KEY_LOST" in done.error


async def test_a_tpm_that_is_gone_is_said_and_nothing_is_sent(
    tpm_api: Api, machine: Machine
) -> None:
    await machine.join(tpm_api)
    machine.tpm.stop()
    done = await machine.run("run", "--once")
    assert done.code == 4
    assert "TPM_" in done.error
    doctor = await machine.run("doctor", "-o", "json")
    checks = {one["name"]: one["state"] for one in json.loads(doctor.out)}
    assert (doctor.code, checks["tpm"]) == (1, "fail")


async def test_the_tpm_of_an_enrolled_node_does_not_enrol_again(
    tpm_api: Api, machine: Machine
) -> None:
    await machine.join(tpm_api)
    (machine.folder / "state" / "agent.json").unlink()
    text = await token(tpm_api, node_class="host")
    done = await machine.run("join", text, "--name", "again")
    assert (done.code, done.error) == (4, "NODE_DEVICE_TAKEN")


async def test_a_tpm_of_a_maker_that_nobody_trusts_does_not_enrol(
    api: Api, machine: Machine
) -> None:
    text = await token(api, node_class="host")
    done = await machine.run("join", text)
    assert done.code == 4
    assert "ENROLMENT_EK_UNKNOWN" in done.error
    again = await machine.run("join", text)
    assert "ENROLMENT_TOKEN_SPENT" in again.error
