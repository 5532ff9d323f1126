"""One HTTP request, limited in time and size, without proxy, redirects and cookies."""

from __future__ import annotations

import http.client
import io
import json
import time
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

_MAX_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}


class Response(NamedTuple):
    """A response of any status."""

    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        try:
            return parse_json(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class TimedOut(Exception):
    """There was no complete response in time."""


class InvalidResponse(Exception):
    """The server answered with something other than valid HTTP."""


def parse_json(data: bytes) -> Any:
    """JSON; NaN and Infinity, which Python would read, are none. Raises ValueError, RecursionError."""
    return json.loads(data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):  # 1e999
        raise ValueError("a number is too large")
    return number


def parse_address(address: str) -> SplitResult:
    """The parts of an http(s) address. Raises ValueError if it is not one, or has a user name."""
    parts = urlsplit(address)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.port == 0:
        raise ValueError(address)
    return parts


def send_request(
    address: SplitResult,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | None = None,
    *,
    timeout_s: float,
    verify: bool = True,
) -> Response:
    """Sends one request. Raises OSError if there is no connection, TimedOut and InvalidResponse."""
    deadline = time.monotonic() + timeout_s
    connection = _connection(address, timeout_s, verify)
    socket = None
    try:
        connection.connect()
        socket = connection.sock
        connection.sock = _DeadlineSocket(socket, deadline)
        try:
            connection.request(method, address.path.rstrip("/") + path, body, headers)
        except ValueError as error:  # its text would show the header, and the secret in it
            raise InvalidResponse(
                "the address, token or session contains a character that HTTP cannot send"
            ) from error
        response = connection.getresponse()
        return Response(response.status, response.headers.get_content_type(), _read_body(response))
    except http.client.HTTPException as error:
        raise InvalidResponse(str(error) or type(error).__name__) from error
    except OSError as error:
        if "timed out" in str(error):  # before Python 3.10, socket.timeout is not a TimeoutError
            raise TimedOut from error
        raise
    finally:
        connection.close()
        if socket:
            socket.close()


class _DeadlineSocket:
    """A connected socket for http.client that fails after `deadline`.

    A socket's own timeout would restart with every byte received.
    """

    def __init__(self, socket: Any, deadline: float) -> None:
        self._socket, self._deadline = socket, deadline

    def sendall(self, data: bytes) -> None:
        self.with_deadline().sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_SocketReader(self), _CHUNK_BYTES)

    def with_deadline(self) -> Any:
        """The socket, its timeout set to the time that is left. Raises TimedOut."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimedOut
        self._socket.settimeout(left)
        return self._socket

    def close(self) -> None:
        """Does nothing: http.client closes before the body is read, and `send_request` closes the socket."""


class _SocketReader(io.RawIOBase):
    def __init__(self, socket: _DeadlineSocket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return int(self._socket.with_deadline().recv_into(buffer))


def _read_body(response: http.client.HTTPResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk = response.read1(_CHUNK_BYTES)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > _MAX_BYTES:
            raise InvalidResponse("the response is too large")
    if response.length:
        raise InvalidResponse("the connection was closed early")
    return b"".join(chunks)


def _connection(address: SplitResult, timeout_s: float, verify: bool) -> http.client.HTTPConnection:
    host, port = address.hostname or "", address.port or _PORTS[address.scheme]
    if address.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout_s)
    import ssl  # noqa: PLC0415 - takes 20 ms, and few need it

    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
