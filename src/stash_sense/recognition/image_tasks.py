"""The images to work on: which can be analysed, and which are known already."""

from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.domain.images import PictureIdentity
from stash_sense.errors import NoPicture, NotAPicture
from stash_sense.recognition.parameters import RunParameters
from stash_sense.stash.types import Image
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.results import StoredResult


@dataclass(frozen=True, slots=True, eq=False)
class ImageTask:
    """An image to be looked at. position: its place in the gallery; picture: what it is stored under."""

    position: int
    image: Image
    picture: PictureIdentity

    @property
    def image_id(self) -> str:
        return self.image.id


def image_task(image: Image, position: int = 0) -> ImageTask:
    """Raises NotAPicture for a video or a clip, NoPicture for an image whose file Stash has lost."""
    if image.is_video:
        raise NotAPicture(f"Image {image.id}: is a video or an animation; only still pictures are looked at.")
    return ImageTask(position, image, picture_of(image))


def picture_of(image: Image) -> PictureIdentity:
    """Which picture an image shows, by its primary file. Raises NoPicture where it has none."""
    file = image.primary_file
    if file is None or not image.image_url:
        raise NoPicture(f"Image {image.id}: Stash has no file for it, or no longer. Rescan it in Stash.")
    fingerprints = [(one.type, one.value) for one in file.fingerprints if one.value]
    return PictureIdentity.of(fingerprints, file.path, file.size, file.mod_time)


def known_results(
    asked: Sequence[ImageTask],
    terms: RunParameters,
    state: RecommendationsDB,
    *,
    gallery_id: str = "",
    force: bool,
) -> dict[str, StoredResult]:
    """Of these images those whose faces need not be looked for: image id -> stored result, as found.

    force: only what this very job has stored counts. Another image of the same picture lends its result.
    """
    own = state.get_image_results([(one.image_id, one.picture) for one in asked])
    known = {image: stored for image, stored in own.items() if terms.found_by(stored)}
    if force:
        return {image: stored for image, stored in known.items() if terms.of_this_job(stored)}
    adopted = []
    for one in asked:
        if one.image_id in known:
            continue
        other = state.find_image_result(
            one.picture, terms.pack, terms.db_version, one.image_id, any_version=True, embeddings=True
        )
        if other is not None and other.stash_image_id != one.image_id and terms.found_by(other):
            state.adopt_image_result(other.stash_image_id, one.image_id, [gallery_id] if gallery_id else ())
            adopted.append((one.image_id, one.picture))
    return known | state.get_image_results(adopted) if adopted else known
