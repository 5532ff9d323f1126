"""Whole results of images: stored at once or not at all, and read back without inference."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.decisions import decisions_by_face
from stash_sense.domain.faces import Box, pair_boxes
from stash_sense.domain.identity import PictureIdentity
from stash_sense.domain.validation import (
    canonical_json,
    parse_json_object,
    validate_integer,
    validate_optional_text,
    validate_stash_id,
    validate_text,
)
from stash_sense.errors import BadInput, NotStored, StashSenseError
from stash_sense.store.connection import savepoint
from stash_sense.store.repositories import pictures
from stash_sense.store.repositories.decisions import decisions_on_picture, move_decisions
from stash_sense.store.repositories.face_upserts import upsert_faces
from stash_sense.store.repositories.faces import (
    DetectedFace,
    StoredFace,
    as_detected,
    boxes_by_image,
    faces_by_image,
)
from stash_sense.store.repositories.fingerprints import (
    add_galleries,
    create_image_fingerprint,
    galleries_by_image,
)
from stash_sense.store.repositories.rematching import refresh_named_performers, write_named_performers

RUN_COLUMNS = """i.stash_image_id, i.id, r.pack, r.db_version, r.source, r.width, r.height, r.settings,
           r.stored_at"""
_COPIED = ("pack", "db_version", "source", "width", "height", "settings")


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """What one run found on one image, to be stored. Raises BadInput.

    source: `original` or `thumbnail`. width, height: of the upright image, pixels. settings: of the run.
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
    """The ids of a stored result; face_ids: in the order of its faces."""

    stash_image_id: str
    fingerprint_id: int
    face_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The images that were stored, and the image ids that were not, with the reason."""

    stored: tuple[StoredImage, ...]
    failed: tuple[tuple[str, StashSenseError], ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredResult:
    """An image's result as the state stores it; see ImageResult. stored_at: UTC."""

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
    """Replace an image's stored result. A face that is found again keeps its id and its decisions."""
    image = validate_stash_id("stash_image_id", result.stash_image_id)
    *others, gallery = result.gallery_ids or (None,)
    fingerprint_id = create_image_fingerprint(
        connection, image, len(result.faces), gallery, result.db_version
    )
    add_galleries(connection, fingerprint_id, [validate_stash_id("gallery id", other) for other in others])
    picture_id = pictures.upsert_picture(connection, result.picture)
    former = connection.execute(
        "SELECT picture_id FROM stash_sense_image_results WHERE image_fingerprint_id = ?", (fingerprint_id,)
    ).fetchone()
    same_picture = former is not None and former[0] == picture_id
    former_faces = boxes_by_image(connection, [fingerprint_id]).get(fingerprint_id, [])
    boxes = [face.box for face in result.faces]
    pairs = pair_boxes(boxes, [box for _, box in former_faces]) if same_picture else {}
    kept = {former_faces[old][0] for old in pairs.values()}
    connection.executemany(
        "DELETE FROM stash_sense_faces WHERE id = ?",
        [(face_id,) for face_id, _ in former_faces if face_id not in kept],
    )
    has_decisions = _move_decisions(connection, picture_id, former_faces, boxes, pairs)
    former_ids = [former_faces[pairs[index]][0] if index in pairs else None for index in range(len(boxes))]
    face_ids = upsert_faces(connection, fingerprint_id, result.pack, result.faces, former_ids)
    _upsert_run(connection, fingerprint_id, picture_id, result)
    if former is not None and not same_picture:
        pictures.delete_unused_pictures(connection, [former[0]])
    if has_decisions:
        refresh_named_performers(connection, [fingerprint_id])
    else:
        write_named_performers(connection, {image: result.faces})
    return StoredImage(image, fingerprint_id, face_ids)


def _move_decisions(
    connection: sqlite3.Connection,
    picture_id: int,
    former_faces: Sequence[tuple[int, Box]],
    boxes: Sequence[Box],
    pairs: Mapping[int, int],
) -> bool:
    """Move a picture's decisions with its faces, so that small moves never add up. Whether it has any."""
    decisions = decisions_on_picture(connection, picture_id)
    if decisions and pairs:
        on_former = decisions_by_face([box for _, box in former_faces], decisions)
        move_decisions(
            connection,
            {decision.decision_id: boxes[new] for new, old in pairs.items() for decision in on_former[old]},
        )
    return bool(decisions)


def _upsert_run(
    connection: sqlite3.Connection, fingerprint_id: int, picture_id: int, result: ImageResult
) -> None:
    connection.execute(
        """INSERT INTO stash_sense_image_results (image_fingerprint_id, picture_id, pack, db_version, source,
             width, height, settings, face_count, stored_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, datetime('now'))
           ON CONFLICT (image_fingerprint_id) DO UPDATE SET picture_id = excluded.picture_id,
             pack = excluded.pack, db_version = excluded.db_version, source = excluded.source,
             width = excluded.width, height = excluded.height, settings = excluded.settings,
             face_count = excluded.face_count, stored_at = excluded.stored_at""",
        (
            fingerprint_id,
            picture_id,
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
    """Store several in the open transaction, one savepoint each: a refused image affects no other."""
    stored, failed = [], []
    for result in results:
        try:
            with savepoint(connection, "image"):
                stored.append(store_image_result(connection, result))
        except StashSenseError as error:
            failed.append((str(result.stash_image_id), error))
    return BatchOutcome(tuple(stored), tuple(failed))


def copy_image_result(
    connection: sqlite3.Connection, source_image_id: str, stash_image_id: str, gallery_ids: Sequence[str] = ()
) -> StoredImage:
    """Store the result of another image of the same picture. Raises NotStored where that has none."""
    source = get_image_result(connection, source_image_id, embeddings=True, decided=False)
    picture_id = pictures.picture_id_of_image(connection, source_image_id)
    if source is None or picture_id is None:
        raise NotStored(f"Image {source_image_id} has no stored result; identify it first.")
    run = {name: getattr(source, name) for name in _COPIED}
    identity = pictures.get_picture(connection, picture_id)
    faces = [as_detected(face) for face in source.faces]
    return store_image_result(
        connection, ImageResult(stash_image_id, identity, faces=faces, gallery_ids=gallery_ids, **run)
    )


def get_image_result(
    connection: sqlite3.Connection, stash_image_id: str, *, embeddings: bool = False, decided: bool = True
) -> StoredResult | None:
    """The stored result of an image; for the options see `faces_by_image`."""
    image = validate_stash_id("stash_image_id", stash_image_id)
    rows = connection.execute(
        f"""SELECT {RUN_COLUMNS} FROM stash_sense_image_results r
            JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
            WHERE i.stash_image_id = ?""",  # noqa: S608  our columns
        (image,),
    ).fetchall()
    return read_results(connection, rows, embeddings=embeddings, decided=decided).get(image)


def get_image_results(
    connection: sqlite3.Connection, images: Sequence[tuple[str, PictureIdentity]]
) -> dict[str, StoredResult]:
    """By image id, the results of those images that are stored with this identity; with embeddings.

    Decisions are not applied. Made for the images of a gallery at once.
    """
    identities = dict(images)
    rows = connection.execute(
        f"""SELECT {RUN_COLUMNS}, r.picture_id, p.place FROM json_each(?) wanted
            CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
            JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
            JOIN stash_sense_pictures p ON p.id = r.picture_id""",  # noqa: S608  our columns
        (json.dumps(list(identities)),),
    ).fetchall()
    fingerprints = pictures.fingerprints_by_picture(connection, [row[-2] for row in rows])
    same = [row for row in rows if identities[row[0]].is_same_as(fingerprints.get(row[-2], {}), row[-1])]
    return read_results(connection, [row[:-2] for row in same], embeddings=True, decided=False)


def find_image_result(
    connection: sqlite3.Connection,
    picture: PictureIdentity,
    pack: str,
    db_version: str | None,
    stash_image_id: str | None = None,
    any_version: bool = False,
    embeddings: bool = False,
) -> StoredResult | None:
    """A result of the same picture, pack and database version, to be used instead of inference.

    The result of `stash_image_id` comes first, then those of other images of the picture. any_version: also
    accept one whose embeddings must be matched again. Decisions are applied.
    """
    picture_id = pictures.find_picture(connection, picture)
    if picture_id is None:
        return None
    rows = connection.execute(
        f"""SELECT {RUN_COLUMNS} FROM stash_sense_image_results r
           JOIN image_fingerprints i ON i.id = r.image_fingerprint_id
           WHERE r.picture_id = ?1 AND r.pack = ?2 AND (?5 OR r.db_version IS ?3)
           ORDER BY r.db_version IS NOT ?3, i.stash_image_id IS NOT ?4, r.stored_at DESC
           LIMIT 1""",  # noqa: S608  our columns
        (picture_id, pack, db_version, stash_image_id, any_version),
    ).fetchall()
    return next(iter(read_results(connection, rows, embeddings=embeddings, decided=True).values()), None)


def read_results(
    connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], *, embeddings: bool, decided: bool
) -> dict[str, StoredResult]:
    """By image id, rows of RUN_COLUMNS with their galleries and faces."""
    ids = [row[1] for row in rows]
    galleries = galleries_by_image(connection, ids)
    faces = faces_by_image(connection, ids, embeddings=embeddings, decided=decided)
    return {
        row[0]: StoredResult(*(*row[:7], parse_json_object(row[7]), row[8], *extra))
        for row in rows
        for extra in [(galleries.get(row[1], ()), faces.get(row[1], ()))]
    }
