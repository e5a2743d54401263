"""One attestation: a challenge, everything that answers it, and the verdict on that."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from lotabots.agent.client import Client
from lotabots.agent.enrolling import session_jwk
from lotabots.agent.machine import Machine
from lotabots.agent.pacing import renew_after
from lotabots.agent.renewing import renewed
from lotabots.agent.state import Kept, State
from lotabots.agent.wire import Attested, Challenge, Scope, submission
from lotabots.kernel import LotaError, invalid

SAMPLES = "/v1/nodes/{node}/samples"
CHALLENGE_ROOM = timedelta(seconds=5)
"""A challenge that ends sooner is not begun with."""
RENEWING = frozenset(
    {
        "TOKEN_EXPIRED",
        "TOKEN_INVALID",
        "TOKEN_REVOKED",
        "TOKEN_LIFETIME",
        "CREDENTIAL_REPLACED",
        "AGENT_CHALLENGE_FOREIGN",  # the server has another name by now, and says so with it
    }
)
"""What the server says of a credential that another one can mend."""


class Attesting:
    """An enrolled node that attests. It holds one connection, and one challenge ahead."""

    def __init__(
        self,
        state: State,
        machine: Machine,
        clock: Callable[[], datetime],
        failed: Callable[[LotaError], None],
    ) -> None:
        """`failed` is told what could not be collected, and what else failed without stopping us.

        Raises `AGENT_NOT_ENROLLED`, `AGENT_STATE`, `AGENT_SERVER_UNTRUSTED`.
        """
        self._state = state
        self._machine = machine
        self._failed = failed
        self.kept: Kept = state.enrolled()
        self._key = self.kept.key
        self.client = Client(self.kept.known_server, self._key, clock)
        self._ahead: Challenge | None = None

    def attest(self, scope: Scope) -> Attested:
        """The verdict on one attestation, full wherever only that would be accepted.

        Raises LotaError: the node has said nothing then, and the challenge, if any, is gone.
        """
        self._renew_in_time()
        try:
            return self._attested(scope)
        except LotaError as error:
            if error.code not in RENEWING:
                raise
            self.renew()
            return self._attested(scope)

    def renew(self) -> None:
        """Gets a new credential and keeps it. Raises `RENEWAL_*`, `NODE_*`, `SERVER_*`, `TPM_*`."""
        self.kept = renewed(self.client, self.kept, self._machine)
        self._keep()

    def report(self, reports: Sequence[object]) -> None:
        """Sends how the node is and was doing, which is no evidence. Raises LotaError."""
        path = SAMPLES.format(node=self.kept.node)
        body = msgspec.json.encode({"reports": reports})
        self.client.call("POST", path, body, self.kept.credential)

    def _renew_in_time(self) -> None:
        """Renews after two thirds of the credential's life; that may fail until all is over."""
        issued, expires = self.kept.issued_at, self.kept.expires_at
        if issued is None or expires is None:
            return self.renew()
        now, lifetime = self.client.now(), expires - issued
        if now < issued + timedelta(seconds=renew_after(lifetime.total_seconds())):
            return None
        try:
            self.renew()
        except LotaError as error:
            if now >= expires or error.code == "NODE_REVOKED":
                raise
            self._failed(error)
        return None

    def _keep(self) -> None:
        try:
            self._state.keep(self.kept)
        except LotaError as error:  # a full disk: we have it in memory, and will get another
            self._failed(error)

    def _attested(self, scope: Scope) -> Attested:
        challenge = self._challenge(scope)
        answer = self._machine.answer(
            challenge.derived(self._key.verifying.thumbprint()), challenge.tpm
        )
        for error in answer.failed:
            self._failed(error)
        body = submission(challenge, session_jwk(self._key), answer.evidence)
        attested = self.client.ask("/v1/attestations", body, Attested, self.kept.credential)
        self._ahead = attested.challenge
        if self.client.server != self.kept.known_server:
            self._take_authority()
        return attested

    def _challenge(self, scope: Scope) -> Challenge:
        """The challenge that we have, if it is of this scope and has time; else another one."""
        ahead, self._ahead = self._ahead, None
        if (
            ahead is not None
            and ahead.scope == scope
            and self.client.now() + CHALLENGE_ROOM < ahead.expires_at
            and not (scope == "light" and ahead.full_due)
        ):
            return self._own(ahead)
        challenge = self._asked(scope)
        if scope == "light" and challenge.full_due:
            challenge = self._asked("full")
        return challenge

    def _asked(self, scope: Scope) -> Challenge:
        body = {"node": self.kept.node, "session_key": session_jwk(self._key), "scope": scope}
        return self._own(self.client.ask("/v1/challenges", body, Challenge, self.kept.credential))

    def _own(self, challenge: Challenge) -> Challenge:
        """The challenge, if it is for this node by this server: nothing else is ever signed."""
        if challenge.node != self.kept.node or challenge.server != self.kept.server:
            detail = "The challenge is for another node, or by another server."
            raise invalid("AGENT_CHALLENGE_FOREIGN", detail)
        return challenge

    def _take_authority(self) -> None:
        """Keeps the newer certificate of the same CA."""
        self.kept = msgspec.structs.replace(self.kept, authority=self.client.server.authority)
        self._keep()
