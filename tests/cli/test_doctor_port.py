"""`stash-sense doctor` asks who listens on the port before it says that the port is taken."""

import http.server
import socket
import threading

import pytest

from stash_sense.cli.doctor import _check_port
from stash_sense.settings import Settings


class Someone(http.server.BaseHTTPRequestHandler):
    answer = (200, {"X-Request-ID": "1"}, b'{"status": "degraded", "version": "0.1.0"}')

    def do_GET(self):
        status, headers, body = self.answer
        assert self.path == "/health"
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def check(tmp_path):
    """What doctor finds where this answers on the port."""

    def check(*answer):
        handler = type("Answer", (Someone,), {"answer": answer} if answer else {})
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
            threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
            try:
                return _check_port(Settings(DATA_DIR=tmp_path, port=running.server_port))
            finally:
                running.shutdown()

    return check


def test_the_sidecar_itself_is_no_fault(check):
    state, message = check()
    assert (state, "Stash Sense 0.1.0 is running there" in message) == ("ok", True)


def test_a_sidecar_with_another_secret_is_told(check):
    body = b'{"status": 401, "code": "unauthorized", "detail": "no"}'
    state, message = check(401, {"X-Request-ID": "1"}, body)
    assert (state, "requires another secret" in message) == ("note", True)


@pytest.mark.parametrize("answer", [(200, {}, b"<html>"), (200, {}, b'{"status": "ok"}'), (404, {}, b"")])
def test_another_program_is_a_fault(check, answer):
    state, message = check(*answer)
    assert (state, "in use by another program" in message) == ("fault", True)


def test_a_program_that_speaks_no_http_is_a_fault(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up():
            connection, _ = listening.accept()
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        state, message = _check_port(Settings(DATA_DIR=tmp_path, port=listening.getsockname()[1]))
        # `create_server` of the check itself never connects: the one connection is the question.
        thread.join()
    assert (state, "in use by another program" in message) == ("fault", True)


def test_a_free_port_is_free(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert _check_port(Settings(DATA_DIR=tmp_path, port=port))[0] == "ok"
