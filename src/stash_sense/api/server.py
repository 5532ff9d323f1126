"""Serving the app: the socket, uvicorn, signals, logs."""

import logging
import os
import signal
import socket
import sys
from urllib.parse import unquote, urlsplit

import uvicorn

from stash_sense import __version__
from stash_sense.api.app import create_app
from stash_sense.api.telemetry import JsonLineFormatter, RecentEvents, log_to_stderr
from stash_sense.errors import CannotListen
from stash_sense.runtime.sidecar import Sidecar, build_sidecar
from stash_sense.settings import Settings

log = logging.getLogger(__name__)

_BACKLOG = 512
_KEEP_ALIVE_S = 15
_SWITCH_S = 0.001
"""How soon a busy worker thread lets the event loop run; the default of 5 ms adds up in an answer."""


def run_server(settings: Settings) -> None:
    """Answer until SIGTERM or Ctrl-C. Raises NoSecret, CannotListen."""
    with listen(settings) as listener:
        sidecar = build_sidecar(settings)
        formatter = JsonLineFormatter(secrets_of(settings, sidecar))
        handler = log_to_stderr(settings.log_level, formatter)
        events = RecentEvents(formatter)
        logging.getLogger().addHandler(events)
        origin = sidecar.secret.origin if sidecar.secret else "none"
        fields = {"version": __version__, "host": settings.host, "port": settings.port, "secret": origin}
        log.info("listening", extra=fields)
        sys.setswitchinterval(_SWITCH_S)
        # Uvicorn shuts down at a signal and then raises it again, when nothing is left to be killed.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        build_server(sidecar, events).run(sockets=[listener])
        log.info("stopped")
        handler.close()


def build_server(sidecar: Sidecar, events: RecentEvents) -> uvicorn.Server:
    """Uvicorn over the app of a sidecar."""
    return _Server(
        sidecar,
        uvicorn.Config(
            create_app(sidecar, events),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(sidecar.settings.stop_seconds)),
        ),
    )


class _Server(uvicorn.Server):
    """Stops the jobs first: Uvicorn lets running requests end, and one may wait for a long job."""

    def __init__(self, sidecar: Sidecar, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._sidecar = sidecar

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn.Server."""
        self._sidecar.begin_shutdown()
        await super().shutdown(sockets)


def listen(settings: Settings) -> socket.socket:
    """A socket on the settings' address and port. Raises CannotListen."""
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP outright: only on such a socket does asyncio send small answers without a delay of 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        listener.bind((host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"{host} port {settings.port}: cannot be listened on ({error.strerror}). Stop what is using it, "
            "or set STASH_SENSE_PORT or STASH_SENSE_HOST."
        ) from error
    return listener


def secrets_of(settings: Settings, sidecar: Sidecar) -> list[str]:
    """Values that must not appear in a log line."""
    secrets = [settings.stash_api_key.get_secret_value(), settings.token.get_secret_value()]
    secrets += [unquote(urlsplit(settings.stash_url).password or "")]  # of a proxy in front of Stash
    secrets += [sidecar.secret.value] if sidecar.secret else []
    return [secret for secret in secrets if secret]
