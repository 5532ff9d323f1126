"""A data folder in which one person is known everywhere that anything is kept."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import Person, PictureIdentity, person_facts
from stash_sense.facedb.analyzed_photos import ReferencePhoto, Spool
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.runtime.from_settings import database_dir, jobs_file, state_file
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import create_backup
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.jobs import JobsFile
from stash_sense.store.repositories.results import ImageResult

UUID = "0d0e0f10-aaaa-4bbb-8ccc-0123456789ab"
FORMER_UUID = "1d1e1f10-aaaa-4bbb-8ccc-0123456789ab"
JANE = Person(
    f"stashdb.org:{UUID}",
    "Jané Testperson",
    aliases=("local:47110815", "Jane Folder"),
    stash_ids=(("https://stashdb.org/graphql", UUID),),
    local_id="47110815",
    image_url="http://localhost/performer/47110815/image-of-jane",
)
ANNA = Person("stashdb.org:anna", "Anna Other", local_id="5")
SLOTS = (Slot(name="facenet", dimension=8), Slot(name="arcface", dimension=8))


@dataclass(frozen=True)
class KnownEverywhere:
    """settings: of the data folder. needles: byte strings that only the one person is known by."""

    settings: Settings
    needles: tuple[bytes, ...]

    def traces(self) -> list[str]:
        """The files that hold any of the needles, those of the models apart."""
        return [
            str(file.relative_to(self.settings.data_dir))
            for file in self.settings.data_dir.rglob("*")
            if file.is_file() and any(needle in file.read_bytes() for needle in self.needles)
        ]


def unit_vectors(seed: int, count: int) -> np.ndarray:
    """(count, 16) float32, of which no two tests see the same by chance."""
    return np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)


def write_database(place: Path, people: dict[Person, np.ndarray], *, aside: str = "") -> None:
    with DatabaseWriter(place, pack="test", pack_fingerprint="f1", slots=SLOTS) as writer:
        for person, vectors in people.items():
            photos = [f"stash:{person.local_id}/{number}" for number in range(len(vectors))]
            references = [Reference(photo, (0.0, 0.0, 9.0, 9.0), 0.9) for photo in photos]
            crops = [f"crop of {person.name} {number}".encode() for number in range(len(vectors))]
            writer.add_person(person, references, vectors, crops)
            for photo in photos:
                writer.add_photo(Photo(photo, "stamp", person.key))
        writer.add_photo(Photo("stash:5/aside", "stamp", ANNA.key, aside))
        writer.commit(["stash"])


@pytest.fixture
def known(tmp_path: Path) -> KnownEverywhere:
    """Jane is in both face databases, an older version, the spool, state, jobs, backups and older tables."""
    settings = Settings(DATA_DIR=tmp_path, STASH_URL="")
    place = database_dir(settings)
    jane, anna = unit_vectors(1, 2), unit_vectors(2, 2)
    aside = f"more like {JANE.name} (80 %) than like the other pictures of this person (20 %)"
    write_database(place, {JANE: jane, ANNA: anna}, aside=aside)
    write_database(place, {ANNA: anna, JANE: jane[:1]}, aside=aside)
    write_database(tmp_path / "people" / "abc", {Person("Jane Folder", "Jane Folder"): jane, ANNA: anna})
    write_database(tmp_path / "people" / "def", {Person(JANE.name, JANE.name): jane[:1], ANNA: anna})
    spooled = unit_vectors(3, 1)[0]
    with Spool(place, "f1") as spool:
        for person, vector, crop in ((JANE, spooled, b"spooled crop"), (ANNA, anna[0], b"kept crop")):
            photo = Photo(f"stash:{person.local_id}/9", "s", person.key)
            reference = Reference(photo.path, (0.0, 0.0, 9.0, 9.0), 0.9)
            spool.add(ReferencePhoto(photo, reference, vector, crop))
    stored = unit_vectors(4, 3)
    with RecommendationsDB(state_file(settings)) as state:
        fill_state(state, stored)
        with closing(sqlite3.connect(state_file(settings))) as connection, connection:
            connection.execute(
                "INSERT INTO recommendations (type, target_type, target_id, details) VALUES "
                "('x', 'performer', '47110815', ?), ('y', 'performer', '5', ?), "
                "('z', 'performer', '5', '{}')",
                (f'{{"name": "{JANE.name}"}}', f'{{"twin": "{UUID.upper()}"}}'),
            )
        create_backup(state_file(settings))
        fill_jobs(settings)
        (tmp_path / "jobs.db.damaged-20260101-000000").write_bytes(b"was " + JANE.name.encode())
    leftover = tmp_path / ".making-killed"
    leftover.write_bytes(b"half a copy of " + JANE.name.encode())
    os.utime(leftover, (0, 0))
    needles = [JANE.name, JANE.name.encode("unicode_escape").decode(), JANE.name.replace("é", "\\u00e9")]
    needles += [UUID, UUID.upper(), FORMER_UUID, "local:47110815", "Jane Folder", "47110815"]
    vectors = [*jane, spooled, *stored[:2]]
    parts = [part for vector in vectors for part in (vector, vector[:8], vector[8:])]
    raw = [part.astype(kind).tobytes() for part in parts for kind in ("<f4", "<f2")]
    crops = [b"crop of Jan", b"spooled crop", b"crop in a scene"]
    return KnownEverywhere(settings, (*map(str.encode, needles), *raw, *crops))


def fill_state(state: RecommendationsDB, stored: np.ndarray) -> None:
    """Two images and a scene with Jane, a decision on her, one on Anna, and tags of both."""
    jane = StoredMatch(JANE.key, 0.2, name=JANE.name, facts=person_facts(JANE), reference_id="r-1")
    former = StoredMatch(f"stashdb.org:{FORMER_UUID}", 0.2, name="Jane Before")
    anna = StoredMatch(ANNA.key, 0.3, name=ANNA.name, facts=person_facts(ANNA))

    def face(x: float, vector: np.ndarray, *candidates: StoredMatch) -> DetectedFace:
        verdict = "match" if candidates else "unknown"
        return DetectedFace(
            Box(x, 0.1, 0.2, 0.2),
            0.9,
            verdict,
            f"like {candidates[0].name}" if candidates else "",
            candidates,
            facenet=vector[:8],
            arcface=vector[8:],
        )

    def image(name: str, *faces: DetectedFace) -> ImageResult:
        picture = PictureIdentity.of([("md5", f"contents of {name}")])
        return ImageResult(name, picture=picture, pack="f1", db_version="v1", faces=faces)

    first = image("1", face(0.1, stored[0], jane, anna), face(0.6, stored[2], anna))
    state.store_image_result(image("4", face(0.1, stored[0], former)))
    state.store_image_results(
        [first, image("2", face(0.1, stored[1])), image("3", face(0.1, stored[2], anna))]
    )
    state.follow_people(
        lambda keys: {key: JANE for key in keys if key in (JANE.key, f"stashdb.org:{FORMER_UUID}")}
    )
    state.decide(state.get_image_result("2").faces[0].face_id, "confirmed", JANE.key, JANE.name)
    state.decide(state.get_image_result("3").faces[0].face_id, "rejected", JANE.key, JANE.name)
    state.decide(state.get_image_result("1").faces[1].face_id, "confirmed", ANNA.key)
    for local_id, target in (("47110815", "1"), ("5", "3")):
        entry = state.journal_begin("image", [target], local_id)
        state.journal_complete(entry.entry_id, "done", [target])


def fill_jobs(settings: Settings) -> None:
    """A finished job that names Jane, one that names Anna, and a queued one with a part of its result."""
    jobs = JobsFile(jobs_file(settings))
    for person in (JANE, ANNA):
        jobs.add("gallery", f"gallery:{person.local_id}", {"gallery_id": "1"}, 10)
        job = jobs.start_next()
        result: dict[str, Any] = {"performers": [{"performer_id": person.key, "name": person.name}]}
        jobs.finish(replace(job, status="done", result=result))
    jobs.add("gallery", "gallery:9", {"gallery_id": "9"}, 10)
    job = jobs.start_next()
    jobs.save_progress(replace(job, result={"performers": [{"name": JANE.name}]}))
    jobs.close()
