"""What can go wrong with a model pack, beyond a file that is missing or altered."""

from stash_sense.errors import BadInput, MissingFile, StashSenseError


class UnknownPack(BadInput):
    """No manifest has this id."""

    code = "unknown-pack"


class AlteredFile(MissingFile):
    """A file is there, but its size or its sha256 is not the manifest's."""

    code = "altered-file"


class DownloadFailed(StashSenseError):
    """The server did not deliver the file, or not the file that the manifest names."""

    code = "download-failed"


class NoSpace(StashSenseError):
    """The disk has no room for what is to be written."""

    code = "no-space"


class CannotWrite(StashSenseError):
    """The data folder does not let us write."""

    code = "cannot-write"
