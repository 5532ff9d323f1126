"""What can be wrong with a face database."""

from stash_sense.errors import StashSenseError


class NoDatabase(StashSenseError):
    """There is no face database at the place named."""

    code = "no-database"


class BadDatabase(StashSenseError):
    """The files of a face database are cut short, altered or of an unknown format."""

    code = "bad-database"


class WriteFailed(StashSenseError):
    """A face database could not be written; the one before it is unchanged."""

    code = "database-write-failed"
