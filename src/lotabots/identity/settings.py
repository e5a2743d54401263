"""What identity can be told: how dear a password guess is, and how long a token lives."""

from dataclasses import dataclass, field
from datetime import timedelta

from lotabots.identity.addresses import is_callable
from lotabots.kernel import invalid
from lotabots.runtime.settings import Secret, changeable


@dataclass(frozen=True)
class IdentitySettings:
    """Section `identity`."""

    bcrypt_cost: int = 12
    """The logarithm of the rounds: each step doubles the cost of a guess, and of a log-in."""
    workers: int = 0
    """Threads that hash passwords; 0: one less than there are cores."""
    token_seconds: int = changeable(600)
    """How long a user token is valid, 60 to 900."""
    session_hours: int = 168
    """How long a session lasts at most, however often it is refreshed, 1 to 2160."""
    session_idle_hours: int = 24
    """How long a session lasts without being refreshed, at most `session_hours`."""
    invitation_hours: int = 72
    """How long an invitation can be accepted, 1 to 720."""
    free_attempts: int = 5
    """Failed log-ins of an account, and from an address, before each next one must wait: 1 s, 2 s,
    4 s, and so on to 15 minutes. 1 to 1000."""
    pepper: Secret[str] = field(default_factory=lambda: Secret(""))
    """Keyed into every password hash, so that a stolen database alone tells nothing.

    At least 32 characters, the same in every process; changing it invalidates every password.
    Empty: derived from the key that seals the keyring.
    """

    oidc_issuer: str = ""
    """An OpenID Connect provider through which users may log in, such as
    `https://login.example.com`; exactly as it calls itself. Empty: none."""
    oidc_client_id: str = ""
    """What the provider calls this installation."""
    oidc_client_secret: Secret[str] = field(default_factory=lambda: Secret(""))
    """What this installation proves itself with to the provider."""
    oidc_redirect_uri: str = ""
    """Where the provider sends browsers back: `https://HOST/v1/login/oidc/callback`, registered
    there in exactly this form."""

    def __post_init__(self) -> None:
        self._check_provider()
        if not 10 <= self.bcrypt_cost <= 16:
            raise invalid("SETTINGS_INVALID", "identity.bcrypt_cost is 10 to 16")
        if not 60 <= self.token_seconds <= 900:
            raise invalid("SETTINGS_INVALID", "identity.token_seconds is 60 to 900")
        if not 1 <= self.session_idle_hours <= self.session_hours <= 2160:
            detail = "identity.session_idle_hours is 1 to identity.session_hours, that 1 to 2160"
            raise invalid("SETTINGS_INVALID", detail)
        if not 1 <= self.invitation_hours <= 720 or not 1 <= self.free_attempts <= 1000:
            detail = "identity.invitation_hours is 1 to 720, identity.free_attempts 1 to 1000"
            raise invalid("SETTINGS_INVALID", detail)
        if not 0 <= self.workers <= 64:
            raise invalid("SETTINGS_INVALID", "identity.workers is 0 to 64")
        if 0 < len(self.pepper.get_secret_value()) < 32:
            raise invalid("SETTINGS_INVALID", "identity.pepper has at least 32 characters")

    def _check_provider(self) -> None:
        if not self.oidc_issuer:
            return
        secret = self.oidc_client_secret.get_secret_value()
        if not (self.oidc_client_id and secret and self.oidc_redirect_uri):
            detail = "identity.oidc_issuer needs oidc_client_id, _client_secret and _redirect_uri"
            raise invalid("SETTINGS_INVALID", detail)
        for name in ("oidc_issuer", "oidc_redirect_uri"):
            if not is_callable(getattr(self, name)):
                detail = f"identity.{name} begins with https://, or is an address of this machine"
                raise invalid("SETTINGS_INVALID", detail)

    @property
    def token_lifetime(self) -> timedelta:
        """How long a user token is valid."""
        return timedelta(seconds=self.token_seconds)

    @property
    def session_life(self) -> timedelta:
        """How long a session lasts at most."""
        return timedelta(hours=self.session_hours)

    @property
    def session_idle(self) -> timedelta:
        """How long a session lasts without being refreshed."""
        return timedelta(hours=self.session_idle_hours)
