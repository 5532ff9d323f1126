"""Who may ask: Stash's rules, in their order."""

from pathlib import PurePosixPath
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

GRAPHQL = "/graphql"
LOGIN = "/login"
_OPEN = (LOGIN, "/logout", "/css", "/assets")


def refusal(request: Request, api_key: str, session: str) -> Response | None:
    """None where the request may pass. A wrong key is refused even where no key is needed."""
    key = request.headers.get("ApiKey") or request.query_params.get("apikey")
    if key:
        return None if key == api_key else _unauthorized()
    logged_in = bool(session) and request.cookies.get("session") == session
    path = request.url.path
    if not api_key or logged_in or path.startswith(_OPEN):
        return None
    if path == GRAPHQL or PurePosixPath(path).suffix not in {"", ".html"}:
        return _unauthorized()
    prefix = proxy_prefix(request)
    asked = f"{prefix}{path}?{request.url.query}" if request.url.query else f"{prefix}{path}"
    return RedirectResponse(f"{prefix}{LOGIN}?{urlencode({'returnURL': asked})}", status_code=302)


def login_page(_: Request) -> Response:
    return HTMLResponse("<!DOCTYPE html><html><title>Login</title><form></form></html>")


def proxy_prefix(request: Request) -> str:
    return request.headers.get("X-Forwarded-Prefix", "").rstrip("/")


def _unauthorized() -> Response:
    return Response(status_code=401, headers={"WWW-Authenticate": "FormBased"})
