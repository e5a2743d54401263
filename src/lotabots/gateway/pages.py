"""The page that shows the API to people, at /docs: three files, all of them ours."""

from pathlib import Path

from litestar import Response, get

from lotabots.runtime.web import PUBLIC

FOLDER = Path(__file__).with_name("page")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'"
)


def _file(name: str, media_type: str) -> Response[bytes]:
    headers = {"content-security-policy": POLICY, "cache-control": "public, max-age=300"}
    return Response((FOLDER / name).read_bytes(), media_type=media_type, headers=headers)


@get("/docs", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def page() -> Response[bytes]:
    """The page."""
    return _file("index.html", "text/html")


@get("/docs/page.js", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def script() -> Response[bytes]:
    """What fills it from /openapi.json."""
    return _file("page.js", "text/javascript")


@get("/docs/page.css", opt=PUBLIC, include_in_schema=False, sync_to_thread=False)
def style() -> Response[bytes]:
    """How it looks."""
    return _file("page.css", "text/css")


HANDLERS = (page, script, style)
