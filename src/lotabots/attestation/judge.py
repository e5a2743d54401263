"""Judging evidence in worker threads of its own, with what was proven before at hand."""

from functools import partial

import msgspec
from anyio import CapacityLimiter, to_thread

from lotabots.appraisal import (
    Appraiser,
    Inputs,
    Packed,
    Policy,
    Scope,
    Trial,
    Verdict,
    appraise,
    pack_inputs,
    try_policy,
)
from lotabots.evidence import Anchors, Caches
from lotabots.kernel import Kind, LotaError, sha256_hex

SMALL = 16 * 1024
"""Bytes of evidence in a light attestation that are judged where they come: that takes less than a
millisecond, and to hand them to a thread and to wait for it would take longer."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, its canonical bytes and their digest, and what a replay needs."""

    verdict: Verdict
    canonical: bytes
    digest: str
    packed: Packed


class Judge:
    """Judges at most `threads` submissions at once, and lets `waiting` more wait."""

    def __init__(self, anchors: Anchors, appraiser: Appraiser, threads: int, waiting: int) -> None:
        self.anchors = anchors
        self.appraiser = appraiser
        self._caches = Caches()
        self._limiter = CapacityLimiter(threads)
        self._most = threads + waiting
        self._inside = 0

    async def judge(self, inputs: Inputs) -> Judged:
        """The verdict. Raises `APPRAISAL_BUSY` when too many wait: nothing was judged then."""
        if inputs.scope is Scope.LIGHT and sum(len(one.data) for one in inputs.evidence) <= SMALL:
            return self._judge(inputs)
        if self._inside >= self._most:
            detail = "Too many submissions wait to be judged."
            raise LotaError(Kind.UNAVAILABLE, "APPRAISAL_BUSY", detail, retry_after_seconds=2)
        self._inside += 1
        try:
            return await to_thread.run_sync(self._judge, inputs, limiter=self._limiter)
        finally:
            self._inside -= 1

    async def try_policy(self, policy: Policy, inputs: Inputs) -> Trial:
        """What another policy would say of stored inputs, by the same code."""
        run = partial(try_policy, policy, inputs, self._caches, self.appraiser)
        return await to_thread.run_sync(run, limiter=self._limiter)

    def _judge(self, inputs: Inputs) -> Judged:
        verdict = appraise(inputs, self._caches, self.appraiser)
        canonical = verdict.canonical()
        return Judged(
            verdict=verdict,
            canonical=canonical,
            digest=sha256_hex(canonical),
            packed=pack_inputs(inputs, self._caches),
        )
