"""Picture identity: when two images show the same picture.

The primary file's contents decide, by the fingerprints that Stash computes; where it has none, path, size
and modification time do. Never Stash's id or its `updated_at`, which every tag changes.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from stash_sense.domain.validation import validate_integer, validate_text
from stash_sense.errors import BadInput

_PERCEPTUAL = "phash"  # describes what is seen: a crop shares it, and Stash may add it to a file later


@dataclass(frozen=True, slots=True)
class PictureIdentity:
    """What identifies a picture. Build it with `of`.

    fingerprints: (type, value) pairs of the primary file, sorted. location: hash of path, size and
    modification time, or None; a hash because a path may name people, and this is stored.
    """

    fingerprints: tuple[tuple[str, str], ...] = ()
    location: str | None = None

    @classmethod
    def of(
        cls,
        fingerprints: Iterable[tuple[str, str]] = (),
        path: str | None = None,
        size: int | None = None,
        mod_time: str | None = None,
    ) -> "PictureIdentity":
        """From the primary file: (type, value) pairs, path, bytes, and RFC 3339 time.

        Raises BadInput where neither a fingerprint of the contents nor path, size and time are given.
        """
        pairs = {
            (validate_text("A fingerprint's type", kind), validate_text(f"The {kind} fingerprint", value))
            for kind, value in fingerprints
        }
        location = None
        if path is not None and size is not None and mod_time is not None:
            modified = _utc(validate_text("mod_time", mod_time))
            text = f"{validate_text('path', path)}\0{validate_integer('size', size)}\0{modified}"
            location = hashlib.sha256(text.encode()).hexdigest()
        identity = cls(tuple(sorted(pairs)), location)
        if not identity.contents and location is None:
            raise BadInput(
                "Cannot tell which picture this is: give its primary file's fingerprints, "
                "or path, size and modification time."
            )
        return identity

    @property
    def contents(self) -> dict[str, str]:
        """Type -> value of the fingerprints that only equal files share."""
        return dict(_contents(self.fingerprints))

    def agrees_with(self, fingerprints: Mapping[str, str]) -> bool:
        """Whether no fingerprint of the contents differs; Stash may have added a type since."""
        return all(fingerprints.get(kind, value) == value for kind, value in self.contents.items())

    def is_same_as(self, fingerprints: Mapping[str, str], location: str | None) -> bool:
        """Whether a stored picture, type -> value and location, is this one."""
        shared = any(fingerprints.get(kind) == value for kind, value in self.contents.items())
        at_same_location = location is not None and location == self.location
        return (shared or at_same_location) and self.agrees_with(fingerprints)


def picture_stamp(fingerprints: Iterable[tuple[str, str]], path: str, size: int, mod_time: str) -> str:
    """A hash, 32 hex digits, that stays the same while an image file shows the same picture.

    Face databases store it with each reference, so its text never changes.
    """
    contents = sorted({f"{kind}:{value}" for kind, value in _contents(fingerprints) if value})
    text = "|".join(contents) or f"file:{size}:{_utc(mod_time)}:{path}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _contents(fingerprints: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in fingerprints if kind.lower() != _PERCEPTUAL]


def _utc(mod_time: str) -> str:
    """Equal for equal moments: Stash writes times in its own zone, whose offset changes twice a year."""
    try:
        moment = datetime.fromisoformat(mod_time)
    except ValueError:
        return mod_time
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat()
