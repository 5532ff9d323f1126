"""A stand-in for a stash-box: executes GraphQL against its schema, serves pictures, counts what it is asked.

with StashBoxStandIn(clock=TurnedClock()) as box:
    ann = box.add_performer("Ann", images=[png])
    box.merge(ann, box.add_performer("Anna"))
    ... box.endpoint ...
    assert box.most_in_a_minute <= 120
"""

import io
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from graphql import GraphQLError, GraphQLSchema, build_schema, execute_sync, parse, validate
from PIL import Image as Pillow
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from fakes.ports import free_port
from fakes.stash.app import Edge, Setup
from fakes.stash.record import Seen
from fakes.stash.server import Server

KEY = "eyJ-the-key-of-the-box"
_SIZES = ("300", "600", "1280")
_MINUTE = 60.0


class TurnedClock:
    """A clock that goes on only when somebody waits, or by `turn`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._lock = threading.Lock()
        self._now = now
        self.slept: list[float] = []

    def time(self) -> float:
        with self._lock:
            return self._now

    def turn(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turn(seconds)


@dataclass(eq=False)
class Performer:
    """images: ids. merged_into: of the one that replaces this one."""

    id: str
    name: str
    updated: datetime
    images: list[str] = field(default_factory=list)
    disambiguation: str | None = None
    country: str | None = None
    deleted: bool = False
    merged_into: str | None = None


@dataclass(kw_only=True)
class StashBox(Setup):
    """What a test may set. latencies: seconds that the requests take to arrive, one after another.

    on_page: called after each page of queryPerformers. resizes: whether it reduces pictures.
    """

    api_key: str = KEY
    clock: TurnedClock = field(default_factory=TurnedClock)
    latencies: Sequence[float] = (0.0,)
    on_page: Callable[[int], None] = lambda _: None
    resizes: bool = True
    may_read: bool = True
    performers: dict[str, Performer] = field(default_factory=dict)
    pictures: dict[str, bytes | None] = field(default_factory=dict)
    """By id; None where the box has lost the file."""
    arrivals: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """Of the requests to GraphQL."""
    broken: set[str] = field(default_factory=set)
    """Performers at which it fails."""
    open_requests: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.reset_latencies()
        self._edited = datetime(2025, 1, 1, tzinfo=UTC)

    def reset_latencies(self) -> None:
        """After `latencies` were set."""
        self.delays = itertools.cycle(self.latencies)

    def add_performer(self, name: str, images: Sequence[bytes] = (), **fields: Any) -> str:
        performer = Performer(str(uuid.uuid4()), name, self._tick(), **fields)
        performer.images = [self.add_image(image) for image in images]
        self.performers[performer.id] = performer
        return performer.id

    def add_image(self, content: bytes | None) -> str:
        image = str(uuid.uuid4())
        self.pictures[image] = content
        return image

    def edit(self, performer: str, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.performers[performer], name, value)
        self.performers[performer].updated = self._tick()

    def delete(self, performer: str) -> None:
        self.edit(performer, deleted=True)

    def merge(self, performer: str, into: str) -> None:
        """As an edit of the kind MERGE does: those that were merged into it before follow."""
        for each in self.performers.values():
            if each.merged_into == performer:
                each.merged_into = into
        self.edit(performer, deleted=True, merged_into=into)
        self.edit(into)

    @property
    def most_in_a_minute(self) -> int:
        """The most requests that arrived within any 60 s."""
        times = sorted(self.arrivals)
        return max((sum(start <= each <= start + _MINUTE for each in times) for start in times), default=0)

    def refusal(self, request: Request, seen: Seen) -> Response | None:
        """A wrong key is refused everywhere, with nothing but the status; none is a visitor."""
        key = request.headers.get("ApiKey", "")
        return Response(status_code=401) if key and key != self.api_key else None

    def _tick(self) -> datetime:
        self._edited += timedelta(seconds=1)
        return self._edited

    def fields(self, *, is_reader: bool, base: str) -> dict[str, Any]:
        def find(_: Any, id: str) -> dict[str, Any] | None:  # noqa: A002
            _require(is_reader)
            try:
                uuid.UUID(id)
            except ValueError:
                raise GraphQLError(f"uuid: incorrect UUID format in string {id!r}") from None
            if id in self.broken:
                raise GraphQLError("Internal system error")
            performer = self.performers.get(id)
            return self._view(performer, base) if performer else None

        def query(_: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
            _require(is_reader)
            keys = {"UPDATED_AT": lambda each: each.updated, "NAME": lambda each: each.name}
            living = [each for each in self.performers.values() if not each.deleted]
            living.sort(key=keys[input["sort"]], reverse=input["direction"] == "DESC")
            start = (input["page"] - 1) * input["per_page"]
            page = [self._view(each, base) for each in living[start : start + input["per_page"]]]
            self.on_page(input["page"])
            return {"count": len(living), "performers": page}

        return {"findPerformer": find, "queryPerformers": query}

    def _view(self, performer: Performer, base: str) -> dict[str, Any]:
        return {
            "id": performer.id,
            "name": performer.name,
            "disambiguation": performer.disambiguation,
            "aliases": [],
            "country": performer.country,
            "images": [
                {"id": image, "url": f"{base}/images/{image}", "width": 900, "height": 1350}
                for image in performer.images
            ],
            "deleted": performer.deleted,
            "merged_into_id": performer.merged_into,
            "merged_ids": [each.id for each in self.performers.values() if each.merged_into == performer.id],
            "created": "2024-01-01T00:00:00Z",
            "updated": performer.updated.isoformat(),
        }


class StashBoxStandIn(StashBox):
    """A stash-box on a port of its own."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"{self.url}/graphql"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def up(self) -> None:
        self._server = Server(partial(_build, self), self.port or free_port())
        self.port = self._server.port

    def down(self) -> None:
        self._server.stop()


def _build(box: StashBox, cut: Callable[[Scope], None]) -> ASGIApp:
    async def graphql(request: Request) -> Response:
        box.bodies.append(await request.body())
        asked = json.loads(box.bodies[-1])
        is_reader = bool(request.headers.get("ApiKey")) and box.may_read
        status, answer = _run(box, asked, is_reader=is_reader)
        return JSONResponse(answer, status)

    async def image(request: Request) -> Response:
        content = box.pictures.get(request.path_params["id"])
        if content is None:
            return PlainTextResponse("404 page not found", 404)
        if content.lstrip().startswith(b"<"):
            return HTMLResponse(content)
        size = request.query_params.get("size", "")
        if box.resizes and size in _SIZES:
            content = _reduced(content, int(size))
        return Response(content, media_type="image/png")

    routes = [Route("/graphql", graphql, methods=["POST"]), Route("/images/{id}", image)]
    edge = Edge(box, Starlette(routes=routes), cut)

    async def on_its_way(scope: Scope, receive: Any, send: Any) -> None:
        box.clock.turn(next(box.delays))
        box.arrivals.append(box.clock.time())
        box.open_requests += 1
        box.most_at_once = max(box.most_at_once, box.open_requests)
        try:
            await edge(scope, receive, send)
        finally:
            box.open_requests -= 1
            box.clock.turn(next(box.delays))

    return on_its_way


@cache
def box_schema() -> GraphQLSchema:
    return build_schema((Path(__file__).parent / "stash_box.graphql").read_text())


def _run(box: StashBox, asked: dict[str, Any], *, is_reader: bool) -> tuple[int, dict[str, Any]]:
    try:
        document = parse(asked["query"])
    except GraphQLError as error:
        return 422, {"errors": [{"message": error.message}], "data": None}
    if mistakes := validate(box_schema(), document):
        code = {"code": "GRAPHQL_VALIDATION_FAILED"}
        return 422, {"errors": [{"message": m.message, "extensions": code} for m in mistakes], "data": None}
    result = execute_sync(
        box_schema(),
        document,
        root_value=box.fields(is_reader=is_reader, base=box.external_host),
        variable_values=asked.get("variables"),
        operation_name=asked.get("operationName"),
    )
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [{"message": each.message, "path": each.path} for each in result.errors]
    return 200, answer


def _require(is_reader: bool) -> None:
    if not is_reader:
        raise GraphQLError("not authorized")


def _reduced(content: bytes, side: int) -> bytes:
    try:
        with Pillow.open(io.BytesIO(content)) as picture:
            picture.thumbnail((side, side))
            out = io.BytesIO()
            picture.save(out, "PNG")
            return out.getvalue()
    except OSError:
        return content
