"""The whole library of Stash: galleries, images in none, and scenes, each by its own path."""

from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Literal, Self, TypeVar

from stash_sense.jobs.run import JobProgress
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.library_lookup import LibraryLookup
from stash_sense.recognition.library_report import LibraryReport
from stash_sense.recognition.library_targets import LibraryTargets
from stash_sense.recognition.parameters import ImageTask, RunParameters, Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.state_access import StateAccess
from stash_sense.stash.client import StashClient
from stash_sense.stash.listing import (
    Criteria,
    LibraryFilter,
    Listed,
    ListedGallery,
    newest_first,
)
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, OutageLimits, ResilientStash
from stash_sense.stash.targets import TARGETS_TOGETHER

Item = TypeVar("Item", bound=Listed)
What = Literal["images", "galleries", "scenes"]

PATIENCE = 30
"""So many times as long as other jobs a library job waits for a Stash that is away."""

GALLERIES_TOGETHER = 50
IMAGES_TOGETHER = 1000
"""Galleries, and images in them, that are looked up at a time."""

_UNTAGGED: Criteria = {"performer_count": {"value": 0, "modifier": "EQUALS"}}


@dataclass(frozen=True, slots=True)
class LibraryOptions:
    """What of the library to identify, and how. only: `new`: what has no stored result; `all`: judge what is
    stored again too, without fetching it. order: newest first, or among these those without performers.
    """

    match: MatchOptions
    what: tuple[What, ...] = ("images", "galleries", "scenes")
    only: Literal["new", "all"] = "new"
    filter: LibraryFilter = field(default_factory=LibraryFilter)
    order: Literal["newest", "untagged"] = "newest"

    def as_json(self) -> dict[str, Any]:
        """For the parameters of a job; `knobs` as in those of other jobs."""
        return {
            "knobs": asdict(self.match),
            "what": list(self.what),
            "only": self.only,
            "filter": asdict(self.filter),
            "order": self.order,
        }

    @classmethod
    def from_json(cls, parameters: Mapping[str, Any]) -> Self:
        """What `as_json` made."""
        wanted = dict(parameters["filter"])
        for name in ("tag_ids", "studio_ids"):
            wanted[name] = tuple(wanted[name])
        return cls(
            MatchOptions(**parameters["knobs"]),
            tuple(parameters["what"]),
            parameters["only"],
            LibraryFilter(**wanted),
            parameters["order"],
        )


async def identify_library(
    options: LibraryOptions,
    recognizer: FaceRecognizer,
    tools: Tools,
    progress: JobProgress,
    *,
    outage_limits: OutageLimits = DEFAULT_OUTAGE_LIMITS,
) -> dict[str, Any]:
    """Identify what is new in the library, or all; returns counts, and errors by kind.

    Nothing is written to Stash. Stopped at any moment, the next run goes on with what is missing. Raises
    StashKeyRefused, the StashError of a long outage, and the StateError or StateBusy that keeps results from
    being stored.
    """
    return await _LibraryRun(options, recognizer, tools, progress, outage_limits).run()


class _LibraryRun:
    def __init__(
        self,
        options: LibraryOptions,
        recognizer: FaceRecognizer,
        tools: Tools,
        progress: JobProgress,
        outage_limits: OutageLimits,
    ) -> None:
        patience_s = PATIENCE * outage_limits.midway_s
        self._options = options
        self._tools = tools
        limits = replace(outage_limits, at_start_s=patience_s, midway_s=patience_s)
        self._parameters = RunParameters.of(recognizer, options.match, "original", progress.job_id)
        self._report = LibraryReport(progress)
        self._stash = ResilientStash(tools.stash, limits, self._report.problem)
        self._access = StateAccess("library", progress, outage_limits.state_s)
        self._lookup = LibraryLookup(self._parameters, tools.state, self._access, self._report)
        self._targets = LibraryTargets(
            recognizer,
            self._parameters,
            tools,
            self._stash,
            limits,
            self._lookup,
            self._access,
            self._report,
        )
        self._criteria = options.filter.criteria()
        self._is_whole = not self._criteria and set(options.what) == {"images", "galleries", "scenes"}
        self._begun: set[str] = set()

    async def run(self) -> dict[str, Any]:
        what = self._options.what
        galleries = await self._list_galleries() if "galleries" in what else []
        total = sum(gallery.image_count for gallery in galleries)
        if "images" in what:
            total += await self._count("image", self._loose_criteria())
        if "scenes" in what:
            total += await self._count("scene", self._criteria)
        self._report.start(total)
        self._begun = await self._begun_work("gallery")
        await self._galleries(galleries)
        if "images" in what:
            await self._images()
        if "scenes" in what:
            await self._scenes()
        if self._is_whole:
            present = {"gallery": {each.id for each in galleries}}
            await self._forget_gone({"image": self._report.images, "scene": self._report.scenes, **present})
        await self._access.read(self._tools.state.refresh_suggestions)
        return self._report.end()

    async def _begun_work(self, kind: str) -> set[str]:
        return set(await self._access.read(partial(self._tools.state.begun_work, kind)))

    def _loose_criteria(self) -> Criteria:
        """Of images: those in galleries are left out where all galleries are done."""
        in_none = {"galleries": {"modifier": "IS_NULL"}}
        return in_none if "galleries" in self._options.what and not self._criteria else self._criteria

    async def _list_galleries(self) -> list[ListedGallery]:
        listed: list[ListedGallery] = []
        async for page in self._pages(StashClient.list_galleries, self._criteria):
            await self._lookup.galleries(page)
            listed += page
        if self._options.order == "untagged":
            listed.sort(key=lambda each: bool(each.gallery.performers))
        return listed

    async def _galleries(self, galleries: Sequence[ListedGallery]) -> None:
        """Identify those galleries of which something is new."""
        start = 0
        while start < len(galleries):
            end, images = start, 0
            while end < len(galleries) and end - start < GALLERIES_TOGETHER and images < IMAGES_TOGETHER:
                images += galleries[end].image_count
                end += 1
            chunk = [gallery.id for gallery in galleries[start:end]]
            start = end
            left = await self._left_in_galleries(chunk)
            for gallery_id in chunk:
                if gallery_id in left:
                    image_ids, stored = left[gallery_id]
                    await self._targets.gallery(gallery_id, len(image_ids), stored)
                    self._report.listed(self._report.images, image_ids)

    async def _left_in_galleries(self, gallery_ids: Sequence[str]) -> dict[str, tuple[list[str], int]]:
        """By id, those of the galleries that need a look: their images, and how many of these are stored."""
        everything = self._options.only == "all"
        images: dict[str, list[str]] = {gallery_id: [] for gallery_id in gallery_ids}
        stored = dict.fromkeys(gallery_ids, 0)
        left = {each for each in gallery_ids if everything or each in self._begun}
        criteria = {"galleries": {"value": list(gallery_ids), "modifier": "INCLUDES"}}
        async for page in self._pages(StashClient.list_images, criteria):
            looked_up = await self._lookup.images(page)
            missing = {task.image_id for task in looked_up.left}
            for each in page:
                for gallery_id in images.keys() & set(each.gallery_ids):
                    images[gallery_id].append(each.id)
                    run = looked_up.runs.get(each.id)
                    stored[gallery_id] += run is not None
                    if each.id in missing or (run is not None and gallery_id not in run.gallery_ids):
                        left.add(gallery_id)
        for gallery_id in images.keys() - left:
            self._report.listed(self._report.images, images[gallery_id])
        return {gallery_id: (images[gallery_id], stored[gallery_id]) for gallery_id in left}

    async def _images(self) -> None:
        """Identify the images in no gallery, or all where galleries are not wanted."""
        report = self._report
        ended_at = await self._begun_work("image")
        suspects: list[ImageTask] = []
        async for page in self._in_order(StashClient.list_images, self._loose_criteria()):
            new = [each for each in page if each.id not in report.images]
            looked_up = await self._lookup.images(new)
            tasks = looked_up.tasks if self._options.only == "all" else looked_up.left
            tasks = [task for task in tasks if task.image_id not in looked_up.unreadable]
            suspects += [task for task in tasks if task.image_id in ended_at]
            await self._targets.images([task for task in tasks if task.image_id not in ended_at])
            report.listed(report.images, [each.id for each in new])
        for task in suspects:  # the program ended at them, perhaps because of one: last, and each alone
            await self._targets.images([task])

    async def _scenes(self) -> None:
        report = self._report
        async for page in self._in_order(StashClient.list_scenes, self._criteria):
            new = [each for each in page if each.id not in report.scenes]
            looked_up = await self._lookup.scenes(new)
            everything = self._options.only == "all"
            for each in new:
                if each.id in looked_up.left or (everything and each.scene.files):
                    await self._targets.scene(each.id, looked_up.frames.get(each.id, 0))
                report.listed(report.scenes, [each.id])

    async def _forget_gone(self, present: Mapping[str, Container[str]]) -> None:
        """Forget what Stash had before and has no more. present: by kind, what was listed."""
        for kind, ids in present.items():
            async for missing in self._lookup.recorded_but_not_in(kind, ids):
                for start in range(0, len(missing), TARGETS_TOGETHER):
                    gone = await self._gone(kind, missing[start : start + TARGETS_TOGETHER])
                    if gone:
                        await self._lookup.forget(kind, gone)

    async def _gone(self, kind: str, ids: Sequence[str]) -> list[str]:
        """Those that Stash has not: others were created or moved while the library was listed."""
        targets = [(kind, each) for each in ids]
        found = await self._stash.query(lambda client: client.find_targets(targets), midway=True)
        return [stash_id for (_, stash_id), target in found.items() if target is None]

    async def _in_order(
        self,
        list_page: Callable[[StashClient, Criteria, int], Awaitable[tuple[Item, ...]]],
        criteria: Criteria,
    ) -> AsyncIterator[tuple[Item, ...]]:
        """Pages in the order that was asked for. Some objects may come twice."""
        if self._options.order == "untagged" and not self._options.filter.no_performers:
            async for page in self._pages(list_page, {**criteria, **_UNTAGGED}):
                yield page
        async for page in self._pages(list_page, criteria):
            yield page

    def _pages(
        self,
        list_page: Callable[[StashClient, Criteria, int], Awaitable[tuple[Item, ...]]],
        criteria: Criteria,
    ) -> AsyncIterator[tuple[Item, ...]]:
        async def page(criteria: Criteria, limit: int) -> tuple[Item, ...]:
            return await self._stash.query(lambda client: list_page(client, criteria, limit), midway=True)

        return newest_first(page, criteria)

    async def _count(self, kind: Literal["image", "scene"], criteria: Criteria) -> int:
        return await self._stash.query(lambda client: client.count(kind, criteria), midway=True)
