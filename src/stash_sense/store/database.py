"""RecommendationsDB: the state file with a method for each thing one does with it."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from stash_sense.errors import BadInput
from stash_sense.store.connection import BUSY_SECONDS
from stash_sense.store.methods.care import CareMethods
from stash_sense.store.methods.fingerprints import FingerprintMethods
from stash_sense.store.methods.recognition import RecognitionMethods
from stash_sense.store.methods.words import WordMethods
from stash_sense.store.migrations import bring_up_to_date
from stash_sense.store.pool import Pool


class RecommendationsDB(FingerprintMethods, RecognitionMethods, WordMethods, CareMethods):
    """The state file at `path`, created or migrated on opening; safe from any thread and process.

    Raises NotAStateFile, NewerState, StateDamaged, MigrationFailed, DiskFull, StateUnwritable or
    StateBusy on opening, the last three and StateDamaged from any method. `migrated_from` is where the
    file was copied to before its migration, if it had one. Close it, or use it in a `with`.
    """

    def __init__(self, path: str | os.PathLike[str], busy_seconds: float = BUSY_SECONDS) -> None:
        if os.fspath(path) in ("", ":memory:"):
            raise BadInput(f"The state's path is {os.fspath(path)!r}; give the path of a file.")
        self.path = Path(path).absolute()
        self.migrated_from = bring_up_to_date(self.path, busy_seconds)
        self._pool = Pool(self.path, busy_seconds)

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
