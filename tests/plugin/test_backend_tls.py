"""The plugin's server side where Stash, or the sidecar, has a certificate that nobody signed."""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .conftest import run_backend


class Handler(BaseHTTPRequestHandler):
    """Answers everything with the settings of a Stash, whose sidecar is at this very address."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        settings = {"stash-sense": {"sidecarUrl": f"https://127.0.0.1:{self.server.server_address[1]}"}}
        body = json.dumps({"data": {"configuration": {"plugins": settings}}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[int]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stash.example"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield server.server_address[1]
        server.shutdown()


def test_stash_may_sign_for_itself_and_the_sidecar_may_not(secured: int):
    connection = {"Scheme": "https", "Host": "0.0.0.0", "Port": secured}
    asked = {"server_connection": connection, "args": {"mode": "health"}}
    error = run_backend(json.dumps(asked).encode()).error
    assert error.startswith("Request failed: ")
    assert "certificate" in error
    assert "Stash did not answer" not in error
