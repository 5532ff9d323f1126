"""A sidecar served in a thread, and what it logs."""

import contextlib
import logging
import threading
from collections.abc import Iterator

import httpx

from stash_sense.api.app import build_server, secrets_of
from stash_sense.api.telemetry import JsonLineFormatter, RecentEvents
from stash_sense.runtime.sidecar import Sidecar, build_sidecar
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from waiting import PATIENCE_S, until


class Served:
    """A sidecar that answers; `client` brings its secret."""

    def __init__(self, sidecar: Sidecar, port: int, log: "Lines") -> None:
        self.sidecar = sidecar
        self.port = port
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        secret = sidecar.secret.value if sidecar.secret else ""
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_S, trust_env=False)
        self.stranger = httpx.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False)

    @property
    def store(self) -> RecommendationsDB:
        """The open state; raises Unavailable."""
        return self.sidecar.state.require().store


class Lines(logging.Handler):
    """What would be logged, line by line."""

    def __init__(self, formatter: JsonLineFormatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextlib.contextmanager
def serving(
    settings: Settings, resolve=None, *, wait_for=("recognition", "state", "jobs"), **waits
) -> Iterator[Served]:
    """Served once each part of `wait_for` was opened, or could not be."""
    sidecar = build_sidecar(settings, resolve=resolve, **waits)
    formatter = JsonLineFormatter(secrets_of(settings, sidecar))
    handlers = [RecentEvents(formatter), Lines(formatter)]
    ours = logging.getLogger("stash_sense")
    for handler in handlers:
        ours.addHandler(handler)
    level, _ = ours.level, ours.setLevel(logging.DEBUG)
    running = build_server(sidecar, handlers[0])
    running.config.host, running.config.port = "127.0.0.1", 0
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    try:
        until(lambda: running.started or not thread.is_alive())
        served = Served(sidecar, running.servers[0].sockets[0].getsockname()[1], handlers[1])
        for part in wait_for:
            until(getattr(sidecar, part).first_attempt.is_set)
        with contextlib.closing(served.client), contextlib.closing(served.stranger):
            yield served
    finally:
        running.should_exit = True
        thread.join(PATIENCE_S)
        for handler in handlers:
            ours.removeHandler(handler)
        ours.setLevel(level)
    assert not thread.is_alive()
