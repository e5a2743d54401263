"""Our log asks for cosignatures: enough of them, or nothing is published; ahead of us, an alarm."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from audit.network import Network, address
from plugins.logs import SmallLog, small_log

from lotabots.audit.witnesses import Answer, Witnesses, read_witness_policy
from lotabots.kernel import LotaError
from lotabots.tlog import Algorithm, NoteSigner

pytestmark = pytest.mark.anyio

LOG = small_log(30)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [LOG.verifier])
    yield made
    made.close()


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
    network.down = {address(1)}
    note = await cosigned(Witnesses(network.policy(2), network.post), 12)
    assert network.policy(2).check(note).size == 12


async def test_without_a_quorum_there_is_nothing_to_publish(network: Network) -> None:
    network.down = {address(1), address(2)}
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


async def test_another_publisher_of_ours_who_is_further_on_is_no_alarm(network: Network) -> None:
    await cosigned(Witnesses(network.policy(), network.post), 20)
    asked: list[int] = []

    async def ours(size: int) -> bool:
        asked.append(size)
        return True

    behind = Witnesses(network.policy(), network.post)
    with pytest.raises(LotaError, match="WITNESS_QUORUM"):
        await behind.cosigned(LOG.note(12), LOG.checkpoint(12), prover(LOG), ours)  # type: ignore[arg-type]
    assert asked == [20, 20, 20]
    note = await cosigned(behind, 30)
    assert network.policy(3).check(note).size == 30


async def test_another_tree_of_the_same_size_is_an_alarm(network: Network) -> None:
    await cosigned(Witnesses(network.policy(), network.post), 20)
    fork = small_log(20)
    fork.entries[3] = b"another history"
    with pytest.raises(LotaError) as alarm:
        await cosigned(Witnesses(network.policy(), network.post), 20, fork)
    assert alarm.value.code == "WITNESS_AHEAD"


def policy_file(folder: Path, *lines: str) -> str:
    path = folder / "witnesses.policy"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_without_a_policy_no_witness_is_asked() -> None:
    assert read_witness_policy("", [LOG.signer]) is None


def test_a_policy_about_this_log_is_used(network: Network, tmp_path: Path) -> None:
    policy = read_witness_policy(policy_file(tmp_path, network.policy_text(2)), [LOG.signer])
    assert policy is not None
    assert [key.vkey() for key in policy.log_keys()] == [LOG.verifier.vkey()]
    assert [one.url for one in policy.witnesses] == [one.url for one in network.policy(2).witnesses]
    assert (policy.groups, policy.quorum) == (network.policy(2).groups, "most")


def test_a_policy_of_another_log_or_of_half_our_keys_is_refused(
    network: Network, tmp_path: Path
) -> None:
    path = policy_file(tmp_path, network.policy_text(2))
    second = NoteSigner(Algorithm.ML_DSA_44, LOG.origin, b"m" * 32)
    for signers in ([small_log(1, seed=9).signer], [LOG.signer, second], [second]):
        with pytest.raises(LotaError, match="AUDIT_POLICY_FOREIGN") as caught:
            read_witness_policy(path, signers)
        assert caught.value.details["keys"] == sorted(one.verifier.vkey() for one in signers)


@pytest.mark.parametrize(("name", "code"), [
    ("not there", "AUDIT_POLICY_FOREIGN"), (".", "AUDIT_POLICY_FOREIGN"), ("bad", "TLOG_POLICY"),
])  # fmt: skip
def test_a_policy_that_cannot_be_read_is_refused(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "bad").write_bytes(b"quorum of nobody\n")
    with pytest.raises(LotaError, match=code):
        read_witness_policy(str(tmp_path / name), [LOG.signer])
