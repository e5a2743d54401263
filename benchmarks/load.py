"""Rising load on a real server: where its knee is, what happens past it, and how it recovers."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.api import prepare  # noqa: E402
from benchmarks.costs import Costs, cores, look  # noqa: E402
from benchmarks.gateway import redis_server  # noqa: E402
from benchmarks.knee import RULE, Step, find, is_calm, keeps_up  # noqa: E402
from benchmarks.peers import environment  # noqa: E402
from benchmarks.run import write  # noqa: E402
from benchmarks.server import Server, server  # noqa: E402
from benchmarks.table import Row, table  # noqa: E402
from lotabots.cli.client import Client  # noqa: E402
from lotabots.runtime.web import WebSettings  # noqa: E402
from lotabots.simulator import make_node  # noqa: E402

LOCUST = ("locust==2.47.0", "gevent==26.9.0")
NODES, ACCOUNTS, LOWERED = 32, 8, 4
PAST, PATIENT, OVERLOAD, RECOVERY, RECOVERED = 2, 4, 15.0, 30, 3
"""Times the knee, by users so many times slower, seconds of it, seconds that recovery is waited
for, good windows in a row."""
KEPT_SECONDS = WebSettings().keep_alive + 3.0
PASSWORD = "a long sentence that nobody says twice"


@dataclass(frozen=True)
class Scenario:
    """Who asks what, and how often each of them."""

    words: str
    weights: dict[str, int]
    idle: int
    start: int
    """Users of the idle step, and of the first one of the search."""
    period: float
    """Seconds between two operations of one user."""
    seconds: float = 4.0
    """Of one step."""
    untimed: tuple[str, ...] = ()
    """What counts and is not timed: it is slow by intent, and would be the p99 of all."""
    connections: int = 0
    """Users past the knee, where it is their number that is tried and not their rate."""


SCENARIOS = {
    "gateway": Scenario("cheap reads with a token", {"nodes": 1, "me": 1}, 10, 40, 0.25),
    "login": Scenario("log-ins with a password", {"login": 1}, 2, 4, 2.0, 10.0),
    "attest": Scenario(
        "challenge, evidence of a simulated GPU, verdict", {"attest": 1}, 4, 10, 0.5
    ),
    "mixed": Scenario(
        "reads, attestations and a few log-ins",
        {"nodes": 60, "me": 40, "attestations": 40, "keys": 20, "attest": 39, "login": 1},
        8, 20, 0.5, 6.0, ("login",),
    ),
    "crowd": Scenario(
        "1,500 connections that ask every five seconds", {"me": 1}, 50, 500, 5.0, connections=1500
    ),
}  # fmt: skip


@dataclass
class Load:
    """Users of locust in a process of their own."""

    process: "subprocess.Popen[str]"
    scenario: Scenario

    def step(
        self, users: int, settle: float | None = None, seconds: float = 0.0, slower: int = 1
    ) -> Step:
        """What comes of so many users. By default they settle for one period first."""
        period = self.scenario.period * slower
        order = {
            "users": users,
            "period": period,
            "settle": max(0.5, period) if settle is None else settle,
            "seconds": seconds or self.scenario.seconds,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("locust ended")
        said = json.loads(line)
        step = Step(
            users, users / period, said["done"] / said["seconds"], said["p50"], said["p99"],
            said["worst"], said["statuses"], said["strange"], said["slowest"], said["cpu"],
            said["seconds"],
        )  # fmt: skip
        print(
            f"  {users:5} users {step.offered:7.1f}/s offered {step.done:7.1f}/s done"
            f"  p50 {step.p50:7.1f} p99 {step.p99:7.1f} ms  {step.refused:4.0%} refused"
            f"  {step.strange or ''}",
            file=sys.stderr,
        )
        return step


@contextmanager
def load(ours: Server, scenario: Scenario) -> Iterator[Load]:
    ids, token = prepare(ours, [make_node(f"bench-{index}", gpus=1) for index in range(NODES)])
    specification = {
        "url": ours.url, "token": token, "ids": ids,
        "accounts": accounts(ours, token) if "login" in scenario.weights else [],
        "path": [str(HERE.parent / "src"), sysconfig.get_path("purelib")],
        "untimed": scenario.untimed,
        "weights": [list(scenario.weights), list(scenario.weights.values())],
    }  # fmt: skip
    python = environment("locust", *LOCUST)
    program = HERE / "peers" / "locust_users.py"
    command = [str(python), str(program), json.dumps(specification)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Load(process, scenario)
        finally:
            process.kill()


def accounts(ours: Server, token: str) -> list[dict[str, str]]:
    """Users with passwords of their own, as they log in."""
    names = [f"bench-{index}" for index in range(ACCOUNTS)]
    with Client(ours.url, token) as client:
        for name in names:
            body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
            client.post("/v1/users", {**body, "role": "viewer"})
    return [{"username": name, "password": PASSWORD} for name in names]


@dataclass
class Measured:
    """One scenario from idle to idle."""

    idle: Step
    knee: Step
    most_done: float
    past: Step
    recovery: float
    costs: dict[str, Costs] = field(default_factory=dict)


def measured(ours: Server, scenario: Scenario) -> Measured:
    costs = {}
    with load(ours, scenario) as users:
        users.step(scenario.idle, seconds=2)
        idle = users.step(scenario.idle, seconds=scenario.seconds * 1.5)
        costs["idle"] = look(ours)
        tried = list(find(users.step, idle, scenario.start)) if not scenario.connections else []
        good = [step for step in tried if keeps_up(step, idle)]
        most = max((step.users for step in good), default=scenario.idle)
        if scenario.connections:
            most = scenario.start
        for _ in range(LOWERED):
            users.step(most, settle=2 * scenario.period, seconds=0.1)  # what was queued is done
            costs["before"] = look(ours)
            knee = users.step(most, settle=0.0, seconds=scenario.seconds * 2)
            costs["knee"] = look(ours)
            if keeps_up(knee, idle):
                break
            most = max(scenario.idle, most * 9 // 10)
        # More users, each slower: whoever waits for an answer asks nothing.
        slower = 1 if scenario.connections else PATIENT
        most_done = max(step.done for step in [*tried, knee])
        crowd = scenario.connections or round(PAST * most_done * scenario.period) * slower
        past = users.step(crowd, seconds=OVERLOAD, slower=slower)
        costs["past"] = look(ours)
        recovery = recovered(users, idle)
        users.step(crowd, seconds=OVERLOAD / 2, slower=slower)
        costs["again"] = look(ours)
        ended = time.monotonic()
        # Locust leaves the connections of users that have gone open; the server closes them.
        users.step(
            scenario.idle, settle=max(0.0, ended + KEPT_SECONDS - time.monotonic()), seconds=1
        )
        costs["after"] = look(ours)
    return Measured(idle, knee, most_done, past, recovery, costs)


def recovered(users: Load, idle: Step) -> float:
    """Seconds from the end of the overload until p99 is as it was; infinite if it is not again."""
    ended, since, good = time.monotonic(), 0.0, 0
    window = max(1.0, users.scenario.period)
    while time.monotonic() - ended < RECOVERY:
        begun = time.monotonic() - ended
        step = users.step(idle.users, settle=0.0, seconds=window)
        if not is_calm(step, idle):
            good = 0
            continue
        since, good = (begun, 1) if not good else (since, good + 1)
        if good == RECOVERED:
            return since
    return float("inf")


def rows(found: Measured) -> list[Row]:
    idle, knee, past, costs = found.idle, found.knee, found.past, found.costs
    server_cpu, postgres_cpu = cores(costs["before"], costs["knee"])
    strange = sum(past.strange.values()) + sum(knee.strange.values())
    grown = costs["again"].resident / costs["past"].resident
    left = costs["after"].files - costs["idle"].files
    kept = past.done / found.most_done

    def shown(metric: str, value: float, unit: str) -> Row:
        return Row(metric, value, None, unit, None, "shown", None)

    return [
        shown("knee", knee.done, "/s"),
        shown("idle-p50-ms", idle.p50, "ms"),
        shown("idle-p99-ms", idle.p99, "ms"),
        shown("knee-p50-ms", knee.p50, "ms"),
        shown("knee-p99-ms", knee.p99, "ms"),
        shown("most-done", found.most_done, "/s"),
        shown("past-offered", past.offered, "/s"),
        Row("past-done", past.done, found.most_done, "/s", kept, ">= 0.7x most", kept >= 0.7),
        shown("past-p99-ms", past.p99, "ms"),
        shown("past-refused", past.refused * 100, "% 429, 503"),
        Row("past-strange", strange, None, "answers", None, "0: else, or none", strange == 0),
        Row("past-slowest-s", past.slowest, None, "s", None, "<= 15 s", past.slowest <= 15),
        Row("recovery-s", found.recovery, None, "s", None, "< 10 s", found.recovery < 10),
        shown("cpu-server", server_cpu, "% of a core"),
        shown("cpu-postgres", postgres_cpu, "% of a core"),
        shown("cpu-load", knee.cpu * 100, "% of a core"),
        shown("rss-idle-mib", costs["idle"].resident, "MiB"),
        shown("rss-knee-mib", costs["knee"].resident, "MiB"),
        shown("rss-past-mib", costs["past"].resident, "MiB"),
        Row("rss-again-mib", costs["again"].resident, costs["past"].resident, "MiB", grown,
            "<= 1.05x past", grown <= 1.05),
        shown("rss-after-mib", costs["after"].resident, "MiB"),
        shown("files-past", costs["past"].files, "open"),
        Row("files-left", left, None, "open", None, "<= 20 more", left <= 20),
        shown("database", max(one.database for one in costs.values()), "connections"),
    ]  # fmt: skip


NOTES = [
    *RULE,
    f"Past it: {PAST} times the most that any step did, for {OVERLOAD:.0f} s, by {PATIENT} times",
    "as many users, each so much slower (`crowd`: three times the connections at the same pace).",
    "`strange`: anything but 2xx, and 429 or 503 in the one error body; no answer within 30 s too.",
    f"Recovery: from the end of the overload until {RECOVERED} windows in a row have a p99 of at",
    "most twice the idle one, or its worst. `rss-again`: after a second overload, half as long.",
    "`peer` is ours: the most that any step did, or after the first overload. `lotabots up` with",
    "its PostgreSQL has one core, locust another; Redis where there is one. The limits of a single",
    "caller are lifted: all share an address. Log-ins count in `mixed` and are not timed: bcrypt",
    "is slow by intent.",
]


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in SCENARIOS:
        print("make load NAME=...")
        for name, scenario in SCENARIOS.items():
            print(f"  {name:8} {scenario.words}")
        return 0 if len(sys.argv) < 2 else 2
    name = sys.argv[1]
    available = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lotabots-load-")))
        os.environ["LOTA_LIMITS_LOGIN_IP"] = os.environ["LOTA_LIMITS_PUBLIC_IP"] = "1000000/1s"
        environment("locust", *LOCUST)
        os.sched_setaffinity(0, available[:1])  # the server is made by us, and keeps it
        if shutil.which("redis-server"):
            os.environ["LOTA_REDIS_URL"] = stack.enter_context(redis_server())
        ours = stack.enter_context(server(folder))
        os.sched_setaffinity(0, available[-1:])
        found = rows(measured(ours, SCENARIOS[name]))
    print(table(found))
    print("\n".join(NOTES))
    write(f"load-{name}", found, NOTES, f"make load NAME={name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
