"""What an agent can be told, beside what it learns when it joins: section `agent`, LOTA_AGENT_*."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lotabots.kernel import invalid
from lotabots.runtime.settings import PREFIX, load_settings
from lotabots.runtime.telemetry import LEVELS

SECTION = "agent"


@dataclass(frozen=True)
class AgentSettings:
    """Section `agent`. Times are seconds."""

    state: str = "/var/lib/lotabots-agent"
    """The folder for the session key, the credential and what the TPM gives to keep."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    tcti: str = ""
    """How the TPM is reached, as tpm2-tools write it (`device:/dev/tpmrm0`,
    `swtpm:host=127.0.0.1,port=2321`). Empty: /dev/tpmrm0."""
    tpm_certificates: str = ""
    """A PEM file of the issuers of the TPM's certificate, where its maker did not write them into
    it and the server does not know them."""
    report_every: int = 60
    """How often the use of GPUs, processors, memory and disks is reported; 0: never."""
    reports_kept: int = 720
    """Reports that are kept while the server is away; the oldest are dropped first."""
    longest_wait: int = 60
    """Between two tries while the server is away, at most."""

    def __post_init__(self) -> None:
        if self.log_level not in LEVELS:
            raise invalid("SETTINGS_INVALID", f"agent.log_level is one of {', '.join(LEVELS)}")
        if self.report_every < 0 or not 0 <= self.reports_kept <= 10_000:
            detail = "agent.report_every is 0 or more, agent.reports_kept 0 to 10000"
            raise invalid("SETTINGS_INVALID", detail)
        if not 1 <= self.longest_wait <= 3600:
            raise invalid("SETTINGS_INVALID", "agent.longest_wait is 1 to 3600")

    @property
    def folder(self) -> Path:
        """The state folder."""
        return Path(self.state).absolute()


def read_agent_settings(environ: Mapping[str, str], *, file: Path | None = None) -> AgentSettings:
    """The settings of an agent. Raises `SETTINGS_INVALID`.

    Variables of other sections are a server's, which may run on the same machine: they are left
    alone, and a name that begins with LOTA_AGENT_ and is no setting is refused.
    """
    own = f"{PREFIX}{SECTION}_".upper()
    given = {name: value for name, value in environ.items() if name.startswith(own)}
    return load_settings({SECTION: AgentSettings}, file=file, environ=given).section(AgentSettings)
