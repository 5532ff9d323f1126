"""A web server of pictures, and of everything that can go wrong with them."""

import contextlib
import http.server
import time


class Web(http.server.BaseHTTPRequestHandler):
    """A server of pictures, and of everything that can go wrong with them."""

    protocol_version = "HTTP/1.1"
    picture = b""
    asked: list[tuple[str, dict[str, str]]] = []  # noqa: RUF012 - shared on purpose, cleared by the fixture

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        name, _, argument = self.path.lstrip("/").partition("/")
        answers = {
            "photo.jpg": lambda: self.reply(200, self.picture, "image/jpeg"),
            "bytes": lambda: self.reply(200, self.picture, "application/octet-stream"),
            "page": lambda: self.reply(200, b"<html>log in</html>", "text/html"),
            "lie": lambda: self.reply(200, b"<html>log in</html>", "image/jpeg"),
            "gone": lambda: self.reply(404, b"", "text/plain"),
            "packed": lambda: self.reply(200, b"x", "image/jpeg", ("Content-Encoding", "gzip")),
            "large": lambda: self.reply(200, b"x" * 400_000, "image/jpeg"),
            "endless": self.endless,
            "slow": self.slow,
            "cookie": lambda: self.reply(302, b"", "", ("Location", "/photo.jpg"), ("Set-Cookie", "a=b")),
            "to": lambda: self.reply(302, b"", "", ("Location", argument)),
            "round": lambda: self.reply(302, b"", "", ("Location", "/round")),
            "cut": self.cut,
        }
        answers.get(name, answers["gone"])()

    def reply(self, status: int, body: bytes, kind: str, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(b"x" * 10_000)
        self.close_connection = True

    def slow(self) -> None:
        time.sleep(2)
        with contextlib.suppress(OSError):
            self.reply(200, self.picture, "image/jpeg")

    def cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 10)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
