"""HTTP of settings that can be changed while processes run."""

from typing import Annotated

import msgspec
from litestar import delete, get, put
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.identity.config import Config
from lotabots.kernel import Principal
from lotabots.runtime.settings import Setting
from lotabots.runtime.web import requires


class NewValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value that a setting is to have, as an environment variable would write it."""

    value: Annotated[str, msgspec.Meta(max_length=1024)]


Key = Annotated[str, Parameter(max_length=100)]


@get("/v1/config", guards=[requires(Permission.CONFIG_READ)])
async def list_settings(config: Config, principal: Principal) -> list[Setting]:
    """Every setting of this process with its value and origin; secrets are stars."""
    return config.listed(principal)


@put("/v1/config/{key:str}", guards=[requires(Permission.CONFIG_WRITE)])
async def set_setting(key: Key, data: NewValue, config: Config, principal: Principal) -> Setting:
    """Gives a setting another value in every process, within a second."""
    return await config.set(principal, key, data.value)


@delete("/v1/config/{key:str}", guards=[requires(Permission.CONFIG_WRITE)], status_code=200)
async def unset_setting(key: Key, config: Config, principal: Principal) -> Setting:
    """Gives a setting its value of file, environment or default again."""
    return await config.unset(principal, key)


HANDLERS = (list_settings, set_setting, unset_setting)
