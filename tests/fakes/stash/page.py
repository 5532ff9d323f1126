"""The page of the stand-in, with the libraries of a real one: what `npm ci` has laid down in node_modules."""

import html
import json
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from .access import proxy_prefix
from .plugins import Plugins

LIBRARIES = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
    "react-bootstrap.js": "react-bootstrap/dist/react-bootstrap.min.js",
    "react-router-dom.js": "react-router-dom/umd/react-router-dom.min.js",
    "bootstrap.css": "bootstrap/dist/css/bootstrap.min.css",
}
_OWN = Path(__file__).parent / "page"
_SCRIPTS = [name for name in LIBRARIES if name.endswith(".js")]
# As Stash's, whose directives let no script but its own run, and pictures come from anywhere.
_CSP = (
    "default-src data: 'self' 'unsafe-inline'; connect-src data: 'self'; img-src data: *; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; media-src 'self' blob: data:; worker-src blob:; child-src 'none'; "
    "object-src 'none'; form-action 'self';"
)


def missing(libraries: Path) -> list[str]:
    """What of the libraries is not there."""
    return [path for path in LIBRARIES.values() if not (libraries / path).is_file()]


def routes(plugins: Callable[[], Plugins], libraries: Path) -> list[Route]:
    """The page on every address that nothing else has, its scripts, and those of the plugins."""

    def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name in LIBRARIES:
            return _file(libraries / LIBRARIES[name])
        return _file(_OWN / name) if name in {"host.js", "host.css"} else _no()

    def plugin_text(request: Request) -> Response:
        plugin = plugins().installed.get(request.path_params["id"])
        what = request.path_params["what"]
        if plugin is None or what not in {"javascript", "css"}:
            return _no()
        kind = "text/javascript" if what == "javascript" else "text/css"
        return PlainTextResponse(plugin.joined(what), media_type=kind, headers={"Cache-Control": "no-cache"})

    def page(request: Request) -> Response:
        headers = {"Content-Security-Policy": _CSP, "Referrer-Policy": "same-origin"}
        return HTMLResponse(_html(proxy_prefix(request), plugins()), headers=headers)

    reading = ["GET", "HEAD"]
    return [
        Route("/host/{name}", file, methods=reading),
        Route("/plugin/{id}/{what}", plugin_text, methods=reading),
        Route("/plugin/{rest:path}", lambda _: PlainTextResponse("404 page not found", 404), methods=reading),
        Route("/{rest:path}", page, methods=reading),
    ]


def _html(prefix: str, installed: Plugins) -> str:
    plugins = list(installed.installed)
    base = html.escape(f"{prefix}/")
    styles = ["host/bootstrap.css", "host/host.css", *(f"plugin/{each}/css" for each in plugins)]
    links = "".join(f'<link rel="stylesheet" href="{html.escape(each)}">' for each in styles)
    scripts = "".join(f'<script defer src="host/{each}"></script>' for each in [*_SCRIPTS, "host.js"])
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><base href="{base}"><title>Stash</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'{links}</head><body data-plugins="{html.escape(" ".join(plugins))}" '
        f'data-settings="{html.escape(json.dumps(installed.settings()))}">'
        f'<div id="root"></div>{scripts}</body></html>'
    )


def _file(path: Path) -> Response:
    return Response(path.read_bytes(), media_type="text/css" if path.suffix == ".css" else "text/javascript")


def _no() -> Response:
    return PlainTextResponse("404 page not found\n", 404)
