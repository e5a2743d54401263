"""A service that tells what it was sent, behind a gateway in the same process."""

import io
from collections.abc import AsyncIterator

import httpx
import pytest
from plugins.echo import HANDLERS
from plugins.process import fronted, make_process

from lotabots.gateway import LimitSettings
from lotabots.runtime.database import Database
from lotabots.runtime.process import Process
from lotabots.runtime.web import Service, WebSettings


@pytest.fixture
def service() -> Service:
    return Service(name="echo", handlers=HANDLERS)


@pytest.fixture
def gateway_settings() -> list[object]:
    return [
        WebSettings(trusted_proxies="127.0.0.1", cors_origins="https://app.example.org"),
        LimitSettings(default_user="50/1h", default_ip="80/1h", login_ip="3/1h", public_ip="60/1h"),
    ]


@pytest.fixture
def process(database: Database, log: io.BytesIO, gateway_settings: list[object]) -> Process:
    return make_process(database, log, *gateway_settings)


@pytest.fixture
async def http(process: Process, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with fronted(process, [service]) as client:
        yield client
