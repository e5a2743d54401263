"""Our log asks for cosignatures: enough of them, or nothing is published; ahead of us, an alarm."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from plugins.logs import ORIGIN, SmallLog, small_log

from lotabots.audit.witnesses import PATH, Answer, Witnesses
from lotabots.cli.audit.witness import Cosigning
from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.cli.audit.witness.server import Witness
from lotabots.kernel import LotaError
from lotabots.tlog import Policy

pytestmark = pytest.mark.anyio

LOG = small_log(30)
URL = "http://w{}.example"


class Network:
    """Three real witnesses, without the HTTP between."""

    def __init__(self, folder: Path) -> None:
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.signers = [Cosigning(f"w{n}.example", bytes([n]) * 32) for n in range(3)]
        self.witnesses = {
            URL.format(n) + PATH: Witness(
                Keeper(folder / f"{n}.db", new=True), {ORIGIN: (LOG.verifier,)}, signer.lines
            )
            for n, signer in enumerate(self.signers)
        }

    def policy(self, quorum: int = 2) -> Policy:
        names = "".join(
            f"witness w{n} {signer.vkey} {URL.format(n)}\n" for n, signer in enumerate(self.signers)
        )
        group = f"group most {quorum} w0 w1 w2\nquorum most\n"
        return Policy.parse(f"log {LOG.verifier.vkey()}\n{names}{group}".encode())

    def post(self, url: str, body: bytes) -> Answer:
        self.asked.append(url)
        if url in self.down:
            raise ConnectionRefusedError
        answer = self.witnesses[url].add_checkpoint(body)
        return Answer(answer.status, answer.body.encode())


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path)


def prover(log: SmallLog) -> Callable[[int, int], object]:
    async def prove(old: int, new: int) -> Sequence[bytes]:
        return log.consistency(old, new)

    return prove


async def cosigned(witnesses: Witnesses, size: int, log: SmallLog = LOG) -> str:
    return await witnesses.cosigned(log.note(size), log.checkpoint(size), prover(log))  # type: ignore[arg-type]


async def test_every_witness_that_answers_cosigns(network: Network) -> None:
    note = await cosigned(Witnesses(network.policy(3), network.post), 12)
    assert network.policy(3).check(note) == LOG.checkpoint(12)


async def test_a_log_is_followed_without_asking_twice(network: Network) -> None:
    witnesses = Witnesses(network.policy(3), network.post)
    for size in (5, 9, 30):
        await cosigned(witnesses, size)
    assert len(network.asked) == 9


async def test_a_process_that_has_just_started_learns_where_the_witnesses_are(
    network: Network,
) -> None:
    await cosigned(Witnesses(network.policy(3), network.post), 12)
    note = await cosigned(Witnesses(network.policy(3), network.post), 20)
    assert network.policy(3).check(note).size == 20


async def test_one_witness_may_be_away_when_two_are_enough(network: Network) -> None:
    network.down = {URL.format(1) + PATH}
    note = await cosigned(Witnesses(network.policy(2), network.post), 12)
    assert network.policy(2).check(note).size == 12


async def test_without_a_quorum_there_is_nothing_to_publish(network: Network) -> None:
    network.down = {URL.format(1) + PATH, URL.format(2) + PATH}
    with pytest.raises(LotaError) as refusal:
        await cosigned(Witnesses(network.policy(2), network.post), 12)
    assert refusal.value.code == "WITNESS_QUORUM"


@pytest.mark.parametrize("body", [b"", b"\xff", b"\xe2\x80\x94 w0.example AAAA\n", b"x" * 99])
async def test_what_a_witness_makes_up_is_no_cosignature(network: Network, body: bytes) -> None:
    with pytest.raises(LotaError) as refusal:
        await cosigned(Witnesses(network.policy(1), lambda *_: Answer(200, body)), 12)
    assert refusal.value.code == "WITNESS_QUORUM"


async def test_a_log_that_lost_entries_is_told_by_its_witnesses(network: Network) -> None:
    await cosigned(Witnesses(network.policy(), network.post), 20)
    with pytest.raises(LotaError) as alarm:
        await cosigned(Witnesses(network.policy(), network.post), 12)
    assert alarm.value.code == "WITNESS_AHEAD"


async def test_another_tree_of_the_same_size_is_an_alarm(network: Network) -> None:
    await cosigned(Witnesses(network.policy(), network.post), 20)
    fork = small_log(20)
    fork.entries[3] = b"another history"
    with pytest.raises(LotaError) as alarm:
        await cosigned(Witnesses(network.policy(), network.post), 20, fork)
    assert alarm.value.code == "WITNESS_AHEAD"
