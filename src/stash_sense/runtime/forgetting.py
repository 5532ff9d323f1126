"""Deleting a person for good, wherever Stash Sense keeps them.

Who is to be deleted is written down first, so that whatever is killed, the next start finishes it.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from stash_sense.enrolment.forget import RemovedFaces, remove_person
from stash_sense.enrolment.forgotten import ForgottenPeople, ForgottenPerson
from stash_sense.errors import BadDatabase, Conflict, NotStored
from stash_sense.files import explained_write_errors, remove_leftovers, sync_directory, write_atomically
from stash_sense.private_files import open_regular
from stash_sense.runtime.from_settings import database_dir, jobs_file, state_file
from stash_sense.runtime.known_people import KnownPerson, database_places, open_state
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import create_backup, list_backups
from stash_sense.store.repositories.jobs_file import delete_from_jobs, hold_jobs_file
from stash_sense.store.repositories.person_deletion import mention_test

log = logging.getLogger(__name__)

PENDING = "forgetting.json"
"""Beside the face database: who is being deleted. It names the person, and goes at the end."""
_ABANDONED_S = 60.0


@dataclass(frozen=True, slots=True)
class ForgettingReport:
    """What was deleted. references, photos, versions: of face databases; see RemovedFaces.

    entry_id: under which the person is on the list. rows: of the state. mentions: table of an older program
    -> rows. jobs: deleted or emptied. backups: names of the copies that may have held the person, now gone;
    new_backup: of what is left, where there was one before.
    """

    entry_id: str
    references: int = 0
    photos: int = 0
    versions: int = 0
    rows: int = 0
    mentions: dict[str, int] = field(default_factory=dict)
    jobs: int = 0
    backups: tuple[str, ...] = ()
    new_backup: str = ""


def begin_forgetting(settings: Settings, person: KnownPerson) -> None:
    """Write down that the person is to be deleted. Raises NoSpace, CannotWrite."""
    place = database_dir(settings)
    place.mkdir(parents=True, exist_ok=True)
    pending = {"keys": person.keys, "names": person.names}
    write_atomically(place / PENDING, json.dumps(pending).encode("ascii"))


def remove_faces(settings: Settings) -> RemovedFaces:
    """Put the person who was written down on the list, and delete them from every face database.

    Nothing to do where nobody was written down. Raises BadDatabase, and as `remove_person`.
    """
    pending = _pending(settings)
    removed = RemovedFaces()
    if pending is None:
        return removed
    listed = ForgottenPeople.read(database_dir(settings)).adding(pending.keys, pending.names)
    for place in database_places(settings):
        listed.write(place)
        own = remove_person(place, pending.keys, mention_test(pending.keys, pending.names))
        removed = RemovedFaces(
            removed.references + own.references,
            removed.photos + own.photos,
            removed.versions + own.versions,
        )
    return removed


def finish_forgetting(
    settings: Settings, state: RecommendationsDB | None, removed: RemovedFaces
) -> ForgettingReport:
    """Delete the person who was written down from state, jobs and copies, after `remove_faces`.

    For the holder of the jobs file. state: the open one, if there is a file. Blocks for as long as rewriting
    the files takes. Raises StateError and StateBusy; what is left is done when it is called again.
    """
    pending = _pending(settings)
    if pending is None:
        raise Conflict("The person has been deleted meanwhile.")
    listed = ForgottenPeople.read(database_dir(settings))
    report = ForgettingReport(listed.find(pending.keys[0])[0].entry_id, **asdict(removed))
    if state is not None:
        deletion = state.delete_person(pending.keys, names=pending.names)
        report = replace(report, rows=deletion.rows, mentions=deletion.mentions)
    mentions = mention_test(pending.keys, pending.names)
    report = replace(report, jobs=delete_from_jobs(jobs_file(settings), mentions))
    report = _without_copies(settings, report)
    path = database_dir(settings) / PENDING
    with explained_write_errors(path):
        path.unlink()
        sync_directory(path.parent)
    log.info("a person was deleted for good: entry %s of the list", report.entry_id)
    return report


@contextmanager
def without_jobs(settings: Settings, wait_s: float = 0.0) -> Iterator[None]:
    """Keep jobs from running for the length of the block. Raises StateBusy where a sidecar is running."""
    lock = hold_jobs_file(jobs_file(settings), wait_s)
    try:
        yield
    finally:
        lock.release()


def resume_forgetting(settings: Settings) -> None:
    """Finish what was begun before a kill. Raises as `without_jobs` and `forget_person`."""
    if _pending(settings) is not None:
        with without_jobs(settings):
            _finish(settings)


def forget_person(settings: Settings, person: KnownPerson) -> ForgettingReport:
    """Delete a person, inside `without_jobs`. Raises as `remove_faces` and `finish_forgetting`."""
    if _pending(settings) is not None:
        _finish(settings)
    begin_forgetting(settings, person)
    return _finish(settings)


def _finish(settings: Settings) -> ForgettingReport:
    removed = remove_faces(settings)
    with open_state(settings) as state:
        return finish_forgetting(settings, state, removed)


def forgotten_people(settings: Settings) -> tuple[ForgottenPerson, ...]:
    """The list of those who were deleted. Raises BadDatabase."""
    return ForgottenPeople.read(database_dir(settings)).people


def lift_forgetting(settings: Settings, text: str) -> ForgottenPerson:
    """Let a deleted person be enrolled again. text: the entry's id, a key, or the exact name.

    Raises NotStored, and Conflict where several entries may be meant.
    """
    listed = ForgottenPeople.read(database_dir(settings))
    entries = listed.find(text)
    if not entries:
        raise NotStored(f"{text!r:.80} is nobody on the list of deleted people.")
    if len(entries) > 1:
        ids = ", ".join(entry.entry_id for entry in entries)
        raise Conflict(f"{text!r:.80} may mean {len(entries)} entries: {ids}. Give the id of one of them.")
    for place in database_places(settings):
        listed.without(entries[0]).write(place)
    return entries[0]


def _pending(settings: Settings) -> KnownPerson | None:
    path = database_dir(settings) / PENDING
    try:
        with open_regular(path) as file:
            raw = json.loads(file.read())
        return KnownPerson(tuple(map(str, raw["keys"])), tuple(map(str, raw["names"])))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDatabase(
            f"{path}: who was being deleted cannot be read. Remove the file and delete the person again."
        ) from error


def _without_copies(settings: Settings, report: ForgettingReport) -> ForgettingReport:
    """Remove the backups and damaged copies of state and jobs: what an older one holds, nobody can tell."""
    state, jobs = state_file(settings), jobs_file(settings)
    backups = list_backups(state)
    fresh = create_backup(state) if backups and state.exists() else None
    copies = {*backups, *state.parent.glob(f"{state.name}.damaged-*")}
    copies |= set(jobs.parent.glob(f"{jobs.name}.damaged-*"))
    remove_leftovers(settings.data_dir, min_age_s=_ABANDONED_S)  # of a copy that was killed
    gone = sorted(copies - {fresh})
    for copy in gone:
        with explained_write_errors(copy):
            copy.unlink(missing_ok=True)
    names = tuple(copy.name for copy in gone)
    return replace(report, backups=names, new_backup=fresh.name if fresh else "")
