"""Every section of settings there is, and where a process keeps what outlives it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lotabots.attestation import AttestationSettings
from lotabots.audit import AuditSettings
from lotabots.gateway import GatewaySettings, LimitSettings
from lotabots.identity import IdentitySettings
from lotabots.kernel import invalid
from lotabots.reference import ReferenceSettings
from lotabots.runtime.postgres import state_directory
from lotabots.runtime.redis import RedisSettings
from lotabots.runtime.settings import Secret, Settings, changeable, load_settings
from lotabots.runtime.telemetry import LEVELS
from lotabots.runtime.web import TokenSettings, WebSettings


def _empty() -> Secret[str]:
    return Secret("")


@dataclass(frozen=True)
class DataSettings:
    """Section `data`: what lies on this machine's disk."""

    directory: str = ""
    """The embedded database, the keyring's key and the blobs; empty: the user's state directory."""
    blobs: str = ""
    """Where reference files and other inputs that attestations share lie: `file:///path`, `s3://`,
    `gs://`, `az://`; empty: in `directory`. The same for every process of an installation."""
    models: str = ""
    """A folder where uploaded files of models lie; empty: in `directory`. The same for every
    process that serves attestation."""
    log: str = ""
    """Where the audit log is published: `file:///path`, `s3://`, `gs://`, `az://`; empty: in
    `directory`. The same for every process of an installation; anyone may be let read it."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Section `database`."""

    url: Secret[str] = field(default_factory=_empty)
    """An external PostgreSQL, as role `lotabots_app`; empty: one of our own is started."""
    owner_url: Secret[str] = field(default_factory=_empty)
    """The same as the role that migrates; empty: this process does not migrate, only checks."""
    sequencer_url: Secret[str] = field(default_factory=_empty)
    """The same as role `lotabots_sequencer`, for a process that serves audit: it orders and
    publishes the log. At least one process needs it; more are spare."""
    connections: int = 10
    """Connections that this process may hold at most."""
    programs: str = ""
    """Folder of the PostgreSQL programs to start; empty: they are searched."""


@dataclass(frozen=True)
class KeyringSettings:
    """Section `keyring`."""

    key: Secret[str] = field(default_factory=_empty)
    """32 bytes in base64 that seal the signing keys; empty: a file in the data directory."""
    rotate_days: int = changeable(30)
    """After so many days the signing keys are rotated, all but the one of reference bundles, 1 to
    3650; 0: never."""

    def __post_init__(self) -> None:
        if not 0 <= self.rotate_days <= 3650:
            raise invalid("SETTINGS_INVALID", "keyring.rotate_days is 0 to 3650")


@dataclass(frozen=True)
class LogSettings:
    """Section `log`."""

    level: str = changeable("info")
    """`debug`, `info`, `warning` or `error`."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise invalid("SETTINGS_INVALID", f"log.level is one of {', '.join(LEVELS)}")


SECTIONS: Mapping[str, type] = {
    "web": WebSettings,
    "gateway": GatewaySettings,
    "limits": LimitSettings,
    "redis": RedisSettings,
    "token": TokenSettings,
    "data": DataSettings,
    "database": DatabaseSettings,
    "keyring": KeyringSettings,
    "log": LogSettings,
    "identity": IdentitySettings,
    "reference": ReferenceSettings,
    "attestation": AttestationSettings,
    "audit": AuditSettings,
}


def read_settings(environ: Mapping[str, str], *, file: Path | None = None) -> Settings:
    """The settings of a process. Raises `SETTINGS_INVALID`.

    An option of the command line is an environment name with that value put over the rest.
    """
    return load_settings(SECTIONS, file=file, environ=environ)


def data_directory(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Where this process keeps what outlives it."""
    given = settings.section(DataSettings).directory
    return Path(given).absolute() if given else state_directory(os.geteuid(), environ)
