"""A result for another image of the same picture: no image is fetched, no network runs."""

import sqlite3
from collections.abc import Sequence

from stash_sense.errors import NotStored
from stash_sense.store.faces import DetectedFace, faces_of
from stash_sense.store.pictures import picture_by_number, picture_of_image
from stash_sense.store.results import ImageResult, StoredImage, get_image_result, store_image_result


def adopt_image_result(
    connection: sqlite3.Connection, source_image_id: str, stash_image_id: str, gallery_ids: Sequence[str] = ()
) -> StoredImage:
    """Give `stash_image_id` what the run on `source_image_id` found; decisions on the picture hold for both.

    Raises NotStored where the source has no result.
    """
    known = get_image_result(connection, source_image_id)
    picture = picture_of_image(connection, source_image_id)
    if known is None or picture is None:
        raise NotStored(f"Image {source_image_id} has no stored result; identify it first.")
    faces = [
        DetectedFace(
            face.box,
            face.detection_confidence,
            face.verdict,
            face.reason,
            face.candidates,
            face.quality,
            face.landmarks,
            face.facenet,
            face.arcface,
            face.details,
        )
        for face in faces_of(connection, known.fingerprint_id, embeddings=True, as_found=True)
    ]
    result = ImageResult(
        stash_image_id,
        picture_by_number(connection, picture),
        known.pack,
        known.db_version,
        faces,
        gallery_ids,
        known.source,
        known.width,
        known.height,
        known.settings,
    )
    return store_image_result(connection, result)
