"""When two images are the same picture, and when two performers are the same person: pure functions."""

from datetime import UTC, datetime

from stash_sense.stash.types import Image, VisualFile

# phash describes what is seen and not the file: a crop shares it, and Stash may add it to a file later.
_PERCEPTUAL = "phash"


def picture_identity(image: Image) -> str | None:
    """A text that stays the same while Stash shows the same picture; None where the image has no file.

    The fingerprints of the primary file, else its path, size and modification time. Never `updated_at`, which
    every tag changes.
    """
    file = image.primary_file
    if file is None:
        return None
    prints = sorted({f"{p.type}:{p.value}" for p in file.fingerprints if p.type != _PERCEPTUAL and p.value})
    return "|".join(prints) or f"file:{file.size}:{_moment(file)}:{file.path}"


def _moment(file: VisualFile) -> str:
    """The time of change in UTC: Stash writes it in the server's zone, which summer time moves."""
    try:
        return datetime.fromisoformat(file.mod_time).astimezone(UTC).isoformat()
    except ValueError:
        return file.mod_time
