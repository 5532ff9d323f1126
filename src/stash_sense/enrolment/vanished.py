"""Refuses a build that would drop people because their photos are out of reach: a share that is not mounted.

A source is refused once it holds less than half of the people that the database has of it. Fewer than that go
in everyday use: people who are removed on purpose, a few at a time.
"""

from collections.abc import Iterable, Mapping

from stash_sense.domain.identity import Person, visible_name
from stash_sense.errors import PeopleVanished
from stash_sense.facedb.database import FaceDatabase

ALLOW_EMPTY = "To build without them all the same: `stash-sense database build --allow-empty`."


def refuse_vanished(database: FaceDatabase, sources: Mapping[str, int]) -> None:
    """Raise PeopleVanished where a source has lost most of its people since `database` was built.

    sources: how the paths of each source's photos begin -> how many people it holds now.
    """
    before: dict[str, set[str]] = {prefix: set() for prefix in sources}
    for photo in database.photos(tuple(sources)):
        for prefix, owners in before.items():
            if not photo.skipped and photo.path.startswith(prefix):
                owners.add(photo.owner)
    for prefix, owners in before.items():
        if 2 * sources[prefix] < len(owners):
            raise PeopleVanished(
                f"{prefix.rstrip(':')}: holds {sources[prefix]:,} people, and the face database has "
                f"{len(owners):,} from here. Is the drive or share connected, and is it the right one? "
                f"Nothing was changed. {ALLOW_EMPTY}"
            )


def names_gone(before: Iterable[Person], people: Iterable[Person]) -> tuple[str, ...]:
    """The names of the people of `before` whom none of `people` is, by key, alias or spelling."""
    before = list(before)
    if not before:
        return ()
    known = {visible_name(key) for person in people for key in (person.key, *person.aliases)}
    gone = (
        person.name for person in before if known.isdisjoint(map(visible_name, (person.key, *person.aliases)))
    )
    return tuple(dict.fromkeys(gone))
