"""Which result profile a client asked for: in the body, or in `Accept`."""

import re

from lotabots.kernel import invalid
from lotabots.result import Profile

DEFAULT = Profile.VERAISON_2023

_NAMES = {
    "veraison": Profile.VERAISON_2023,
    "trustee": Profile.TRUSTEE_2024,
    "ietf": Profile.IETF_2026,
    **{profile.value: profile for profile in Profile},
}
MAX_ACCEPT = 1024

# RFC 9782 section 3: the media type of an EAT in a JWT, and its profile as a parameter. The name
# of a profile holds a comma, so the header cannot be split at commas.
_ACCEPT = re.compile(
    r'application/eat\+jwt\s{0,4};\s{0,4}eat_profile=(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE
)


def choose(asked: str | None, accept: str) -> Profile:
    """The profile that the body names; else `eat_profile` in `Accept`; else the default.

    Raises `RESULT_PROFILE_UNKNOWN` for a name that we do not know: another dialect than the client
    reads is worse than none.
    """
    found = _ACCEPT.search(accept[:MAX_ACCEPT])
    name = asked or (found and (found[1] or found[2]))
    if not name:
        return DEFAULT
    if name not in _NAMES:
        known = ", ".join(_NAMES)
        raise invalid("RESULT_PROFILE_UNKNOWN", f"This profile is not offered; known: {known}.")
    return _NAMES[name]
