"""Bytes from a path, without ever waiting on a pipe, a device, or a file that vanished."""

import os
import stat
from pathlib import Path

from stash_sense.media.errors import NotAnImage, UnreadableImage
from stash_sense.media.limits import MediaLimits, check_file_bytes
from stash_sense.media.sniff import ACCEPTED, PREFIX_BYTES, sniff

# Without O_NONBLOCK, opening a pipe that nobody writes to never returns. Windows has only O_BINARY.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def display_name(path: Path) -> str:
    """Return the file's name, or the whole path if it has none, in characters that can be written anywhere.

    A name that is not UTF-8 holds lone surrogates, which a terminal and a JSON file refuse.
    """
    return os.fsencode(path.name or str(path)).decode("utf-8", "replace")


def read_picture(path: Path, limits: MediaLimits) -> bytes:
    """Return the content of the regular file at `path`; one that is no picture is not read to its end.

    Raises NotAnImage, UnreadableImage, ImageTooLarge.
    """
    name = display_name(path)
    try:
        _check_kind(name, path.stat(), limits)
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            # Asked again of what was opened: the path may lead elsewhere by now.
            status = os.fstat(file.fileno())
            _check_kind(name, status, limits)
            prefix = file.read(PREFIX_BYTES)
            sniff(name, prefix)
            return prefix + file.read(max(status.st_size - len(prefix), 0))
    except FileNotFoundError:
        raise UnreadableImage(f"{name}: no such file. It was moved or deleted; check the path.") from None
    except PermissionError:
        raise UnreadableImage(
            f"{name}: permission denied. Let the user that runs Stash Sense read this file."
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a path that holds a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImage(f"{name}: cannot be read ({reason}). Check the path and the disk.") from error


def _check_kind(name: str, status: os.stat_result, limits: MediaLimits) -> None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise NotAnImage(f"{name}: is a folder; {ACCEPTED}. Send the pictures in it.")
    if not stat.S_ISREG(mode):
        raise NotAnImage(f"{name}: is a pipe, a socket or a device; {ACCEPTED}. Send a file.")
    check_file_bytes(name, status.st_size, limits)
