"""The stand-in as a real server on loopback, in a thread of its own."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, ValidationError

from fakes.ports import free_port

from . import contract
from .access import Access
from .state import Json, Problem, State

Answer = Callable[[State, list[str], Json], Any]

_ROUTES: list[tuple[str, str, type[BaseModel] | None, int, Answer]] = [
    ("GET", r"/health", None, 200, lambda state, _, __: state.health()),
    ("GET", r"/database/info", None, 200, lambda state, _, __: state.database()),
    ("POST", r"/identify/image", contract.AskedImage, 200, lambda state, _, b: state.image(b["image_id"])),
    (
        "POST",
        r"/identify/gallery",
        contract.AskedGallery,
        200,
        lambda state, _, b: state.gallery(b["gallery_id"]),
    ),
    ("POST", r"/identify/scene", contract.AskedScene, 200, lambda state, _, b: state.scene(b["scene_id"])),
    (
        "POST",
        r"/jobs/gallery",
        contract.AskedGallery,
        202,
        lambda state, _, b: state.start(
            "gallery", f"gallery:{b['gallery_id']}", state.gallery(b["gallery_id"])
        ),
    ),
    (
        "POST",
        r"/jobs/scene",
        contract.AskedScene,
        202,
        lambda state, _, b: state.start("scene", f"scene:{b['scene_id']}", state.scene(b["scene_id"])),
    ),
    ("POST", r"/jobs/database", contract.AskedDatabase, 202, lambda state, _, __: state.build()),
    (
        "POST",
        r"/jobs/library",
        contract.AskedLibrary,
        202,
        lambda state, _, __: state.start("library", "library", state.build_of_nothing()),
    ),
    ("POST", r"/jobs/([^/]+)/pause", None, 200, lambda state, ids, _: state.pause(ids[0])),
    (
        "POST",
        r"/suggestions/dismiss",
        contract.AskedDismissal,
        200,
        lambda state, _, b: state.dismiss_suggestions(b),
    ),
    *(
        (
            "POST",
            rf"/unknown/([^/]+)/({action})",
            model,
            200,
            lambda state, ids, b: state.change_cluster(ids[0], ids[1], b),
        )
        for action, model in (
            ("name", contract.ClusterName),
            ("unname", None),
            ("merge", contract.Merged),
            ("split", contract.SplitFaces),
            ("ignore", contract.Hidden),
            ("undo", None),
        )
    ),
    ("POST", r"/database/stale", None, 202, lambda *_: {"update_at": "2026-01-02T03:05:05+00:00"}),
    ("POST", r"/database/rollback", None, 200, lambda state, _, __: state.roll_back()),
    ("GET", r"/database/newly-named", None, 200, lambda state, _, __: state.newly_named_page()),
    (
        "POST",
        r"/database/newly-named/dismiss",
        contract.AskedDismissal,
        200,
        lambda state, _, body: state.dismiss(body),
    ),
    ("GET", r"/database/hygiene", None, 200, lambda state, _, __: state.hygiene_page()),
    (
        "POST",
        r"/database/quarantine",
        contract.AskedReferences,
        200,
        lambda state, _, body: state.set_aside(body, aside=True),
    ),
    (
        "POST",
        r"/database/restore",
        contract.AskedReferences,
        200,
        lambda state, _, body: state.set_aside(body, aside=False),
    ),
    ("GET", r"/database/changes", None, 200, lambda state, _, __: state.changes()),
    ("GET", r"/database/unlearned", None, 200, lambda state, _, __: state.unlearned_page()),
    ("DELETE", r"/jobs", None, 200, lambda state, _, __: state.clear()),
    ("POST", r"/jobs/([^/]+)/cancel", None, 200, lambda state, ids, _: _cancelled(state, ids[0])),
    ("POST", r"/jobs/([^/]+)/resume", None, 200, lambda state, ids, _: state.resume(ids[0])),
    ("POST", r"/decisions", contract.Decision, 200, lambda state, _, b: state.decide(b)),
    ("POST", r"/decisions/faces", contract.FacesDecision, 200, lambda state, _, b: state.decide_faces(b)),
    ("POST", r"/decisions/undo", contract.Undecided, 200, lambda state, _, b: state.undecide_all(b)),
    ("DELETE", r"/decisions/([^/]+)", None, 200, lambda state, ids, _: state.undecide(ids[0])),
    ("POST", r"/journal", contract.Begun, 201, lambda state, _, b: state.begin(b)),
    ("POST", r"/journal/picture", contract.Picture, 200, lambda state, _, b: state.begin_picture(b)),
    ("GET", r"/journal/([^/]+)/picture", None, 200, lambda state, ids, _: state.former_picture(ids[0])),
    ("PATCH", r"/journal/([^/]+)", contract.Ended, 200, lambda state, ids, b: state.end(ids[0], b)),
    ("POST", r"/journal/([^/]+)/undone", None, 200, lambda state, ids, _: state.undone(ids[0])),
    ("GET", r"/faces/([^/]+)/crop", None, 200, lambda state, ids, _: _picture(state, ids[0])),
    ("GET", r"/references/([^/]+)", None, 200, lambda state, ids, _: _picture(state, ids[0])),
]


class SidecarStandIn(State):
    """secret: what callers must sign with, if any. `wrong`: requests that break the contract; stays empty.

    `faults` maps a path to a Problem, to seconds to wait, or to raw bytes to answer with.
    """

    def __init__(self, secret: str = "") -> None:
        super().__init__()
        self.secret = secret
        self.asked: list[tuple[str, str, Json]] = []
        self.authorizations: list[str] = []
        self.access = Access()
        self.wrong: list[str] = []
        self.faults: dict[str, Problem | float | bytes] = {}
        self.port = 0
        self.most_at_once = 0
        """Requests that were answered at the same time."""
        self._now = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Starts, or comes back on the same port."""
        self.port = self.port or free_port()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def answer(self, method: str, target: str, data: bytes, authorization: str | None) -> tuple[int, Any]:
        """Raises Problem."""
        path, _, query = target.partition("?")
        if path.startswith(("/references/", "/database/")):
            query = ""  # of whom, or which page: the stand-in answers the same
        self.access.check(self.secret, method, target, data, authorization)
        fault = self.faults.get(path)
        if isinstance(fault, Problem):
            raise fault
        asked = {name: value for name, (value,) in parse_qs(query, strict_parsing=bool(query)).items()}
        if method == "GET" and (page := self._page(path, target, asked)) is not None:
            return 200, page
        for verb, pattern, model, status, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == method and not query:
                body = self._checked(model, target, data)
                with self.lock:
                    return status, answer(self, [unquote(part) for part in found.groups()], body)
        self.wrong.append(f"{method} {target}: no such call")
        raise Problem(404, "not-found", f"There is no {method} {target} here.")

    @contextmanager
    def counted(self) -> Iterator[None]:
        """While a request is answered."""
        with self.lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self.lock:
                self._now -= 1

    def _page(self, path: str, target: str, asked: dict[str, str]) -> Json | None:
        """The answer to a call that takes a query."""
        found = re.fullmatch(r"/(jobs|unknown)/([^/]+)", path)
        number = unquote(found[2]) if found else ""
        reads: dict[str, Callable[[dict[str, str]], Json]] = {
            "/jobs": lambda query: self.listed(query.get("target")),
            f"/jobs/{number}": lambda query: self.look(number, query.get("since")),
            "/journal": lambda query: self.entries(
                **{"before": sys.maxsize, "limit": 50, **{key: int(value) for key, value in query.items()}}
            ),
            "/decisions": self.standing,
            "/suggestions": self.suggestions_page,
            "/unknown": self.clusters_page,
            f"/unknown/{number}": lambda query: self.cluster_page(number, query),
        }
        if path == "/decisions/revision" and [*asked] in (["gallery_id"], ["scene_id"]):
            return {"revision": self.revision()}
        read = reads.get(f"/{found[1]}/{number}" if found else path)
        if read is None:
            return None
        with self.lock:
            return self._read(read, target, asked)

    def _read(self, read: Callable[[dict[str, str]], Json], target: str, query: dict[str, str]) -> Json:
        try:
            return read(query)
        except (ValueError, ValidationError) as error:
            self.wrong.append(f"{target}: {error}")
            raise Problem(422, "bad-parameter", f"{target}: a field is wrong.") from error

    def _checked(self, model: type[BaseModel] | None, target: str, data: bytes) -> Json:
        if model is None and not data:
            return {}
        try:
            body: Json = json.loads(data)
            (model or contract.Nothing).model_validate(body)
        except (ValueError, ValidationError) as error:
            self.wrong.append(f"{target}: {error}")
            raise Problem(422, "bad-parameter", f"{target}: a field is wrong.") from error
        return body


def _cancelled(state: State, job_id: str) -> Json:
    state.job(job_id).cancel()
    return state.job(job_id).view()


def _picture(state: State, picture_id: str) -> bytes:
    if picture_id not in state.pictures:
        raise Problem(404, "not-found", "There is no such picture.")
    return state.pictures[picture_id]


def _handler(sidecar: SidecarStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            sidecar.asked.append((self.command, self.path, json.loads(data) if data else {}))
            sidecar.authorizations.append(self.headers.get("Authorization") or "")
            fault = sidecar.faults.get(path)
            if isinstance(fault, bytes):
                self.wfile.write(fault)
                return
            try:
                with sidecar.counted():  # ends before the answer is sent: the next request may come at once
                    if isinstance(fault, float):
                        time.sleep(fault)
                    given = self.headers.get("Authorization")
                    status, answer = sidecar.answer(self.command, self.path, data, given)
                self._send(status, answer, "application/json")
            except Problem as problem:
                self._send(
                    problem.status,
                    {"status": problem.status, "code": problem.code, "detail": problem.detail},
                    "application/problem+json",
                )

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def _send(self, status: int, answer: Any, kind: str) -> None:
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "image/jpeg" if isinstance(answer, bytes) else kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
