"""Users of locust (in an environment of its own), told by lines of JSON what to do next.

usage: locust_users.py SPECIFICATION. Each line on stdin is a step (how many users, how often each,
how long); each line on stdout is what came of it. A user keeps its own time: one that is late asks
at once, so that what is offered does not fall while answers are slow, until all of them wait.
"""

import json
import logging
import random
import statistics
import sys
import time
from collections import Counter
from itertools import count
from typing import Any

from locust import FastHttpUser  # first: it makes sockets and time wait for nobody
from locust.env import Environment

SPECIFICATION = json.loads(sys.argv[1])
sys.path += SPECIFICATION["path"]  # what locust's environment has not: ourselves, and what we need

import gevent  # noqa: E402
import msgspec  # noqa: E402

from lotabots.cli.demo.fleet import attest  # noqa: E402
from lotabots.simulator import make_node  # noqa: E402

REFUSALS = {429, 503}
places = count()
nodes = [make_node(f"bench-{index}", gpus=1) for index in range(len(SPECIFICATION["ids"]))]


class Refused(Exception):
    """Not the answer that was asked for; it is counted already."""


class Step:
    """What is counted from `begin` to `end`."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.strange: Counter[str] = Counter()
        self.done = 0
        """Good operations; one of several requests counts as one."""
        self.spent: list[float] = []
        """Milliseconds of each that is timed."""

    def said(self) -> dict[str, Any]:
        spent = sorted(self.spent) or [0.0]
        last = min(len(spent) - 1, len(spent) * 99 // 100)
        return {
            "statuses": self.statuses, "strange": self.strange, "done": self.done,
            "p50": statistics.median(spent), "p99": spent[last], "worst": spent[-1],
        }  # fmt: skip


class Now:
    """The step that is being counted, and the pace of every user."""

    step = Step()
    period = 1.0
    slowest = 0.0


def heard(response_time: float, response: object, **_: object) -> None:
    """Counts an answer, and how one of a refusal or a failure looks."""
    status = getattr(response, "status_code", 0) or 0
    Now.step.statuses[status] += 1
    Now.slowest = max(Now.slowest, response_time / 1000)
    if 200 <= status < 300:
        return
    code = "none"
    if status:
        try:
            code = json.loads(getattr(response, "content", b""))["code"]
        except (ValueError, KeyError, TypeError):
            code = "not our shape"
    if status not in REFUSALS or code == "not our shape":
        Now.step.strange[f"{status} {code} {getattr(response, 'error', '') or ''}".strip()] += 1


class Caller:
    """The client that the demo's fleet speaks through, over locust's own."""

    def __init__(self, user: FastHttpUser) -> None:
        self._user = user

    def post(self, path: str, body: object) -> bytes:
        return self._user.call("POST", path, msgspec.json.encode(body))


class Site(FastHttpUser):
    """One client of a site: a connection of its own, its own node."""

    host = SPECIFICATION["url"]
    connection_timeout = network_timeout = 30.0
    concurrency = 1

    def on_start(self) -> None:
        self.place = next(places)
        self.due = time.monotonic() + random.random() * Now.period

    def wait_time(self) -> float:
        # When it is late it does not try to make up for more than one period.
        now = time.monotonic()
        self.due = max(self.due + Now.period, now - Now.period)
        return max(0.0, self.due - now)

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"authorization": f"Bearer {SPECIFICATION['token']}"}
        if body is not None:
            headers["content-type"] = "application/json"
        answer = self.client.request(method, path, data=body, headers=headers, name=path)
        if not 200 <= answer.status_code < 300:
            raise Refused
        return answer.content or b""

    def operate(self) -> None:
        begun, step = time.monotonic(), Now.step
        [kind] = random.choices(*SPECIFICATION["weights"])
        try:
            getattr(self, kind)()
        except Refused:
            return
        if step is not Now.step:
            return
        step.done += 1
        if kind not in SPECIFICATION["untimed"]:
            step.spent.append((time.monotonic() - begun) * 1000)

    tasks = (operate,)

    def nodes(self) -> None:
        self.call("GET", "/v1/nodes")

    def me(self) -> None:
        self.call("GET", "/v1/me")

    def attestations(self) -> None:
        self.call("GET", "/v1/attestations?limit=10")

    def keys(self) -> None:
        self.call("GET", "/v1/identity/jwks.json")

    def login(self) -> None:
        accounts = SPECIFICATION["accounts"]
        account = accounts[self.place % len(accounts)]
        self.call("POST", "/v1/login", json.dumps(account).encode())

    def attest(self) -> None:
        place = self.place % len(nodes)
        answer = attest(Caller(self), nodes[place], SPECIFICATION["ids"][place])
        if answer.status != "accepted":
            Now.step.strange[f"verdict {answer.status}"] += 1


def main() -> None:
    logging.getLogger("locust").setLevel(logging.ERROR)
    environment = Environment(user_classes=[Site], catch_exceptions=False)
    environment.events.request.add_listener(heard)
    runner = environment.create_local_runner()
    # No report goes anywhere, and statistics of locust's own are not needed.
    pool = gevent.get_hub().threadpool
    while line := pool.apply(sys.stdin.readline):
        order = json.loads(line)
        Now.period = order["period"]
        runner.start(order["users"], spawn_rate=max(1000, order["users"]))
        gevent.sleep(order["settle"])
        Now.step, Now.slowest = Step(), 0.0
        begun, cpu = time.monotonic(), time.process_time()
        gevent.sleep(order["seconds"])
        seconds = time.monotonic() - begun
        said = {**Now.step.said(), "seconds": seconds, "slowest": Now.slowest,
                "cpu": (time.process_time() - cpu) / seconds}  # fmt: skip
        print(json.dumps(said), flush=True)
    runner.quit()


main()
