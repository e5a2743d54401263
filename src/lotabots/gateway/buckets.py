"""Where buckets are kept: in this process, or in Redis for all processes; both decide alike."""

from collections.abc import Sequence
from typing import NamedTuple

from lotabots.gateway.bucket import FULL, SECOND, Decision, Limit, decide_all
from lotabots.runtime.redis import Connections, Script

PREFIX = "lota:bucket:1:"
"""Names what lies under a key, and in which form: another form gets another number."""


class Draw(NamedTuple):
    """One token from the bucket of this name, which has this limit."""

    key: str
    """The class of routes, by whom it counts, and who that is."""
    limit: Limit

    @property
    def by(self) -> str:
        """By whom it counts: `ip`, `user` or `key`."""
        return self.key.split(":", 2)[1]


class Drawn(NamedTuple):
    """What each bucket said, in the order asked: a token came from all of them, or from none."""

    decisions: tuple[Decision, ...]
    states: tuple[int, ...]
    """What is in the store now."""
    now: int
    """The store's clock."""

    @property
    def allowed(self) -> bool:
        """Whether every bucket had a token."""
        for decision in self.decisions:  # noqa: SIM110 - a generator costs more than the buckets
            if not decision.allowed:
                return False
        return True

    @property
    def retry_seconds(self) -> int:
        """After so many whole seconds every bucket will have a token; at least one."""
        return max(1, *(-(-decision.retry_after // SECOND) for decision in self.decisions))


class Memory:
    """Buckets of this process, at most `most` of them.

    They lie in two halves: when the younger is full, it becomes the older, and the older is
    dropped. So what was used lately stays, and nothing is ever searched. Whoever would have a
    bucket forgotten must come under `most / 2` other names first.
    """

    def __init__(self, most: int = 200_000) -> None:
        self._half = most // 2
        self._younger: dict[str, int] = {}
        self._older: dict[str, int] = {}

    def draw(self, draws: Sequence[Draw], now: int) -> Drawn:
        """A token from each bucket, or from none."""
        states = [self.state(draw.key) for draw in draws]
        decisions, after = decide_all(states, [draw.limit for draw in draws], now)
        for draw, state, changed in zip(draws, states, after, strict=True):
            if changed != state:
                self.put(draw.key, changed)
        return Drawn(decisions, after, now)

    def state(self, key: str) -> int:
        """The state of a bucket."""
        found = self._younger.get(key)
        return self._older.get(key, FULL) if found is None else found

    def put(self, key: str, state: int) -> None:
        """Sets the state of a bucket."""
        if key not in self._younger and len(self._younger) >= self._half:
            self._older, self._younger = self._younger, {}
        self._younger[key] = state

    def __len__(self) -> int:
        return len(self._younger) + len(self._older)


# One call for all buckets of a request: all are looked at before any is changed. Its clock is that
# of Redis, so that no process's clock matters. It does what `bucket.decide_all` does, operation for
# operation (a property test holds them together); Lua's numbers are exact below 2^53, and `%.0f`
# writes all their digits where Lua alone writes fourteen.
CLOCK = "local t = redis.call('TIME'); local now = t[1] * 1000000 + t[2]"
SCRIPT = (
    CLOCK
    + """
local answer, after, allowed = {string.format('%.0f', now)}, {}, true
for i, key in ipairs(KEYS) do
  local interval, window = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local state = tonumber(redis.call('GET', key) or '0') or 0
  local arrival = math.max(now, math.min(state, now + window))
  answer[i + 1] = string.format('%.0f', state)
  after[i] = arrival + interval
  allowed = allowed and after[i] - now <= window
end
if allowed then
  for i, key in ipairs(KEYS) do
    local milliseconds = math.ceil((after[i] - now) / 1000)
    redis.call('SET', key, string.format('%.0f', after[i]),
               'PX', string.format('%.0f', milliseconds))
  end
end
return answer
"""
)


class Shared:
    """Buckets in Redis (6.2 or later, or Valkey), for every process that uses the same one.

    A cluster of Redis is not supported: the buckets of one request would have to share a slot.
    """

    def __init__(self, redis: Connections, script: str = SCRIPT) -> None:
        self._redis = redis
        self._script = Script(script)

    async def draw(self, draws: Sequence[Draw], *clock: int) -> Drawn:
        """A token from each bucket, or from none, in one round trip. Raises `redis.FAILED`.

        `clock` is for the test that sets the script's clock.
        """
        limits = [draw.limit for draw in draws]
        numbers = [number for limit in limits for number in (limit.interval, limit.window)]
        keys = [PREFIX + draw.key for draw in draws]
        now, *states = map(int, await self._redis.run(self._script, keys, [*numbers, *clock]))
        # What the script decided follows from what it saw.
        decisions, after = decide_all(states, limits, now)
        return Drawn(decisions, after, now)
