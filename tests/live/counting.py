"""A way to a Stash, at another address than Stash knows of itself, that counts fetched pictures."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx

_HOP = {"host", "connection", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


class CountingProxy:
    """`pictures` counts the paths of pictures; `url` is where it answers."""

    def __init__(self, target: str) -> None:
        self.pictures: Counter[str] = Counter()
        self._client = httpx.Client(base_url=target, timeout=60, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

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
                proxy._pass(self)

            def do_POST(self) -> None:
                proxy._pass(self)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _pass(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in asked.headers.items() if name.lower() not in _HOP}
        answer = self._client.request(asked.command, asked.path, content=body, headers=headers)
        asked.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                asked.send_header(name, value)
        asked.send_header("Content-Length", str(len(answer.content)))
        asked.end_headers()
        asked.wfile.write(answer.content)
