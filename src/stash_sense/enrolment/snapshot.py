"""What a face database says of Stash as the build saw it: which performers, and of whom it has no face."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stash_sense.domain.identity import local_key, utc_text
from stash_sense.enrolment.forgotten import ForgottenPeople
from stash_sense.enrolment.known_faces import PHOTO_PREFIX
from stash_sense.enrolment.set_aside import reason_code
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.stash.client import StashClient

PER_PAGE = 100
"""Performers read at once: those edited since the build, whom the first page nearly always holds."""

_PORTRAIT = f"{PHOTO_PREFIX}performer/"


@dataclass(frozen=True, slots=True)
class UnlearnedPerformer:
    """A performer without a reference face. local_id: in Stash; reason: why, for a person, with its code."""

    local_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class StashSnapshot:
    """edited: id of each performer seen -> time of their last edit then, comparable as text, UTC."""

    version: str
    edited: Mapping[str, str]
    unlearned: tuple[UnlearnedPerformer, ...]
    forgotten: ForgottenPeople

    @classmethod
    def of(cls, database: FaceDatabase) -> "StashSnapshot":
        """Read it from the list of photos. Takes a second for 100,000 performers."""
        portraits = list(database.photos([_PORTRAIT]))
        edited = {_local_id(photo): utc_text(photo.stamp.partition("|")[0]) for photo in portraits}
        learned = {key for index in range(database.people) for key in database.keys_of(index)}
        forgotten = ForgottenPeople.read(database.folder.parent)
        return cls(database.manifest.version, edited, tuple(_unlearned(portraits, learned)), forgotten)


@dataclass(frozen=True, slots=True)
class StashChanges:
    """How many performers are new or edited since the build, or no longer in Stash."""

    new: int = 0
    changed: int = 0
    removed: int = 0


async def changes_since(snapshot: StashSnapshot, stash: StashClient) -> StashChanges:
    """Compare Stash with the database: one query, more only where many performers were edited.

    A new performer counts once there is a portrait. Raises StashErrors.
    """
    newest_seen = max(snapshot.edited.values(), default="")
    new = changed = unseen = page = 0
    while True:
        page += 1
        total, performers = await stash.last_edited_performers(page, PER_PAGE)
        for performer in performers:
            edited, before = utc_text(performer.updated_at), snapshot.edited.get(performer.id)
            if before is None:
                unseen += 1
                is_forgotten = snapshot.forgotten.covers_key(local_key(performer.id))
                new += performer.portrait_url is not None and not is_forgotten
            else:
                changed += edited != before
        if len(performers) < PER_PAGE or utc_text(performers[-1].updated_at) < newest_seen:
            break
    # Databases of older versions do not list performers without a portrait: more are then unseen than read.
    removed = max(0, len(snapshot.edited) - (total - unseen))
    return StashChanges(new, changed, removed)


def _unlearned(portraits: list[Photo], learned: set[str]) -> Iterator[UnlearnedPerformer]:
    for photo in portraits:
        if photo.skipped and photo.owner not in learned:
            yield UnlearnedPerformer(_local_id(photo), reason_code(photo.skipped), photo.skipped)


def _local_id(photo: Photo) -> str:
    return photo.path.removeprefix(_PORTRAIT)
