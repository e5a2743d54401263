"""The witness over HTTP: statuses, bodies, and that a restart forgets nothing."""

import http.client
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from plugins.logs import ORIGIN, small_log
from witness.test_rules import body, request

from lotabots.cli.audit.witness import Cosigning
from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.cli.audit.witness.server import Answer, Witness, WitnessServer
from lotabots.runtime.clock import utc_now
from lotabots.tlog import NoteVerifier, open_note

LOG = small_log(40)
NAME = "witness.example/w1"
SIGNER = Cosigning(NAME, bytes(range(32)))

Post = Callable[..., Answer]


@contextmanager
def serving(folder: Path) -> Iterator[Post]:
    keeper = Keeper(folder / "witness.db", new=True)
    witness = Witness(keeper, {ORIGIN: (LOG.verifier,)}, SIGNER.lines)
    failures: list[str] = []
    with WitnessServer(("127.0.0.1", 0), witness, lambda: failures.append("failed")) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.01,))
        running.start()

        def post(data: bytes, path: str = "/add-checkpoint") -> Answer:
            connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
            try:
                connection.request("POST", path, data)
                response = connection.getresponse()
                kind = response.headers.get("content-type", "")
                return Answer(response.status, response.read().decode(), kind)
            finally:
                connection.close()

        try:
            yield post
        finally:
            server.shutdown()
            running.join()
            keeper.close()
    assert failures == []


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with serving(tmp_path) as posting:
        yield posting


def test_a_cosignature_is_one_of_the_witness_over_the_checkpoint_as_of_now(post: Post) -> None:
    answer = post(request(LOG, 0, 20))
    assert answer.status == 200
    opened = open_note(LOG.note(20) + answer.body, [NoteVerifier.parse(SIGNER.vkey)])
    (signed,) = opened.signed
    assert opened.text == LOG.checkpoint(20).text()
    assert abs(signed.at - utc_now().timestamp()) < 60


def test_a_log_is_followed_from_size_to_size(post: Post) -> None:
    sizes = [0, 1, 7, 20, 20, 40]
    for old, new in pairwise(sizes):
        assert post(request(LOG, old, new)).status == 200


def test_a_replay_is_a_conflict_that_says_the_size_known(post: Post) -> None:
    first = request(LOG, 0, 20)
    assert post(first).status == 200
    assert post(first) == Answer(409, "20\n", "text/x.tlog.size")


def test_each_refusal_has_its_status(post: Post) -> None:
    assert post(request(LOG, 0, 20)).status == 200
    fork = small_log(40)
    fork.entries[3] = b"another history"
    assert post(body(20, (), fork.note(20))).status == 409
    assert post(request(fork, 20, 40)).status == 422
    assert post(request(LOG, 20, 40).replace(b"old 20", b"old 41")).status == 400
    assert post(b"nonsense").status == 400
    assert post(request(small_log(9, seed=2), 0, 9)).status == 403
    assert post(request(small_log(9, origin="other.example"), 0, 9)).status == 404
    assert post(request(LOG, 20, 40)).status == 200


def test_another_path_is_not_found_and_too_much_is_not_read(post: Post) -> None:
    assert post(b"", "/").status == 404
    assert post(b"x" * (128 * 1024 + 1)).status == 400


def test_of_many_at_once_exactly_one_extends_the_same_tree(post: Post) -> None:
    assert post(request(LOG, 0, 5)).status == 200
    requests = [request(LOG, 5, size) for size in range(6, 30)]
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status for answer in pool.map(post, requests)]
    assert statuses.count(200) == 1
    assert set(statuses) == {200, 409}
