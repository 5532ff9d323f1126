"""A face database on disk: enrolled people and their reference embeddings. Open, write, search."""

from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.errors import BadDatabase, NoDatabase, WriteFailed
from stash_sense.facedb.layout import Person, Photo, Reference
from stash_sense.facedb.search import Neighbours
from stash_sense.facedb.spool import Looked, Spool
from stash_sense.facedb.writer import DatabaseWriter

__all__ = [
    "BadDatabase",
    "DatabaseWriter",
    "FaceDatabase",
    "Looked",
    "Neighbours",
    "NoDatabase",
    "Person",
    "Photo",
    "Reference",
    "Spool",
    "WriteFailed",
]
