"""What is done with the face database as a whole while the sidecar serves."""

import asyncio

from stash_sense.facedb.versions import Rollback, roll_back
from stash_sense.runtime.from_settings import database_dir
from stash_sense.runtime.services import Services


async def roll_back_database(services: Services) -> Rollback:
    """Use the version that the last build replaced, or undo that. Work that runs keeps its version.

    Raises what `roll_back` raises.
    """
    recognizer = services.recognition.current
    fingerprint = recognizer.pack.fingerprint if recognizer else None
    rollback = await asyncio.to_thread(roll_back, database_dir(services.settings), fingerprint)
    await services.use_newest_database()
    return rollback
