"""Serving as a process: signals end it cleanly, and what comes after serving runs."""

import asyncio
import signal
import socket
import subprocess
import sys

import pytest

from lotabots.kernel import LotaError
from lotabots.runtime.web import bind

PROGRAM = """
import asyncio
from lotabots.runtime.web import WebSettings, bind, serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive(); await send({"type": "lifespan.startup.complete"})
        await receive(); await send({"type": "lifespan.shutdown.complete"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/slow":
            await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
            await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"done"})

async def main():
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    await serve(app, listener, WebSettings(), started=lambda: print(port, flush=True))
    print("left", flush=True)

asyncio.run(main())
"""


def started() -> tuple["subprocess.Popen[str]", int]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serving_with_status_zero_and_what_follows_runs(number: int) -> None:
    process, _ = started()
    process.send_signal(number)
    out, error = process.communicate(timeout=20)
    assert (process.returncode, out.strip(), error) == (0, "left", "")


@pytest.mark.anyio
async def test_a_request_that_is_being_answered_may_finish() -> None:
    process, port = started()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"begun" in await reader.readuntil(b"begun")
    process.send_signal(signal.SIGTERM)
    assert b"done" in await asyncio.wait_for(reader.read(), 10)
    writer.close()
    out, _ = await asyncio.to_thread(process.communicate, timeout=20)
    assert (process.returncode, out.strip()) == (0, "left")


def test_an_address_that_is_taken_is_a_coded_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(LotaError) as caught:
        bind("127.0.0.1", other.getsockname()[1])
    assert caught.value.code == "WEB_ADDRESS_UNAVAILABLE"
