"""What of the library needs a look: told from what is stored, for hundreds of images or scenes at a time."""

from collections.abc import AsyncIterator, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from stash_sense.errors import NoPicture, NotAPicture, NoVideo, StashSenseError
from stash_sense.recognition.library_report import LibraryReport
from stash_sense.recognition.parameters import ImageTask, RunParameters, image_task
from stash_sense.recognition.scene import MOST_FRAMES
from stash_sense.recognition.scene_sampling import SAMPLER
from stash_sense.recognition.scene_video import video_picture
from stash_sense.recognition.state_access import StateAccess
from stash_sense.stash.listing import ListedGallery, ListedImage, ListedScene
from stash_sense.stash.scenes import StashScene
from stash_sense.stash.types import Gallery, StashImage
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_tags import TargetTags
from stash_sense.store.repositories.library_work import StoredRun, StoredVideoRun

RECORDED_TOGETHER = 1000
"""Recorded targets compared with the listed ones at a time."""


@dataclass(slots=True)
class LookedUpImages:
    """Images of a page. tasks: those that show a picture. runs: their stored results that serve, by id.

    unreadable: ids of those whose pictures cannot be read, as was seen before.
    """

    tasks: list[ImageTask] = field(default_factory=list)
    runs: dict[str, StoredRun] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)

    @property
    def left(self) -> list[ImageTask]:
        """Those to be identified."""
        return [
            task
            for task in self.tasks
            if task.image_id not in self.runs and task.image_id not in self.unreadable
        ]


@dataclass(frozen=True, slots=True)
class LookedUpScenes:
    """Scenes of a page, by id. left: those to be identified. frames: how many are stored of each, if any."""

    left: set[str]
    frames: Mapping[str, int]


class LibraryLookup:
    """Reads what is stored of listed targets, and writes what Stash says of them."""

    def __init__(
        self, parameters: RunParameters, state: RecommendationsDB, access: StateAccess, report: LibraryReport
    ) -> None:
        self._parameters = parameters
        self._state = state
        self._access = access
        self._report = report

    async def images(self, listed: Sequence[ListedImage]) -> LookedUpImages:
        """Record the tags of images, and tell those that need a look. Raises StateBusy."""
        await self._record(_tags("image", each.image, each.organized, each.gallery_ids) for each in listed)
        found = LookedUpImages()
        for each in listed:
            try:
                found.tasks.append(image_task(each.image))
            except NotAPicture:
                pass  # a clip, which is looked at as a scene
            except NoPicture as error:
                self._report.failed_before(f"image:{each.id}", error.code, str(error))
        pictures = [(task.image_id, task.picture) for task in found.tasks]
        runs = await self._access.read(partial(self._state.stored_runs, pictures))
        found.runs = {image: run for image, run in runs.items() if self._parameters.has_same_analysis(run)}
        rest = [pair for pair in pictures if pair[0] not in found.runs]
        if rest:
            unreadable = await self._access.read(partial(self._state.unreadable_images, rest))
            found.unreadable = set(unreadable)
            for image_id, (code, message) in unreadable.items():
                self._report.failed_before(f"image:{image_id}", code, message)
        return found

    async def scenes(self, listed: Sequence[ListedScene]) -> LookedUpScenes:
        """Record the tags of scenes, and tell those that need a look. Raises StateBusy."""
        await self._record(_tags("scene", each.scene, each.organized) for each in listed)
        videos = []
        for each in listed:
            try:
                videos.append((each.id, video_picture(each.scene)))
            except NoVideo as error:
                self._report.failed_before(f"scene:{each.id}", error.code, str(error))
        runs = await self._access.read(partial(self._state.stored_video_runs, videos))
        return LookedUpScenes(
            {scene for scene, _ in videos if scene not in runs or not self._serves(scene, runs[scene])},
            {scene: run.frames for scene, run in runs.items()},
        )

    async def galleries(self, listed: Sequence[ListedGallery]) -> None:
        """Record the tags of galleries. Raises StateBusy."""
        await self._record(_tags("gallery", each.gallery, each.organized) for each in listed)

    def _serves(self, scene_id: str, run: StoredVideoRun) -> bool:
        """Whether a new run would look at nothing else, or is known to fail."""
        settings: Mapping[str, object] = run.settings or {}
        if run.unreadable and run.stopped is None:
            self._report.failed_before(
                f"scene:{scene_id}", "unreadable-video", f"Scene {scene_id}: its video cannot be read."
            )
            return True
        floor, frames = settings.get("floor", 2.0), settings.get("max_frames", 0)
        return (
            run.stopped is not None
            and run.pack == self._parameters.pack
            and (run.sampler == SAMPLER or run.unreadable)
            and isinstance(floor, int | float)
            and floor <= self._parameters.floor
            and (run.stopped != "max-frames" or (isinstance(frames, int) and frames >= MOST_FRAMES))
        )

    async def _record(self, targets: Iterable[TargetTags]) -> None:
        await self._access.read(partial(self._state.record_tags, list(targets)))

    async def recorded_but_not_in(
        self, target_type: str, present: Container[str]
    ) -> AsyncIterator[list[str]]:
        """Ids, some at a time, of what Stash had when it was last looked at and is not among these."""
        after = ""
        while ids := await self._access.read(
            partial(self._state.recorded_targets, target_type, after, RECORDED_TOGETHER)
        ):
            after = ids[-1]
            yield [each for each in ids if each not in present]

    async def forget(self, target_type: str, ids: Sequence[str]) -> None:
        """Stash has these no more."""
        self._report.count("gone", len(ids))
        await self._access.read(partial(self._state.forget_targets, target_type, ids))


def _tags(
    target_type: str,
    target: StashImage | Gallery | StashScene,
    organized: bool,
    gallery_ids: tuple[str, ...] = (),
) -> TargetTags:
    performers = tuple(performer.id for performer in target.performers)
    return TargetTags(target_type, target.id, performers, gallery_ids, target.title, organized)


PERMANENT = (
    "not-an-image",
    "unreadable-image",
    "image-too-large",
    "image-too-small",
    "media-too-large",
    "crashed",
)
"""Codes of errors that a picture's own bytes are to blame for."""


def is_permanent(error: StashSenseError) -> bool:
    """Whether the picture fails again, as long as its file is the same."""
    return error.code in PERMANENT
