"""The state of Stash Sense in one SQLite file: what was recognised, decided and tagged."""

from stash_sense.errors import (
    Conflict,
    DiskFull,
    MigrationFailed,
    NewerState,
    NotAStateFile,
    NotStored,
    StateBusy,
    StateDamaged,
    StateError,
    StateUnwritable,
)
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.exchange import Imported
from stash_sense.store.faces import DetectedFace, StoredFace
from stash_sense.store.honour import Decision, Outcome, honour
from stash_sense.store.journal import JournalEntry
from stash_sense.store.people import Candidate
from stash_sense.store.pictures import Picture
from stash_sense.store.places import Box
from stash_sense.store.privacy import Deleted
from stash_sense.store.rematch import EmbeddingBatch, FaceMatches, MatchUpdate
from stash_sense.store.results import BatchOutcome, ImageResult, StoredImage, StoredResult
from stash_sense.store.scenes import SceneFace

__all__ = [
    "BatchOutcome",
    "Box",
    "Candidate",
    "Conflict",
    "Decision",
    "Deleted",
    "DetectedFace",
    "DiskFull",
    "EmbeddingBatch",
    "FaceMatches",
    "ImageResult",
    "Imported",
    "JournalEntry",
    "MatchUpdate",
    "MigrationFailed",
    "NewerState",
    "NotAStateFile",
    "NotStored",
    "Outcome",
    "Picture",
    "RecommendationsDB",
    "SceneFace",
    "StateBusy",
    "StateDamaged",
    "StateError",
    "StateUnwritable",
    "StoredFace",
    "StoredImage",
    "StoredResult",
    "honour",
]
