"""Fetching over TLS: the certificate must be the name's, although the connection goes to an address."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from http.server import ThreadingHTTPServer

import pytest

from stash_sense.errors import UrlUnreachable
from stash_sense.media.remote import FetchLimits, ImageFetcher

from .web import Web

NAMES = {"pictures.example", "other.example"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for pictures.example and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=pictures.example "
        "-addext subjectAltName=DNS:pictures.example -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    (folder / "both.pem").write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return folder / "both.pem"


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Callers that break off are what is tested here."""


@pytest.fixture(scope="module")
def port(certificate, photo):
    Web.picture = photo
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Quiet(("127.0.0.1", 0), Web) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running.server_address[1]
        running.shutdown()
        thread.join()


def fetch(certificate, url):
    async def asked():
        async def resolve(host, port):
            return ["127.0.0.1"] if host in NAMES else []

        trusted = ssl.create_default_context(cafile=certificate)
        remote = ImageFetcher(FetchLimits(private_too=True), resolve, trusted)
        try:
            return await remote.fetch(url)
        finally:
            await remote.aclose()

    return asyncio.run(asked())


def test_the_certificate_of_the_name_is_taken(certificate, port, photo):
    assert fetch(certificate, f"https://pictures.example:{port}/photo.jpg") == photo


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_that_of_another_name_is_not(certificate, port, host):
    with pytest.raises(UrlUnreachable):
        fetch(certificate, f"https://{host}:{port}/photo.jpg")
