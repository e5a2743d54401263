"""What attestation can be told: its name, whom its results are for, which roots it adds."""

from dataclasses import dataclass
from datetime import timedelta

from lotabots.kernel import invalid
from lotabots.runtime.settings import changeable

STATUS_PATH = "/v1/status"


@dataclass(frozen=True)
class AttestationSettings:
    """Section `attestation`. Times are seconds."""

    server: str = "urn:lotabots:attestation"
    """Who makes challenges and issues results: part of every nonce, and the results' `iss`."""
    audience: str = "urn:lotabots:relying-parties"
    """For whom results are: their `aud`."""
    public_url: str = ""
    """Where relying parties reach this instance: the status list's address in each result.

    Empty: the address that this process listens on.
    """
    default_policy: str = "default"
    """The built-in policy in force where no other was activated."""
    simulated_anchors: str = ""
    """A PEM file of further roots: of devices, of RIMs, then any of TPMs. Whatever verifies through
    one of them is marked simulated."""
    simulated_tpms: str = ""
    """A PEM file of further roots of TPMs alone, and of certificates between, such as those of a
    software TPM (swtpm). Whatever verifies through one of them is marked simulated."""
    result_seconds: int = changeable(300)
    """How long a result is valid, 1 to 600."""
    appraisers: int = 2
    """Threads that judge evidence."""
    max_waiting: int = 256
    """Submissions that may wait for a thread; beyond it they are refused as `unavailable`."""

    ca_file: str = ""
    """A PEM file of the CA that signs the HTTPS certificate in front of us: enrolment tokens name
    its key, and agents speak with no other server. Without it nodes can only enrol by plain HTTP
    on this very machine."""
    event_days: int = changeable(30)
    """How long events are kept, for streams that go on and webhooks that are played again, 1 to
    3650."""
    webhook_insecure: bool = False
    """Webhooks may also be plain HTTP, and go to this machine itself: for tests alone."""
    credential_hours: int = 24
    """How long an agent's credential is valid, 1 to 24. It renews it long before."""

    sample_days: int = 7
    """How long reports of nodes' resources are kept, 1 to 90."""
    resource_metrics: int = 100
    """Of at most so many nodes the newest report is shown at /metrics, 0 to 5000; 0: of none.

    A node of eight GPUs makes about 110 series."""

    model_approvals: int = 1
    """How many others than who registered a model must approve each of its moves, 1 to 10."""

    def __post_init__(self) -> None:
        if not 1 <= self.model_approvals <= 10:
            raise invalid("SETTINGS_INVALID", "attestation.model_approvals is 1 to 10")
        if not 1 <= self.event_days <= 3650:
            raise invalid("SETTINGS_INVALID", "attestation.event_days is 1 to 3650")
        if not 1 <= self.credential_hours <= 24:
            raise invalid("SETTINGS_INVALID", "attestation.credential_hours is 1 to 24")
        if not 1 <= self.sample_days <= 90:
            raise invalid("SETTINGS_INVALID", "attestation.sample_days is 1 to 90")
        if not 0 <= self.resource_metrics <= 5000:
            raise invalid("SETTINGS_INVALID", "attestation.resource_metrics is 0 to 5000")
        if not 1 <= self.result_seconds <= 600:
            raise invalid("SETTINGS_INVALID", "attestation.result_seconds is 1 to 600")
        if not 1 <= self.appraisers <= 64 or self.max_waiting < 1:
            raise invalid("SETTINGS_INVALID", "attestation.appraisers is 1 to 64")

    def status_uri(self, listening: str) -> str:
        """The address of the status list; `listening` is the address of this process."""
        return f"{(self.public_url or listening).rstrip('/')}{STATUS_PATH}"

    @property
    def lifetime(self) -> timedelta:
        """How long a result is valid."""
        return timedelta(seconds=self.result_seconds)
