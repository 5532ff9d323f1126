"""Connections that send nothing keep nobody out: deadlines, and caps below the limit on open files."""

import asyncio
import logging
import sys
from collections import Counter
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from stash_sense.api.clients import address_group

if sys.platform != "win32":
    import resource

log = logging.getLogger(__name__)

HEADER_S = 10.0
"""From the start of a connection, or from the end of an answer, to the next complete header."""
READ_S = 30.0
"""In which a client has to read some 50 kB of what is waiting for it."""
MAX_CONNECTIONS = 512
_OTHER_FILES = 256
"""Kept free for the state, the face database, Stash's connections and pictures."""
_FEWEST = 16


def max_connections() -> int:
    """How many connections this process can hold, with room for its other files."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files in (-1, resource.RLIM_INFINITY):
        return MAX_CONNECTIONS
    return max(_FEWEST, min(MAX_CONNECTIONS, files - min(_OTHER_FILES, files * 3 // 4)))


class Connections:
    """The open connections. Where there are too many, the one that has been idle longest makes room.

    An address may hold half of them. If none is idle, the oldest that is still sending its request goes; a
    connection whose request is being answered is never closed for another, and the newcomer is turned away.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or max_connections()
        self._idle: dict[GuardedProtocol, None] = {}
        self._sending: dict[GuardedProtocol, None] = {}
        self._of_address: Counter[str] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, connection: "GuardedProtocol") -> bool:
        """Count a new connection; False if there is no room for it."""
        address = connection.address
        is_full = self._count >= self.most
        if is_full or self._of_address[address] >= max(1, self.most // 2):
            candidates = (
                other
                for others in (self._idle, self._sending)
                for other in others
                if is_full or other.address == address
            )
            victim = next(candidates, None)
            if victim is None:
                return False
            victim.drop()
        self._count += 1
        self._of_address[address] += 1
        self._idle[connection] = None
        return True

    def leave(self, connection: "GuardedProtocol") -> None:
        """Stop counting a connection."""
        self.note(connection)
        self._count -= 1
        self._of_address[connection.address] -= 1
        if not self._of_address[connection.address]:
            del self._of_address[connection.address]

    def note(self, connection: "GuardedProtocol", *, idle: bool = False, sending: bool = False) -> None:
        """What a connection does; neither: its request is being answered."""
        for state, holds in ((self._idle, idle), (self._sending, sending)):
            if holds:
                state.setdefault(connection)  # keeps its place in the order
            else:
                state.pop(connection, None)


class GuardedProtocol(H11Protocol):
    """Uvicorn's protocol with a deadline for headers, under the caps of `open_connections`.

    Uvicorn waits for a header for ever, and any byte after an answer puts off the end of its keep-alive.
    """

    open_connections: ClassVar[Connections]
    header_s: ClassVar[float] = HEADER_S
    read_s: ClassVar[float] = READ_S

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.address = ""
        self._counted = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.address = address_group(self.client[0] if self.client else "")
        self._counted = self.open_connections.enter(self)
        if self._counted:
            self._start_deadline()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._leave()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """See H11Protocol: called for all that arrives, and for what had arrived during an answer."""
        super().handle_events()
        self._update()

    def on_response_complete(self) -> None:
        """See H11Protocol."""
        super().on_response_complete()
        self._update()

    def pause_writing(self) -> None:
        """See asyncio.Protocol: more is waiting to be read by the client than is kept for it."""
        super().pause_writing()
        self._stall = self.loop.call_later(self.read_s, self.drop)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        if self._stall:
            self._stall.cancel()
            self._stall = None

    def send_400_response(self, msg: str) -> None:
        """See H11Protocol. Where an answer has begun, or its request is given up, nothing else is sent."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        super().send_400_response(msg)
        if request := self._request():
            request.disconnected = True  # its log line tells of it
            request.message_event.set()
        else:
            log.info("a request was not valid HTTP")

    def drop(self) -> None:
        """Break the connection off."""
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        for timer in (self._deadline, self._stall):
            if timer:
                timer.cancel()
        if self._counted:
            self._counted = False
            self.open_connections.leave(self)

    def _update(self) -> None:
        if not self._counted:
            return
        request = self._request()
        is_sending = request is not None and request.more_body
        self.open_connections.note(self, idle=request is None, sending=is_sending)
        if request is None and self._deadline is None:
            self._start_deadline()
        elif request and self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _request(self) -> RequestResponseCycle | None:
        """The request that is not yet answered."""
        current: RequestResponseCycle | None = self.cycle
        return None if current is None or current.response_complete else current

    def _start_deadline(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._deadline = self.loop.call_later(self.header_s, self._end)

    def _end(self) -> None:
        """No header came in time. A slow reader may go on reading as long as it reads at all."""
        if 0 < self.transport.get_write_buffer_size() < self._unsent:
            self._start_deadline()
        else:
            self.drop()


def guarded_protocol(most: int | None = None) -> type[GuardedProtocol]:
    """A protocol for one server, with connections of its own. most: by default what the process can hold."""
    return type("ServerProtocol", (GuardedProtocol,), {"open_connections": Connections(most)})
