"""One image's whole result: stored at once or not at all, and read back without images or inference."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.boxes import pair_boxes
from stash_sense.domain.decisions import decisions_by_face
from stash_sense.domain.images import PictureIdentity
from stash_sense.domain.validation import (
    canonical_json,
    parse_json_object,
    validate_integer,
    validate_optional_text,
    validate_stash_id,
    validate_text,
)
from stash_sense.errors import BadInput, StashSenseError
from stash_sense.store.decisions import decisions_on, move
from stash_sense.store.faces import DetectedFace, StoredFace, boxes_of, faces_of, faces_of_images, put_face
from stash_sense.store.galleries import galleries_of, galleries_of_many, remember_gallery
from stash_sense.store.images import create_image_fingerprint
from stash_sense.store.pictures import find_picture, forget_unused_pictures, prints_of_many, remember_picture
from stash_sense.store.rebuild import savepoint
from stash_sense.store.version6 import name_faces, show_in_version_6

BATCH = 64  # images in one transaction: what a killed process may lose, and others may wait for


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """What one run found on one image. `settings` are the knobs it ran with, `source` is `original` or
    `thumbnail`, `width` and `height` are the upright image's pixels. Raises BadInput.
    """

    stash_image_id: str
    picture: PictureIdentity
    pack: str
    db_version: str | None
    faces: Sequence[DetectedFace] = ()
    gallery_ids: Sequence[str] = ()
    source: str = "original"
    width: int | None = None
    height: int | None = None
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        validate_stash_id("stash_image_id", self.stash_image_id)
        validate_text("pack", self.pack)
        validate_optional_text("db_version", self.db_version)
        validate_text("source", self.source)
        for name in ("width", "height"):
            if getattr(self, name) is not None:
                validate_integer(name, getattr(self, name), 1)
        if isinstance(self.gallery_ids, str):
            raise BadInput(f"gallery_ids is the text {self.gallery_ids!r}; give a list of ids.")
        for gallery in self.gallery_ids:
            validate_stash_id("gallery id", gallery)


@dataclass(frozen=True, slots=True)
class StoredImage:
    """What storing gave back: `face_ids` in the order of the result's faces."""

    stash_image_id: str
    fingerprint_id: int
    face_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The images that were stored, and those that were not with why; neither touches the other."""

    stored: tuple[StoredImage, ...]
    failed: tuple[tuple[str, StashSenseError], ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredResult:
    """An image's result as the state holds it. `stored_at` is UTC."""

    stash_image_id: str
    fingerprint_id: int
    pack: str
    db_version: str | None
    source: str
    width: int | None
    height: int | None
    settings: Mapping[str, Any] | None
    stored_at: str
    gallery_ids: tuple[str, ...]
    faces: tuple[StoredFace, ...]


def store_image_result(connection: sqlite3.Connection, result: ImageResult) -> StoredImage:
    """Store a run over what was known of the image. A face found again keeps its id and its decisions."""
    image = validate_stash_id("stash_image_id", result.stash_image_id)
    *others, gallery = result.gallery_ids or (None,)
    fingerprint = create_image_fingerprint(connection, image, len(result.faces), gallery, result.db_version)
    for other in others:
        remember_gallery(connection, fingerprint, validate_stash_id("gallery id", other))
    picture = remember_picture(connection, result.picture)
    former = connection.execute(
        "SELECT picture_id FROM stash_sense_image_results WHERE image_fingerprint_id = ?", (fingerprint,)
    ).fetchone()
    same = former is not None and former[0] == picture
    known = boxes_of(connection, fingerprint) if same else []
    pairs = pair_boxes([face.box for face in result.faces], [box for _, box in known])
    kept = {known[j][0] for j in pairs.values()}
    if former is not None:
        gone = [(i,) for i, _ in boxes_of(connection, fingerprint) if i not in kept]
        connection.executemany("DELETE FROM stash_sense_faces WHERE id = ?", gone)
    decisions = decisions_on(connection, picture)
    if same and decisions:
        decided = decisions_by_face([box for _, box in known], decisions)
        for new, old in pairs.items():
            for decision in decided[old]:
                move(connection, decision.decision_id, result.faces[new].box)
    face_ids = tuple(
        put_face(
            connection,
            fingerprint,
            index,
            result.pack,
            face,
            known[pairs[index]][0] if index in pairs else None,
        )
        for index, face in enumerate(result.faces)
    )
    _put_run(connection, fingerprint, picture, result)
    if former is not None and not same:
        forget_unused_pictures(connection, [former[0]])
    if decisions:
        show_in_version_6(connection, [fingerprint])
    else:
        name_faces(connection, image, result.faces)
    return StoredImage(image, fingerprint, face_ids)


def _put_run(connection: sqlite3.Connection, fingerprint: int, picture: int, result: ImageResult) -> None:
    connection.execute(
        """INSERT INTO stash_sense_image_results (image_fingerprint_id, picture_id, pack, db_version, source,
             width, height, settings, face_count, stored_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, datetime('now'))
           ON CONFLICT (image_fingerprint_id) DO UPDATE SET picture_id = excluded.picture_id,
             pack = excluded.pack, db_version = excluded.db_version, source = excluded.source,
             width = excluded.width, height = excluded.height, settings = excluded.settings,
             face_count = excluded.face_count, stored_at = excluded.stored_at""",
        (
            fingerprint,
            picture,
            result.pack,
            result.db_version,
            result.source,
            result.width,
            result.height,
            canonical_json("settings", result.settings),
            len(result.faces),
        ),
    )


def store_image_results(connection: sqlite3.Connection, results: Sequence[ImageResult]) -> BatchOutcome:
    """Store several in the open transaction, one savepoint each: a refused image takes only itself along."""
    stored, failed = [], []
    for result in results:
        try:
            with savepoint(connection, "image"):
                stored.append(store_image_result(connection, result))
        except StashSenseError as error:
            failed.append((str(result.stash_image_id), error))
    return BatchOutcome(tuple(stored), tuple(failed))


def get_image_result(
    connection: sqlite3.Connection, stash_image_id: str, *, embeddings: bool = False
) -> StoredResult | None:
    """The stored result of an image, whichever picture, pack and database it was made with."""
    found = connection.execute(
        "SELECT id FROM image_fingerprints WHERE stash_image_id = ?",
        (validate_stash_id("stash_image_id", stash_image_id),),
    ).fetchone()
    return None if found is None else _read(connection, found[0], embeddings=embeddings)


def get_image_results(
    connection: sqlite3.Connection, wanted: Sequence[tuple[str, PictureIdentity]]
) -> dict[str, StoredResult]:
    """Of images (id, picture), those whose own stored result shows the same picture, with embeddings.

    Verdicts and candidates are as found; decisions stand beside them. For a gallery's worth at a time.
    """
    pictures = dict(wanted)
    rows = connection.execute(
        f"""SELECT {_RUN}, r.picture_id, p.place FROM json_each(?) wanted
            CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
            JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
            JOIN stash_sense_pictures p ON p.id = r.picture_id""",  # noqa: S608  our columns
        (json.dumps(list(pictures)),),
    ).fetchall()
    prints = prints_of_many(connection, [row[-2] for row in rows])
    rows = [row for row in rows if pictures[row[0]].is_same_as(prints.get(row[-2], {}), row[-1])]
    wanted_prints = [row[1] for row in rows]
    galleries = galleries_of_many(connection, wanted_prints)
    faces = faces_of_images(connection, wanted_prints, embeddings=True, as_found=True)
    return {row[0]: _stored(row[:9], galleries.get(row[1], ()), faces.get(row[1], ())) for row in rows}


def find_image_result(
    connection: sqlite3.Connection,
    picture: PictureIdentity,
    pack: str,
    db_version: str | None,
    stash_image_id: str | None = None,
    *,
    any_version: bool = False,
    embeddings: bool = False,
) -> StoredResult | None:
    """A result to use instead of inference: same picture, pack and database version.

    Prefers `stash_image_id`'s own; another image of the same picture serves as well. `any_version`
    finds one whose embeddings can be matched anew.
    """
    number = find_picture(connection, picture)
    if number is None:
        return None
    found = connection.execute(
        """SELECT r.image_fingerprint_id FROM stash_sense_image_results r
           JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
           WHERE r.picture_id = ?1 AND r.pack = ?2 AND (?5 OR r.db_version IS ?3)
           ORDER BY r.db_version IS NOT ?3, i.stash_image_id IS NOT ?4, r.stored_at DESC LIMIT 1""",
        (number, pack, db_version, stash_image_id, any_version),
    ).fetchone()
    return None if found is None else _read(connection, found[0], embeddings=embeddings)


_RUN = """i.stash_image_id, i.id, r.pack, r.db_version, r.source, r.width, r.height, r.settings,
           r.stored_at"""


def _read(connection: sqlite3.Connection, fingerprint: int, *, embeddings: bool) -> StoredResult | None:
    row = connection.execute(
        f"""SELECT {_RUN} FROM stash_sense_image_results r
            JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
            WHERE i.id = ?""",  # noqa: S608  our columns
        (fingerprint,),
    ).fetchone()
    if row is None:
        return None
    galleries = galleries_of(connection, fingerprint)
    return _stored(row, galleries, faces_of(connection, fingerprint, embeddings=embeddings))


def _stored(row: tuple[Any, ...], galleries: tuple[str, ...], faces: tuple[StoredFace, ...]) -> StoredResult:
    return StoredResult(*(*row[:7], parse_json_object(row[7]), row[8], galleries, faces))
