"""Decisions as a source of a face database: faces of the library that a person confirmed."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import FaceId
from stash_sense.domain.identity import person_from_facts
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import DatabaseBuild
from stash_sense.enrolment.building import finish_build, open_when_free
from stash_sense.enrolment.quarantine import reference_distances
from stash_sense.enrolment.quarantine_list import QuarantineList, photo_id
from stash_sense.enrolment.remove_source import remove_source
from stash_sense.enrolment.report import (
    BuildReport,
    EnrolledPerson,
    other_sources_json,
    skipped_photo_json,
)
from stash_sense.enrolment.selection import MOST_REFERENCES, choose_to_differ
from stash_sense.enrolment.set_aside import poor_face
from stash_sense.enrolment.source_ids import DECISIONS
from stash_sense.errors import Conflict
from stash_sense.facedb.analyzed_photos import ReferencePhoto
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Reference
from stash_sense.faces.engine import SLOTS
from stash_sense.media.formats import DEFAULT_LIMITS
from stash_sense.recognition.parameters import pack_key
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.recognition.stored_faces import quality_from_details
from stash_sense.store.repositories.confirmed_faces import ConfirmedFace

MOST_COMPARED = 500
"""Of a person's confirmed faces so many of the best are compared: each with all others."""

CropOf = Callable[[FaceId], Awaitable[bytes]]
"""A JPEG of a stored face; empty where there is none to be had now."""


class ConfirmedFaces(Protocol):
    """The state, as far as it is needed here."""

    def confirmed_faces(self, pack: str) -> list[ConfirmedFace]:
        """Every confirmed face with embeddings of this pack. Blocks."""
        ...


async def build_from_decisions(
    state: ConfirmedFaces,
    place: Path,
    pack: LoadedPack,
    progress: Progress,
    crop_of: CropOf,
    *,
    learn: bool,
) -> BuildReport | None:
    """Bring the references that were learned from decisions up to date; None where there are none at all.

    Of each person at most MOST_REFERENCES faces that are good enough, chosen to differ. A face whose
    confirmation was taken back is dropped. learn: take new faces too. Cancelling keeps the old database.
    Raises NoDatabase, BadDatabase, Conflict for a database of another pack, WriteFailed, StateErrors.
    """
    before = await asyncio.to_thread(_sources, place, pack)
    with ExitStack() as stack:
        build = await open_when_free(place, pack, DECISIONS, DEFAULT_LIMITS, stack)
        confirmed = await asyncio.to_thread(state.confirmed_faces, pack_key(pack))
        candidates = [_Candidate(face) for face in confirmed]
        if not learn:
            candidates = [each for each in candidates if each.photo.path in build.stored]
        aside = QuarantineList.read(place).set_aside
        people = await asyncio.to_thread(_choose, candidates, aside, pack)
        people = {person: own for person, own in people.items() if not build.forgotten.covers(person.person)}
        progress.start("Learning", len(people))
        for number, own in enumerate(people.values(), 1):
            for candidate in own:
                await _take(build, candidate, crop_of)
            progress.update(number, people=number)
        if people:
            return await finish_build(build, partial(build.finish, list(people)))
    if DECISIONS not in before:
        return None
    removed = await asyncio.to_thread(remove_source, place, DECISIONS)
    return BuildReport(removed.version, 0, 0, 0, 0, (), (), (), gone=removed.gone)


def decisions_report_json(report: BuildReport | None, limit: int | None = None) -> dict[str, Any]:
    """The report for `database update --json` and the result of a job, with at most `limit` photos."""
    if report is None:
        return {"people": 0, "faces": 0, "skipped": [], "skipped_count": 0}
    return {
        "version": report.version,
        "people": report.people,
        "faces": report.faces,
        "embedded": report.analyzed,
        "reused": report.reused,
        "added": report.added,
        "updated": report.updated,
        "skipped": [skipped_photo_json(photo) for photo in report.skipped[:limit]],
        "skipped_count": len(report.skipped),
        "gone": list(report.gone),
    } | other_sources_json(report, limit)


class _Candidate:
    """A confirmed face as a photo of a database."""

    def __init__(self, face: ConfirmedFace) -> None:
        vectors = {"arcface": face.arcface, "facenet": face.facenet}
        # As stored they are rounded; those of an empty slot have no numbers.
        self.vector = np.concatenate([_unit(vectors[slot]) for slot in SLOTS]).astype(np.float32)
        self.face = face
        self.person = person_from_facts(
            face.decision.performer_id or "", face.decision.name, face.decision.facts
        )
        self.quality = quality_from_details(face.quality, face.details)
        stamp = hashlib.sha256(self.vector.tobytes()).hexdigest()[:32]
        fault = self.quality.reason
        self.photo = Photo(f"face:{face.face_id}", stamp, self.person.key, poor_face(fault) if fault else "")

    def reference_photo(self, crop: bytes) -> ReferencePhoto:
        box = self.face.box
        sides = (box.x, box.y, box.x + box.w, box.y + box.h)
        reference = Reference(self.photo.path, sides, self.quality.score)
        return ReferencePhoto(self.photo, reference, self.vector, crop)


def _sources(place: Path, pack: LoadedPack) -> tuple[str, ...]:
    with FaceDatabase.open(place) as database:
        if database.manifest.pack_fingerprint != pack.fingerprint:
            raise Conflict(
                "The face database was made with another model pack. Build it again first; then faces that "
                "were confirmed can be learned."
            )
        return database.manifest.sources


def _choose(
    candidates: Sequence[_Candidate], aside: frozenset[str], pack: LoadedPack
) -> dict[EnrolledPerson, list[_Candidate]]:
    """Of each person, the faces to learn, and those to list as refused or set aside by hand."""
    by_key: dict[str, list[_Candidate]] = {}
    for candidate in candidates:
        by_key.setdefault(candidate.person.key, []).append(candidate)
    people: dict[EnrolledPerson, list[_Candidate]] = {}
    for own in by_key.values():
        usable: list[_Candidate] = []
        refused: list[_Candidate] = []
        for each in own:
            is_refused = each.photo.skipped or photo_id(each.photo) in aside
            (refused if is_refused else usable).append(each)
        best = sorted(usable, key=lambda each: -each.quality.score)[:MOST_COMPARED]
        chosen: list[_Candidate] = []
        if best:
            distances = reference_distances(np.stack([each.vector for each in best]), pack)
            chosen = [best[at] for at in choose_to_differ(distances, [], range(len(best)), MOST_REFERENCES)]
        paths = tuple(each.photo.path for each in (*chosen, *refused))
        people[EnrolledPerson(own[-1].person, paths)] = [*chosen, *refused]
    return people


async def _take(build: DatabaseBuild, candidate: _Candidate, crop_of: CropOf) -> None:
    photo = candidate.photo
    stored = build.stored.get(photo.path)
    if photo.skipped:
        build.note(photo)
    elif stored and not stored.photo.skipped and stored.photo.stamp == photo.stamp:
        build.photos[photo.path] = replace(stored, photo=photo)
    else:
        build.add(candidate.reference_photo(await crop_of(candidate.face.face_id)))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
