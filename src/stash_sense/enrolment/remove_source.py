"""Takes one source out of a face database: what only it knew is gone, everything else stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stash_sense.enrolment.carry import CarriedSources, write_people
from stash_sense.enrolment.merge import merge_people
from stash_sense.enrolment.vanished import names_gone
from stash_sense.errors import BadInput
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.writer import DatabaseWriter, named_sources


@dataclass(frozen=True, slots=True)
class SourceRemoval:
    """The database without a source. faces: how many are gone. gone: names of people of whom none is left."""

    version: str
    source: str
    sources: tuple[str, ...]
    faces: int
    gone: tuple[str, ...]


def remove_source(place: Path, name: str) -> SourceRemoval:
    """Write a version without a source. name: as the manifest has it, or the path of a folder.

    Needs no model pack. Raises NoDatabase, BadDatabase, BadInput where there is no such source, WriteFailed;
    the old version then stays in use.
    """
    with FaceDatabase.open(place) as database:
        manifest = database.manifest
    writer = DatabaseWriter(
        place, pack=manifest.pack, pack_fingerprint=manifest.pack_fingerprint, slots=manifest.slots
    )
    # Opened again: a build that the writer waited for may have ended.
    with writer, FaceDatabase.open(place) as database:
        source = _find_source(name, database.manifest.sources)
        carried = CarriedSources(database, [source])
        merged, _ = merge_people(carried.contributions(), [])
        write_people(writer, merged, carried, lambda _: [])
        carried.copy_photos(writer)
        return SourceRemoval(
            version=writer.commit(carried.names),
            source=named_sources([source])[0],
            sources=tuple(carried.names),
            faces=sum(part.faces for part in carried.replaced()),
            gone=names_gone(carried.at_stake(), (person.person for person in merged)),
        )


def _find_source(name: str, sources: Sequence[str]) -> str:
    for source in (name, str(Path(name).resolve())):
        if named_sources([source])[0] in sources:
            return source
    listed = ", ".join(sources) or "none"
    raise BadInput(f"{name}: not a source of the face database. Its sources: {listed}.")
