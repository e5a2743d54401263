"""Who may come in: users, their sessions, keys, second factors, and all that is known of them."""

from lotabots.identity.api import HANDLERS, service
from lotabots.identity.config import following_settings
from lotabots.identity.passwords import Passwords
from lotabots.identity.service import FIRST_ADMIN, Identity, ensure_first_admin
from lotabots.identity.settings import IdentitySettings
from lotabots.identity.tenants import Tenants
from lotabots.identity.types import AccessToken, Login, NewUser, User

__all__ = [
    "FIRST_ADMIN",
    "HANDLERS",
    "AccessToken",
    "Identity",
    "IdentitySettings",
    "Login",
    "NewUser",
    "Passwords",
    "Tenants",
    "User",
    "ensure_first_admin",
    "following_settings",
    "service",
]
