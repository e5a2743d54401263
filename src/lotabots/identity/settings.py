"""What identity can be told: how dear a password guess is, and how long a token lives."""

from dataclasses import dataclass, field
from datetime import timedelta

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
    pepper: Secret[str] = field(default_factory=lambda: Secret(""))
    """Keyed into every password hash, so that a stolen database alone tells nothing.

    At least 32 characters, the same in every process; changing it invalidates every password.
    Empty: derived from the key that seals the keyring.
    """

    def __post_init__(self) -> None:
        if not 10 <= self.bcrypt_cost <= 16:
            raise invalid("SETTINGS_INVALID", "identity.bcrypt_cost is 10 to 16")
        if not 60 <= self.token_seconds <= 900:
            raise invalid("SETTINGS_INVALID", "identity.token_seconds is 60 to 900")
        if not 0 <= self.workers <= 64:
            raise invalid("SETTINGS_INVALID", "identity.workers is 0 to 64")
        if 0 < len(self.pepper.get_secret_value()) < 32:
            raise invalid("SETTINGS_INVALID", "identity.pepper has at least 32 characters")

    @property
    def token_lifetime(self) -> timedelta:
        """How long a user token is valid."""
        return timedelta(seconds=self.token_seconds)
