"""Which result profile a client asked for: in the body, or in `Accept`."""

from lotabots.kernel import invalid
from lotabots.result import Profile

DEFAULT = Profile.VERAISON_2023
MEDIA_TYPE = "application/eat+jwt"

_NAMES = {
    "veraison": Profile.VERAISON_2023,
    "trustee": Profile.TRUSTEE_2024,
    "ietf": Profile.IETF_2026,
    **{profile.value: profile for profile in Profile},
}


def choose(asked: str | None, accept: str) -> Profile:
    """The profile named by the body; else by `eat_profile` in `Accept`; else the default.

    Raises `RESULT_PROFILE_UNKNOWN` for a name that we do not know: another dialect than the client
    reads is worse than none.
    """
    name = asked or _in_accept(accept)
    if name is None:
        return DEFAULT
    if name not in _NAMES:
        known = ", ".join(_NAMES)
        raise invalid("RESULT_PROFILE_UNKNOWN", f"This profile is not offered; known: {known}.")
    return _NAMES[name]


def _in_accept(accept: str) -> str | None:
    for entry in accept.split(","):
        media_type, *parameters = (part.strip() for part in entry.split(";"))
        if media_type.lower() == MEDIA_TYPE:
            for parameter in parameters:
                key, _, value = parameter.partition("=")
                if key.strip().lower() == "eat_profile":
                    return value.strip().strip('"')
    return None
