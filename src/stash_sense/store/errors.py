"""What can go wrong with the state file, each with what to do about it."""

from stash_sense.errors import BadInput, Busy, StashSenseError


class StateError(StashSenseError):
    """The state file cannot be used, or not for this."""

    code = "state"


class NotAStateFile(StateError):
    """The file is no SQLite file, or one that belongs to another program."""

    code = "state-not-ours"


class NewerState(StateError):
    """A later program wrote the file; it was left exactly as it is."""

    code = "state-newer"


class StateDamaged(StateError):
    """SQLite finds the file's own structure broken."""

    code = "state-damaged"


class MigrationFailed(StateError):
    """A step of the migration failed; the file is as it was before."""

    code = "state-migration"


class DiskFull(StateError):
    """There was no room for what had to be written; nothing half-written stays."""

    code = "disk-full"


class StateUnwritable(StateError):
    """The file or its folder cannot be opened, read or written."""

    code = "state-unwritable"


class StateBusy(Busy):
    """Another process, or a long write of this one, held the state file for too long."""


class NotStored(StashSenseError):
    """The state holds nothing under that id."""

    code = "not-stored"


class NoSuchJob(StashSenseError):
    """No job has that id, or it ended so long ago that it was dropped."""

    code = "no-job"


class Refused(BadInput):
    """The request contradicts what is already recorded."""

    code = "refused"
