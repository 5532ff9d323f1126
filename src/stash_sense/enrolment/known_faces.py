"""The faces that the last build took from Stash, and whose they are now.

A merge in Stash deletes a performer with the portrait; the one who stays may have none. The face is still
known: by a key or alias that went over, or by the name that the merge made an alias.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from stash_sense.enrolment.build import DatabaseBuild
from stash_sense.enrolment.performers import StashPerson
from stash_sense.facedb.analyzed_photos import StoredPhoto

PHOTO_PREFIX = "stash:"
"""How the path of a photo in Stash begins: `stash:performer/12`, `stash:image/34`."""
SCENE = f"{PHOTO_PREFIX}scene/"
"""How the path of a scene's frame begins: `stash:scene/56@3400`, milliseconds from the first frame."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownFaces:
    """Photos with a face, by the key of their owner, and the keys of people who are gone, by name.

    owners: key or alias of the last build -> key. performers: portraits that Stash still has belong to their
    performer alone. scenes: scene id -> its frames, with a face or without.
    """

    by_owner: Mapping[str, Sequence[StoredPhoto]]
    owners: Mapping[str, str]
    gone_by_name: Mapping[str, Sequence[str]]
    performers: frozenset[str]
    scenes: Mapping[str, Sequence[StoredPhoto]]

    @classmethod
    def of(cls, build: DatabaseBuild, people: Sequence[StashPerson]) -> Self:
        """What the build's database knows. people: all that Stash has now."""
        by_owner: dict[str, list[StoredPhoto]] = {}
        for stored in build.stored.values():
            if not stored.photo.skipped and stored.photo.path.startswith(PHOTO_PREFIX):
                by_owner.setdefault(stored.photo.owner, []).append(stored)
        present = {key for person in people for key in (person.person.key, *person.person.aliases)}
        owners: dict[str, str] = {}
        gone: dict[str, list[str]] = {}
        for person in build.enrolled():
            owners |= dict.fromkeys((person.key, *person.aliases), person.key)
            if person.key in by_owner and present.isdisjoint((person.key, *person.aliases)):
                gone.setdefault(person.name.casefold(), []).append(person.key)
        ids = frozenset(performer.id for person in people for performer in person.performers)
        return cls(by_owner, owners, gone, ids, _known_scenes(build.stored))

    def photos_of(self, person: StashPerson) -> list[StoredPhoto]:
        """The photos that show this person's face, as far as the last build knew."""
        keys = [self.owners.get(key, key) for key in (person.person.key, *person.person.aliases)]
        if not person.portraits:
            for name in sorted({name.casefold() for name in person.names}):
                of_name = self.gone_by_name.get(name, ())
                keys += of_name if len(of_name) == 1 else ()  # of two namesakes, nobody knows which
        own = {performer.id for performer in person.performers}
        photos = [stored for key in dict.fromkeys(keys) for stored in self.by_owner.get(key, ())]
        return [stored for stored in photos if self._performer(stored) in own or not self._is_kept(stored)]

    def _is_kept(self, stored: StoredPhoto) -> bool:
        """Whether Stash still has the performer whose portrait this is."""
        return self._performer(stored) in self.performers

    @staticmethod
    def _performer(stored: StoredPhoto) -> str | None:
        kind, _, number = stored.photo.path.removeprefix(PHOTO_PREFIX).partition("/")
        return number if kind == "performer" else None


def _known_scenes(stored: Mapping[str, StoredPhoto]) -> Mapping[str, Sequence[StoredPhoto]]:
    """Scene id -> its frames among stored photos."""
    scenes: dict[str, list[StoredPhoto]] = {}
    for path, photo in stored.items():
        if path.startswith(SCENE):
            scenes.setdefault(path.removeprefix(SCENE).partition("@")[0], []).append(photo)
    return scenes
