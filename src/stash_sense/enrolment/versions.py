import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stash_sense.domain.faces import EmbeddedFace
from stash_sense.domain.people import Person
from stash_sense.errors import BadDatabase, NoDatabase
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo, Reference, Slot
from stash_sense.facedb.spool import Looked
from stash_sense.facedb.writer import DatabaseWriter
from stash_sense.recognition.recognizer import SLOTS, LoadedPack

log = logging.getLogger(__name__)


def new_version(place: Path, pack: LoadedPack, *, wait: bool = True) -> DatabaseWriter:
    """A build with this pack."""
    slots = [Slot(name=slot, dimension=pack.dimensions[slot]) for slot in SLOTS]
    return DatabaseWriter(place, pack=pack.id, pack_fingerprint=pack.fingerprint, slots=slots, wait=wait)


def add_person(writer: DatabaseWriter, person: Person, photos: Sequence[Looked]) -> int:
    """Enrol somebody with the faces that were taken from their photos, if any; how many."""
    taken = [(one.reference, one.vector, one.crop) for one in photos]
    faces = [(ref, vector, crop) for ref, vector, crop in taken if ref is not None and vector is not None]
    if faces:
        references, vectors, crops = zip(*faces, strict=True)
        writer.add_person(person, references, np.stack(vectors), crops)
    return len(faces)


def looked_at(photo: Photo, face: EmbeddedFace, crop: bytes = b"") -> Looked:
    """A photo with the face that was taken of it. crop: see Looked."""
    x1, y1, x2, y2 = (round(float(side), 1) for side in face.box)
    reference = Reference(photo.path, (x1, y1, x2, y2), face.quality.score)
    return Looked(photo, reference, np.concatenate([face.embeddings[slot] for slot in SLOTS]), crop)


def current_database(place: Path) -> FaceDatabase | None:
    """The database in use at the place, for the caller to close; None where there is none to build upon."""
    try:
        return FaceDatabase.open(place)
    except NoDatabase:
        return None
    except BadDatabase as error:  # this build is what mends it
        log.warning("%s", error)
        return None
