"""Connections that send nothing, or not enough, are ended, and keep nobody out."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import anyio
import httpx
import pytest
import uvicorn

from stash_sense.api import connections
from stash_sense.api.connections import Connections, guarded_protocol, max_connections
from waiting import PATIENCE_S, until

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Gate:
    """An app that answers `/` at once, and `/slow` when it is opened."""

    def __init__(self):
        self.open = threading.Event()
        self.bodies = []

    async def __call__(self, scope, receive, send):
        if scope["path"] == "/slow":
            await anyio.to_thread.run_sync(self.open.wait, PATIENCE_S)
        if scope["path"] == "/body":
            while (message := await receive())["type"] == "http.request" and message["more_body"]:
                pass
            self.bodies.append(message["type"])
        body = b"y" * 200_000 if scope["path"] == "/large" else b"yes"
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def listening(app, most=6, header_s=60.0, read_s=60.0):
    """The server over an app: its port, and its connections."""
    protocol = guarded_protocol(most)
    protocol.header_s, protocol.read_s = header_s, read_s
    config = uvicorn.Config(
        app, port=0, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False,
        timeout_keep_alive=60, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield server.servers[0].sockets[0].getsockname()[1], protocol.open_connections
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


@pytest.fixture
def opened():
    """Opens connections, which are closed at the end."""
    with contextlib.ExitStack() as stack:

        def opened(port, data=b""):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
            if data:
                made.sendall(data)
            return made

        yield opened


def ended(connection):
    """Whether the server ends a connection; waits for it."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def answered(connection):
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"yes"):
        answer += (part := connection.recv(1000))
        if not part:
            return False
    return answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("start", [b"", b"G", b"GET / HTTP/1.1\r\nX: y", REQUEST, REQUEST * 3])
def test_a_connection_without_a_next_header_is_ended(opened, start):
    with listening(Gate(), header_s=0.2) as (port, _):
        assert ended(opened(port, start))


@pytest.mark.parametrize(
    "start",
    [b"GET / HTTP/1.1\r\n", REQUEST + b"GET / HTTP/1.1\r\n",
     b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"],
    ids=["a first header", "a second header", "a body after the answer"],
)  # fmt: skip
def test_dripping_does_not_put_off_the_deadline(opened, start):
    with listening(Gate(), header_s=0.3) as (port, _):
        dripping = opened(port, start)
        is_open = True
        while is_open:
            try:
                dripping.sendall(b"x: y\r\n")
            except OSError:
                is_open = False
            time.sleep(0.02)


def test_a_slow_answer_is_no_missing_header(opened):
    gate = Gate()
    with listening(gate, header_s=1.0) as (port, connections):
        slow = opened(port, REQUEST.replace(b"/ ", b"/slow ", 1))
        other = opened(port)
        assert ended(other)
        assert len(connections) == 1
        gate.open.set()
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


def test_the_longest_idle_makes_room(opened):
    with listening(Gate(), most=6) as (port, connections):
        idle = [opened(port) for _ in range(3)]
        until(lambda: len(connections) == 3)
        assert answered(idle[0])  # since then it is the one that came last
        newest = opened(port)
        assert answered(newest)
        assert ended(idle[1])
        assert answered(idle[0])
        assert answered(idle[2])
        assert len(connections) == 3


def test_a_connection_at_work_is_not_ended_for_another(opened):
    gate = Gate()
    with listening(gate, most=6) as (port, connections):
        working = [opened(port, REQUEST.replace(b"/ ", b"/slow ", 1)) for _ in range(3)]
        until(lambda: len(connections) == 3 and not connections._idle)
        assert ended(opened(port))
        gate.open.set()
        for connection in working:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_an_unfinished_request_makes_room_when_none_is_idle(opened):
    with listening(Gate(), most=6) as (port, connections):
        head = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        sending = [opened(port, head) for _ in range(3)]
        until(lambda: len(connections._sending) == 3)
        assert answered(opened(port))
        assert ended(sending[0])


def test_a_client_that_reads_nothing_is_ended(opened):
    with listening(Gate(), read_s=0.2) as (port, connections):
        client = opened(port)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0.1)
        with contextlib.suppress(OSError):
            while True:
                client.sendall(REQUEST.replace(b"/ ", b"/large ", 1))
        until(lambda: len(connections) == 0)


def test_another_address_has_its_own_share():
    class Connection:
        def __init__(self, address):
            self.address, self.dropped = address, False

        def drop(self):
            self.dropped = True
            shared.leave(self)

    shared = Connections(8)
    first = [Connection("10.0.0.1") for _ in range(20)]
    assert all(shared.enter(connection) for connection in first)
    assert len(shared) == 4
    others = [Connection(f"10.0.0.{number}") for number in range(2, 30)]
    assert all(shared.enter(connection) for connection in others)
    assert len(shared) == 8
    assert not shared._of_address.keys() - {connection.address for connection in others}


@pytest.mark.parametrize(("files", "most"), [(20_000, 512), (1024, 512), (256, 64), (64, 16), (-1, 512)])
def test_the_cap_is_below_the_limit_of_open_files(monkeypatch, files, most):
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _: (files, files))
    assert max_connections() == most


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"x" * 70_000, b"\r\n\r\n: \r\n\r\n",
     REQUEST + b"nonsense\r\n\r\n", REQUEST[:-2] + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"],
)  # fmt: skip
def test_garbage_is_at_most_one_quiet_line(opened, caplog, garbage):
    with caplog.at_level("DEBUG"), listening(Gate(), header_s=0.5) as (port, _):
        assert ended(opened(port, garbage))
    ours = [record for record in caplog.records if record.name.startswith("stash_sense")]
    assert len(ours) <= 1
    assert not [record for record in caplog.records if record.levelname == "ERROR" or record.exc_info]


@pytest.mark.parametrize("is_split", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("call", [b"POST /identify", b"POST /nowhere", b"GET /docs", b"POST /jobs/gallery"])
@pytest.mark.parametrize("sidecar", ["app", "locked"])
def test_a_bad_chunk_is_one_line(opened, request, caplog, sidecar, call, is_split):
    app = request.getfixturevalue(sidecar)
    head = call + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    head += b"Content-Type: application/json\r\n\r\n5\r\nhello\r\n"
    caplog.clear()  # of what starting the sidecar has logged
    with caplog.at_level("INFO"):
        bad = opened(app.port, head + (b"" if is_split else b"zzz\r\nmore\r\n"))
        if is_split:
            until(lambda: call.startswith(b"POST /") or "GET " in caplog.text)  # it is answered early
            with contextlib.suppress(ConnectionError):
                bad.sendall(b"zzz\r\nmore\r\n")
        assert ended(bad)
        assert app.client.get("/jobs").status_code == 200
        until(lambda: call[:4].decode() in caplog.text)
    lines = [
        record for record in caplog.records if is_written(record) and "/jobs 200" not in record.getMessage()
    ]
    assert [(record.levelname, record.exc_info) for record in lines] == [("INFO", None)], caplog.text


def is_written(record):
    """As `log_to_stderr` has it."""
    return record.levelname == "ERROR" or not record.name.startswith(("uvicorn", "httpx", "httpcore"))


@pytest.mark.parametrize("data", [b"", b"GET /health HTTP/1.1\r\n"], ids=["silent", "dripping"])
def test_a_thousand_idle_connections_leave_the_sidecar_alive(
    without_database, port, tmp_path, torture, tell, data
):
    """At a limit of 1,024 files; reduced to 256 files and 300 connections."""
    files, count, drips = (1024, 1100, 8) if torture else (256, 300, 1)
    serve = f"-m stash_sense --data-dir {without_database} serve --port {port}"
    command = f"ulimit -n {files}; exec {sys.executable} {serve}"
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(["sh", "-c", command], env={**os.environ, "STASH_URL": ""}, stderr=sink)
    url = f"http://127.0.0.1:{port}/health"
    try:
        until(lambda: process.poll() is None and health_s(url) is not None)
        with contextlib.ExitStack() as stack:
            held = []
            for _ in range(count):
                held.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S)))
                if data:
                    with contextlib.suppress(OSError):
                        held[-1].sendall(data)
            seconds = []
            for _ in range(drips):
                for connection in held if data else ():
                    with contextlib.suppress(OSError):
                        connection.sendall(b"x")
                seconds.append(health_s(url))
            assert None not in seconds
            tell(
                f"{count} {'dripping' if data else 'silent'} connections at {files} files: /health within "
                f"{max(seconds) * 1000:.0f} ms, log of {log.stat().st_size:,} bytes"
            )
            assert max(seconds) < (1 if torture else PATIENCE_S)
        assert log.stat().st_size < 1_000_000
    finally:
        process.kill()
        process.wait()


def health_s(url):
    """Seconds to an answer over a connection of its own; None without one."""
    began = time.perf_counter()
    try:
        httpx.get(url, trust_env=False, timeout=PATIENCE_S)
    except httpx.TransportError:
        return None
    return time.perf_counter() - began
