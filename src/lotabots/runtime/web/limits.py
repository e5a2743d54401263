"""Which rate limit a route is under: named at the route, applied by the gateway."""

from enum import StrEnum

OPTION = "lotabots.limit"


class RateClass(StrEnum):
    """Routes that share one limit. What is costly or guessed at is stricter when Redis is away."""

    DEFAULT = "default"
    LOGIN = "login"
    """Where a secret can be guessed."""
    TOKEN = "token"  # noqa: S105 - the name of a class
    """Where tokens and keys are made."""
    SUBMIT = "submit"
    """What nodes do without end: challenges and evidence."""
    EXPORT = "export"
    """Answers that are large or costly to make."""
    PUBLIC = "public"
    """What anyone may read."""

    __hash__ = str.__hash__  # Enum's own is Python, and this is a key of every request

    @property
    def strict(self) -> bool:
        """Whether its share is smaller while this process decides alone."""
        return self in (RateClass.LOGIN, RateClass.TOKEN, RateClass.EXPORT)


def limited(by: RateClass) -> dict[str, object]:
    """`opt=limited(...)` on a handler, or `opt={**PUBLIC, **limited(...)}`."""
    return {OPTION: by}
