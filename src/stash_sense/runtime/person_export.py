"""Everything that is known of a person, as one zip archive."""

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stash_sense.facedb.database import FaceDatabase
from stash_sense.files import explained_write_errors, replacement_of
from stash_sense.runtime.from_settings import jobs_file
from stash_sense.runtime.known_people import KnownPerson, database_places
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.jobs_file import jobs_that_mention
from stash_sense.store.repositories.person_deletion import mention_test


def export_person(
    settings: Settings, person: KnownPerson, state: RecommendationsDB | None, target: Path
) -> int:
    """Write `person.json` and the stored faces of a person into the zip archive `target`.

    Returns how many entries person.json has. Raises BadDatabase, StateError, NoSpace, CannotWrite.
    """
    faces: list[tuple[str, bytes]] = []
    data: dict[str, Any] = {"keys": person.keys, "names": person.names, "references": [], "photos": []}
    for place in database_places(settings):
        if database := FaceDatabase.open_usable(place):
            with database:
                for index in sorted(set(database.find(person.keys).values())):
                    data["references"] += _references(database, index, faces)
                data["photos"] += [asdict(photo) for photo in database.photos() if photo.owner in person.keys]
    if state is not None:
        data |= state.person_data(person.keys)
        faces += [(f"scenes/{face_id}.jpg", crop) for face_id, crop in state.person_crops(person.keys)]
    data["jobs"] = jobs_that_mention(jobs_file(settings), mention_test(person.keys, person.names))
    with (
        explained_write_errors(target),
        replacement_of(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("person.json", json.dumps(data, indent=1))
        for name, content in faces:
            archive.writestr(name, content)
    return sum(len(value) for value in data.values())


def _references(database: FaceDatabase, index: int, faces: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    person = asdict(database.person(index))
    references = []
    for row in database.rows(index):
        entry = {
            "database": database.manifest.version,
            "person": person,
            **asdict(database.reference(row)),
            "embedding": database.row_vector(row).tolist(),
        }
        if crop := database.crop(row):
            name = f"references/{database.manifest.version}-{row}.jpg"
            faces.append((name, crop))
            entry["crop"] = name
        references.append(entry)
    return references
