"""The stand-in as a real server on loopback, in a thread of its own.

with StashStandIn(api_key="secret") as stash:
    gallery = stash.library.add_gallery("Beach")
    stash.library.add_image(jpeg, galleries=[gallery])
    ... stash.url ...
    stash.down(); stash.up()
    assert stash.record.counts["original"] == 1
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from fakes.ports import free_port

from .app import Setup, build
from .plugins import Plugin

_LOOPBACK = "127.0.0.1"
_START_S = 60.0
_STOP_S = 60.0
_BACKLOG = 512
_LAST_TURNS = 10  # of the loop, in which accepted connections are made and aborted ones closed


class StashStandIn(Setup):
    """A Stash on a port of its own. Takes the fields of Setup, and `port` for a fixed one."""

    def __init__(self, *, port: int = 0, **setup: Any) -> None:
        super().__init__(port=port, **setup)
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """What STASH_URL would be."""
        return f"http://{_LOOPBACK}:{self.port}{self.prefix}"

    def install(self, folder: Path) -> Plugin:
        """As if its owner put a plugin there."""
        plugin = Plugin.load(folder)
        self.plugins.installed[plugin.id] = plugin
        return plugin

    def up(self) -> None:
        """Starts, or comes back on the same port."""
        if self._server is None:
            self._server = Server(partial(build, self), self.port or free_port())
            self.port, self.own_port = self._server.port, self._server.own_port

    def down(self) -> None:
        """Cuts every connection and frees the port; nothing in the library is lost."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def drop_connections(self) -> None:
        """Cuts every connection, and goes on listening."""
        if self._server is not None:
            self._server.drop()

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


class _Uvicorn(uvicorn.Server):
    """Stops at once when it is told. Uvicorn's own looks ten times a second and then waits for its
    connections, which hundreds of tests would feel; here they have been cut.
    """

    def __init__(self, config: uvicorn.Config, drop: Callable[[], None]) -> None:
        super().__init__(config)
        self.told = asyncio.Event()
        self._drop = drop

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A server that is closed while a connection is being made leaves it behind open: first take no more.
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listening in server.sockets:
                loop.remove_reader(listening.fileno())
        for _ in range(_LAST_TURNS):
            self._drop()  # also what a browser has opened meanwhile
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()


class Server:
    """One run of uvicorn, which keeps hold of its connections so that they can be cut.

    build: given what cuts the connection of a request, the app.
    """

    def __init__(self, build: Callable[[Callable[[Scope], None]], ASGIApp], port: int) -> None:
        self._transports: dict[_Ends, asyncio.Transport] = {}
        self._socket = _listen(port)
        self._own_socket = _listen(0)
        self.port: int = self._socket.getsockname()[1]
        self.own_port: int = self._own_socket.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                build(self._cut),
                http=_protocol(self._transports),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_keep_alive=60,  # s; a client ends an idle connection first, also on a busy machine
                timeout_graceful_shutdown=0,
            ),
            self._drop_now,
        )
        self._thread = threading.Thread(target=self._run, name="stash-stand-in", daemon=True)
        self._thread.start()
        self._await_start()

    def stop(self) -> None:
        self.drop()
        self._uvicorn.should_exit = self._uvicorn.force_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # as in drop
                self._loop.call_soon_threadsafe(self._uvicorn.told.set)
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            raise RuntimeError("the stand-in did not stop")

    def drop(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._drop_now)

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            await self._uvicorn.serve(sockets=[self._socket, self._own_socket])

        with self._socket, self._own_socket:
            asyncio.run(serve())

    def _await_start(self) -> None:
        deadline = time.monotonic() + _START_S
        while not self._uvicorn.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the stand-in did not start")
            time.sleep(0.005)

    def _drop_now(self) -> None:
        for transport in list(self._transports.values()):
            transport.abort()

    def _cut(self, scope: Scope) -> None:
        transport = self._transports.get((tuple(scope["client"]), tuple(scope["server"])))
        if transport is not None:
            transport.close()  # after what was written has left


def _listen(port: int) -> socket.socket:
    # The protocol is named, since only then asyncio switches off Nagle's algorithm: 40 ms an answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((_LOOPBACK, port))
    listening.listen(_BACKLOG)
    return listening


_Ends = tuple[tuple[str, int], tuple[str, int]]
"""Of a connection: the client's and ours."""


def _protocol(transports: dict[_Ends, asyncio.Transport]) -> type[H11Protocol]:
    class Protocol(H11Protocol):
        """Uvicorn's own, which also says which connections there are."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            self.ends = (transport.get_extra_info("peername"), transport.get_extra_info("sockname"))
            transports[self.ends] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.ends, None)
            super().connection_lost(exc)

    return Protocol
