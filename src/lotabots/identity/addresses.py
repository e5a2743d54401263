"""Which addresses are called, and browsers sent back to: over HTTPS, or on this machine."""

import ipaddress
from urllib.parse import urlsplit


def is_callable(url: str) -> bool:
    """Whether we may call that address: HTTPS, or plain HTTP on this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return bool(host) and parts.username is None
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
