"""Where a video's bytes come from: a file of this machine, or ranges of one that is elsewhere."""

import os
import re
import stat
from pathlib import Path
from typing import Protocol

from stash_sense.errors import NotAVideo, UnreadableVideo
from stash_sense.media.photo import OPEN_FLAGS, display_name


class RangeSource(Protocol):
    """A video that is read piece by piece. Errors of `read_at` reach the caller who asked for a frame."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    @property
    def name(self) -> str:
        """What messages call the video."""

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on; fewer only at the end."""


VideoSource = Path | RangeSource

_BEGINNINGS = (
    rb"....(ftyp|moov|mdat|free|skip|wide|pnot)|\x1a\x45\xdf\xa3|RIFF....AVI |RIFX....AVI |FLV\x01|OggS|GIF8|"
    rb"\x00\x00\x01[\xb3\xba]|\x30\x26\xb2\x75|\.RMF|\x47|....\x47"
)
"""MP4, Matroska, AVI, Flash, Ogg, GIF, MPEG, Windows Media, RealMedia, MPEG transport streams."""


def begins_as_video(prefix: bytes) -> bool:
    """Whether a file's first bytes are those of a format that is read."""
    return re.match(_BEGINNINGS, prefix, re.DOTALL) is not None


class LocalVideo:
    """A regular file, opened for reading once. Close it. Raises NotAVideo, UnreadableVideo."""

    def __init__(self, path: Path) -> None:
        self.name = display_name(path)
        try:
            self.descriptor = os.open(path, OPEN_FLAGS)
        except FileNotFoundError:
            raise UnreadableVideo(
                f"{self.name}: no such file. It was moved or deleted; check the path."
            ) from None
        except PermissionError:
            raise UnreadableVideo(
                f"{self.name}: permission denied. Let the user that runs Stash Sense read this file."
            ) from None
        except (OSError, ValueError) as error:  # ValueError: a path with a null character
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreadableVideo(
                f"{self.name}: cannot be read ({reason}). Check the path and the disk."
            ) from error
        status = os.fstat(self.descriptor)
        self.size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            self.close()
            raise NotAVideo(f"{self.name}: is a folder, a pipe, a socket or a device. Name a video file.")

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset` on; fewer only at the end."""
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        return os.read(self.descriptor, count)

    def close(self) -> None:
        """Close the file, once."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
