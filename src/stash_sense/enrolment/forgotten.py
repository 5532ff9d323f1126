"""The list of people who were deleted for good: salted hashes of keys, so that no build brings them back.

The list is a file beside the versions of a face database. With it, anybody can test whether a key is on it,
but cannot read a name or a key from it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from stash_sense.domain.identity import Person, person_keys, visible_name
from stash_sense.errors import BadDatabase
from stash_sense.files import write_atomically
from stash_sense.private_files import open_regular

FORGOTTEN = "forgotten.json"
_ID_LENGTH = 12
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class ForgottenPerson:
    """A person on the list. keys: hashes of every key; names: hashes of the names.

    forgotten_at: ISO 8601, UTC.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    forgotten_at: str

    @property
    def entry_id(self) -> str:
        """The start of the first key's hash: what a person types to lift it."""
        return self.keys[0][:_ID_LENGTH]


@dataclass(frozen=True)
class ForgottenPeople:
    """The list of one installation. salt: hex."""

    salt: str = field(default_factory=lambda: secrets.token_hex(_SALT_BYTES), repr=False)
    people: tuple[ForgottenPerson, ...] = ()

    @classmethod
    def read(cls, place: Path) -> Self:
        """The list beside the face database at `place`; an empty one where there is none.

        Raises BadDatabase for a damaged file: without the list, a build would bring people back.
        """
        path = place / FORGOTTEN
        try:
            with open_regular(path) as file:
                raw = json.loads(file.read())
            people = tuple(ForgottenPerson(**_entry(each)) for each in raw["people"])
            return cls(str(raw["salt"]), people)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadDatabase(
                f"{path}: the list of deleted people cannot be read. Bring it back from a backup. If you "
                "remove it, builds enrol the people on it again."
            ) from error

    def write(self, place: Path) -> None:
        """Raises NoSpace, CannotWrite."""
        place.mkdir(parents=True, exist_ok=True)
        people = [
            {"keys": list(person.keys), "names": list(person.names), "forgotten_at": person.forgotten_at}
            for person in self.people
        ]
        content = json.dumps({"salt": self.salt, "people": people}, indent=1)
        write_atomically(place / FORGOTTEN, content.encode("ascii"))

    def covers(self, person: Person) -> bool:
        """Whether the person is on the list: by any key, or by the name where that is all there is."""
        if not self.people:
            return False
        is_named_only = person.key == person.name and not person.local_id and not person.stash_ids
        covered = self._keys | self._names if is_named_only else self._keys
        return not covered.isdisjoint(self._hashes(person_keys(person)))

    def covers_key(self, key: str) -> bool:
        """Whether somebody with this key is on the list."""
        return bool(self.people) and self._hashes([key])[0] in self._keys

    def adding(self, keys: Iterable[str], names: Iterable[str]) -> Self:
        """The list with one more person, for whom earlier entries with a key of theirs go."""
        own = self._hashes(keys)
        person = ForgottenPerson(own, self._hashes(names), datetime.now(UTC).isoformat(timespec="seconds"))
        others = [each for each in self.people if set(own).isdisjoint(each.keys)]
        return replace(self, people=(*others, person))

    def find(self, text: str) -> tuple[ForgottenPerson, ...]:
        """The entries that an entry's id, a key or a name means."""
        (hashed,) = self._hashes([text])
        return tuple(
            each for each in self.people if text == each.entry_id or hashed in (*each.keys, *each.names)
        )

    def without(self, person: ForgottenPerson) -> Self:
        """The list with this entry lifted."""
        return replace(self, people=tuple(each for each in self.people if each != person))

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(hashed for person in self.people for hashed in person.keys)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(hashed for person in self.people for hashed in person.names)

    def _hashes(self, texts: Iterable[str]) -> tuple[str, ...]:
        salt = bytes.fromhex(self.salt)
        return tuple(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=salt, digest_size=16).hexdigest()
            for text in dict.fromkeys(map(visible_name, texts))
        )


def _entry(raw: Mapping[str, Any]) -> dict[str, Any]:
    keys, names = (tuple(map(str, raw[field])) for field in ("keys", "names"))
    if not keys:
        raise ValueError("an entry without a key")
    return {"keys": keys, "names": names, "forgotten_at": str(raw["forgotten_at"])}
