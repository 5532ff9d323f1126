"""Builds everything from Settings and closes it: the one composition root."""

from stash_sense.services.recognition import (
    DATABASE,
    PEOPLE_DATABASES,
    calibrate_pack,
    database_place,
    enrol,
    folders_place,
    open_pack,
    open_recognizer,
    recognizer,
    state_file,
)

__all__ = [
    "DATABASE",
    "PEOPLE_DATABASES",
    "calibrate_pack",
    "database_place",
    "enrol",
    "folders_place",
    "open_pack",
    "open_recognizer",
    "recognizer",
    "state_file",
]
