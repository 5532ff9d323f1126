"""One HTTP request with a limit on its time and on its answer; no proxy, no redirect, no cookies kept."""

from __future__ import annotations

import http.client
import io
import json
import time
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

_LONGEST = 64 * 1024 * 1024
_PIECE = 65_536
_PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """What came back, whatever the status."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except RecursionError as error:
            raise ValueError("nested too deep") from error


class TooSlow(Exception):
    """The time was up."""


class NotHttp(Exception):
    """Something answered that is no sound HTTP."""


def parts_of(address: str) -> SplitResult:
    """An http(s) address taken apart; raises ValueError."""
    parts = urlsplit(address)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.port == 0:
        raise ValueError(address)
    return parts


def request(
    address: SplitResult,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
    *,
    seconds: float,
    verify: bool = True,
) -> Answer:
    """Raises OSError where nobody answers, TooSlow and NotHttp."""
    until = time.monotonic() + seconds
    connection = _connection(address, seconds, verify)
    socket = None
    try:
        connection.connect()
        socket = connection.sock
        connection.sock = _InTime(socket, until)
        try:
            connection.request(method, address.path.rstrip("/") + path, body, headers)
        except ValueError as error:  # whose text shows the header, and with it the secret
            raise NotHttp(
                "the address, the token or the session has a character that cannot be sent"
            ) from error
        response = connection.getresponse()
        return Answer(response.status, response.headers.get_content_type(), _read(response))
    except http.client.HTTPException as error:
        raise NotHttp(str(error) or type(error).__name__) from error
    except OSError as error:
        if "timed out" in str(error):  # before Python 3.10 socket.timeout is no TimeoutError
            raise TooSlow from error
        raise
    finally:
        connection.close()
        if socket:
            socket.close()


class _InTime:
    """A connected socket, as http.client uses one, that is done by `until`.

    The timeout of a socket alone would start anew with every byte, of the head as of the body.
    """

    def __init__(self, socket: Any, until: float) -> None:
        self._socket, self._until = socket, until

    def sendall(self, data: bytes) -> None:
        self.limited().sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self), _PIECE)

    def limited(self) -> Any:
        """The socket, with the time that is left as its timeout. Raises TooSlow."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TooSlow
        self._socket.settimeout(left)
        return self._socket

    def close(self) -> None:
        """Nothing: http.client closes before the body was read; `request` closes the socket itself."""


class _Incoming(io.RawIOBase):
    def __init__(self, socket: _InTime) -> None:
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return int(self._socket.limited().recv_into(buffer))


def _read(response: http.client.HTTPResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = response.read1(_PIECE)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if size > _LONGEST:
            raise NotHttp("the answer is too large")
    if response.length:
        raise NotHttp("the connection broke off")
    return b"".join(pieces)


def _connection(address: SplitResult, seconds: float, verify: bool) -> http.client.HTTPConnection:
    host, port = address.hostname or "", address.port or _PORTS[address.scheme]
    if address.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=seconds)
    import ssl  # noqa: PLC0415 - costs 20 ms, and few need it

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
