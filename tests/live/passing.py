"""A way to a Stash, at another address than Stash knows of itself: with a count, a pause or a prefix."""

import http.cookiejar
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

_HOP = {"host", "connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


class Passing:
    """`url` is where it answers; `pictures` counts their paths; `pause_s` lies between two of them at least.

    With a prefix it is what Stash wants of a reverse proxy: takes the prefix off the path, names it in
    X-Forwarded-Prefix, and hands on the host that the browser asked for.
    """

    def __init__(self, target: str, prefix: str = "") -> None:
        self.pictures: Counter[str] = Counter()
        self.pause_s = 0.0
        self._one = threading.Lock()
        self._prefix = prefix
        nobodys = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=()))
        self._client = httpx.Client(base_url=target, timeout=60, trust_env=False, cookies=nobodys)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}{prefix}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.pictures[self.path.partition("?")[0]] += 1
                with proxy._one:
                    time.sleep(proxy.pause_s)
                proxy._pass(self)

            def do_POST(self) -> None:
                proxy._pass(self)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _pass(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in _HOP}
        path = asked.path
        if self._prefix:
            if not path.startswith(f"{self._prefix}/"):
                asked.send_error(404)
                return
            path = path.removeprefix(self._prefix)
            headers |= {"X-Forwarded-Prefix": self._prefix, "Host": asked.headers["Host"]}
        answer = self._client.request(asked.command, path, content=body, headers=headers)
        asked.send_response(answer.status_code)
        for name, value in answer.headers.multi_items():
            if name.lower() not in _HOP:
                asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(answer.content)))
        asked.end_headers()
        asked.wfile.write(answer.content)
