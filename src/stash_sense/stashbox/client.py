"""StashBoxClient: what is read from one stash-box, one request at a time and never too many a minute."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from stash_sense import __version__
from stash_sense.domain.progress import format_duration
from stash_sense.errors import (
    BoxImageGone,
    BoxImageRefused,
    NotAStashBox,
    StashBoxError,
    StashBoxKeyRefused,
    StashBoxLimited,
    StashSenseError,
)
from stash_sense.graphql.bodies import UNKNOWN_TYPES, media_type
from stash_sense.graphql.execution import Document, document_request, load_document, parse_document, read_data
from stash_sense.graphql.failures import TransientFailure
from stash_sense.graphql.transport import RequestLimits, ServerRequest, ServerResponse, Transport
from stash_sense.stashbox.address import StashBoxAddress
from stash_sense.stashbox.failures import StashBoxFailures
from stash_sense.stashbox.rate import RequestRate
from stash_sense.stashbox.types import BoxImage, BoxPerformer, Json, PerformerPage

log = logging.getLogger(__name__)

T = TypeVar("T")

PER_PAGE = 100
PER_DOCUMENT = 20
"""Performers that one document asks for by id."""
USER_AGENT = f"stash-sense/{__version__} (face recognition for Stash)"

LONGEST_PAUSE_S = 3600.0
"""A longer pause that a box asks for ends the work."""
_MOST_PAUSES = 10
"""That a box may ask for before it takes one request."""
_MINUTE_S = 60.0
_TOLD_S = 20.0
"""A pause of which the user is told."""


@dataclass(frozen=True, slots=True)
class StashBoxLimits(RequestLimits):
    """Limits of one request to a stash-box. total_s: of each attempt. retry_s: of the pauses between them,
    without those that the box asks for. media_bytes: not every box reduces its pictures.
    """

    connect_s: float = 10.0
    stall_s: float = 30.0
    total_s: float = 120.0
    retry_s: float = 300.0
    attempts: int = 3
    pause_s: float = 2.0
    longest_pause_s: float = 60.0
    media_bytes: int = 50_000_000
    answer_bytes: int = 32_000_000
    connections: int = 1


DEFAULT_BOX_LIMITS = StashBoxLimits()


class StashBoxClient:
    """One stash-box. Close it with `async with`. The key goes to the endpoint's own origin and nowhere else.

    Requests are sent one after another. While the box asks to wait, all wait. Raises StashBoxErrors.
    """

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        rate: RequestRate,
        limits: StashBoxLimits = DEFAULT_BOX_LIMITS,
        on_pause: Callable[[str], None] = lambda _: None,
    ) -> None:
        """on_pause: told of each long pause. Raises NotAStashBox, StashBoxKeyRefused."""
        self.address = StashBoxAddress.parse(endpoint)
        self._failures = StashBoxFailures(self.address, with_key=bool(api_key.strip()))
        self._transport = Transport(self._failures, api_key, limits, user_agent=USER_AGENT)
        self._rate = rate
        self._limits = limits
        self._on_pause = on_pause
        self._sending = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def performers_page(self, page: int) -> PerformerPage:
        """PER_PAGE of those who are not deleted, the last edited first. page: from 1."""
        by_edit = {"page": page, "per_page": PER_PAGE, "sort": "UPDATED_AT", "direction": "DESC"}
        document = load_document(__package__, "query_performers")
        data = await self._execute(document, {"input": by_edit})
        return self._read(document, lambda: PerformerPage.from_json(data["queryPerformers"]))

    async def find_performers(self, ids: Sequence[str]) -> dict[str, BoxPerformer | StashBoxError | None]:
        """Each id, at most PER_DOCUMENT -> who it is, also where deleted or merged; None for nobody.

        An error where the box fails at this id alone.
        """
        try:
            return dict(zip(ids, await self._find_together(ids), strict=True))
        except (NotAStashBox, StashBoxKeyRefused, StashBoxLimited):
            raise
        except StashBoxError as error:
            if len(ids) == 1:
                return {ids[0]: error}
            alone = [await self.find_performers([each]) for each in ids]
            if all(isinstance(result, StashBoxError) for each in alone for result in each.values()):
                raise
            return {each: result for found in alone for each, result in found.items()}

    async def image(self, image: BoxImage) -> bytes:
        """A picture of at most 600 px; the original where the box cannot resize. Raises BoxImageRefused."""
        name = f"Picture {image.id}"
        request = ServerRequest(
            name=name,
            method="GET",
            url=self.address.image(image.id, image.url),
            # Not compressed on the way: then Content-Length tells whether all of it arrived.
            headers={"Accept": "image/*", "Accept-Encoding": "identity"},
            max_bytes=self._limits.media_bytes,
            too_large=BoxImageRefused,
            check_headers=self._check_image,
            explain_failure=self._explain_no_image,
        )
        response = await self._send(request)
        if not response.body:
            raise BoxImageRefused(f"{self.address} sent a picture of 0 bytes.")
        return response.body

    async def _find_together(self, ids: Sequence[str]) -> list[BoxPerformer | None]:
        document = _document_for(len(ids))
        data = await self._execute(document, {f"id{number}": each for number, each in enumerate(ids)})

        def read() -> list[BoxPerformer | None]:
            found = [data[f"performer{number}"] for number in range(len(ids))]
            return [None if each is None else BoxPerformer.from_json(each) for each in found]

        return self._read(document, read)

    async def _execute(self, document: Document, variables: dict[str, Any]) -> Json:
        request = document_request(self._failures, self.address.graphql, document, variables, self._limits)
        response = await self._send(request)
        return read_data(self._transport, document.operation, response.body)

    def _read(self, document: Document, read: Callable[[], T]) -> T:
        try:
            return read()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotAStashBox(
                f"{self.address}: the answer to {document.operation} is not a stash-box's "
                f"({type(error).__name__}: {error})."
            ) from error

    async def _send(self, request: ServerRequest) -> ServerResponse:
        """Send the request, again after failures that may pass; counted each time. Nobody else sends then."""
        async with self._sending:
            failures: list[TransientFailure] = []
            while True:
                try:
                    async with self._rate.turn(), asyncio.timeout(self._limits.total_s):
                        return await self._transport.attempt(request, self._limits)
                except TransientFailure as failure:
                    failures.append(failure)
                except TimeoutError:
                    how = f"was not done after {self._limits.total_s:g} s"
                    too_slow = self._failures.too_slow(request.name, how, in_doubt=False)
                    failures.append(TransientFailure(too_slow, reached_server=True))
                pause_s = self._pause_after(failures)
                message = f"{failures[-1]} Trying again in {format_duration(pause_s)}."
                log.info("%s", message)
                if pause_s >= _TOLD_S:
                    self._on_pause(message)
                await self._rate.clock.sleep(pause_s)

    def _pause_after(self, failures: Sequence[TransientFailure]) -> float:
        """Seconds until the next attempt. Raises the last failure's error where there shall be none."""
        last, limits = failures[-1], self._limits
        paused = [failure for failure in failures if failure.asks_to_wait]
        if last.retry_after_s > LONGEST_PAUSE_S:
            raise StashBoxLimited(
                f"{self.address}: asks to come back in {format_duration(last.retry_after_s)}. Build again "
                "then: what was fetched is kept."
            )
        if last.asks_to_wait and len(paused) <= _MOST_PAUSES:
            return last.retry_after_s or _MINUTE_S
        own = len(failures) - len(paused)
        pauses = [min(limits.pause_s * float(2**number), limits.longest_pause_s) for number in range(own)]
        is_over = sum(failure.reached_server for failure in failures) - len(paused) >= limits.attempts
        if last.asks_to_wait or is_over or sum(pauses[:-1]) >= limits.retry_s:
            raise last.error from last.__cause__
        return pauses[-1]

    def _check_image(self, response: httpx.Response) -> None:
        kind = media_type(response.headers)
        if (kind.startswith("image/") and "svg" not in kind) or kind in UNKNOWN_TYPES:
            return
        what = "a page of HTML" if "html" in kind else kind[:60]
        raise BoxImageRefused(f"{self.address} sent {what} instead of a picture.")

    def _explain_no_image(self, response: httpx.Response, _: str) -> StashSenseError | None:
        if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return BoxImageGone(f"{self.address} has no such picture any more.")
        if response.status_code == HTTPStatus.UNAUTHORIZED or response.status_code in _LATER:
            return None
        if response.is_client_error or response.has_redirect_location:
            return BoxImageRefused(f"{self.address} answered {response.status_code} instead of a picture.")
        return None


_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_FIND = re.compile(r"\(\$id: ID!\) \{\n(.*?)\n\}\n", re.DOTALL)


def _document_for(count: int) -> Document:
    """`find_performer.graphql` for so many ids at once: `performer0: findPerformer(id: $id0)` and so on."""
    text = load_document(__package__, "find_performer").text
    find = _FIND.search(text)
    assert find is not None  # the document is ours
    fields = "\n".join(
        find[1].replace("performer:", f"performer{number}:").replace("$id", f"$id{number}")
        for number in range(count)
    )
    ids = ", ".join(f"$id{number}: ID!" for number in range(count))
    return parse_document(text.replace(find[0], f"({ids}) {{\n{fields}\n}}\n"))
