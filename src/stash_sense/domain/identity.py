"""When two performers are the same person, and when two images are the same picture.

The primary file's contents decide, by the fingerprints that Stash computes; where it has none, path, size
and modification time do. Never Stash's id or its `updated_at`, which every tag changes.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from stash_sense.domain.validation import validate_integer, validate_text
from stash_sense.errors import BadInput


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled. key: the performer key; aliases: further names or keys of the same person.

    stash_ids: (stash-box endpoint, id there) of each stash-box that knows the person; local_id: in Stash.
    disambiguation: Stash's, which tells people of one name apart.
    """

    key: str
    name: str
    aliases: tuple[str, ...] = ()
    country: str | None = None
    image_url: str | None = None
    stash_ids: tuple[tuple[str, str], ...] = ()
    local_id: str | None = None
    disambiguation: str = ""

    @property
    def full_name(self) -> str:
        """`Jane Doe (born 1980)`: the name as it is unique in the library."""
        return f"{self.name} ({self.disambiguation})" if self.disambiguation else self.name


@dataclass(frozen=True, slots=True)
class StashId:
    """A performer's entry on a stash-box: the URL of its GraphQL endpoint, and the uuid there."""

    endpoint: str
    stash_id: str


def visible_name(name: str) -> str:
    """A name as it looks: composed, without space around it. Names that look alike are one person's.

    macOS writes accents apart from their letters, other systems as one character, and a name that is copied
    brings a trailing space. Case makes another name.
    """
    return unicodedata.normalize("NFC", name).strip() or name


STASHDB_HOST = "stashdb.org"
LOCAL = "local:"
"""How the key of a performer begins whom no stash-box knows."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PerformerKey:
    """`key`: the person's one key everywhere. `aliases`: the keys of the person's other stash ids."""

    key: str
    aliases: tuple[str, ...] = ()


def performer_key(local_id: str, stash_ids: Iterable[StashId], boxes: Sequence[str]) -> PerformerKey:
    """`<host>:<uuid>` of the person's first stash id, else `local:<Stash's id>`.

    boxes: the endpoints in Stash's own order, which decides which id is first; ids of endpoints that are not
    configured come last. The order of `stash_ids` has no say: Stash gives them in any.
    """
    order = {endpoint: place for place, endpoint in enumerate(boxes)}
    ranked = sorted((order.get(each.endpoint, len(order)), stash_key(each)) for each in stash_ids)
    keys = list(dict.fromkeys(key for _, key in ranked))
    return PerformerKey(keys[0], tuple(keys[1:])) if keys else PerformerKey(local_key(local_id))


def stash_key(stash_id: StashId) -> str:
    """`stashdb.org:50459d16-...`; a uuid in capitals is the same uuid."""
    return f"{endpoint_host(stash_id.endpoint)}:{plain_stash_id(stash_id.stash_id)}"


def stashdb_id(stash_ids: Iterable[StashId]) -> str | None:
    """The bare uuid on stashdb.org, if there is one."""
    return min(
        (plain_stash_id(s.stash_id) for s in stash_ids if endpoint_host(s.endpoint) == STASHDB_HOST),
        default=None,
    )


def endpoint_host(endpoint: str) -> str:
    """The host of a stash-box's endpoint, as performer keys begin with it: `stashdb.org`."""
    try:
        host = urlsplit(endpoint).hostname
    except ValueError:  # an address in brackets that is none
        host = None
    return host or endpoint.partition("/")[0].lower()


def plain_stash_id(stash_id: str) -> str:
    """An id on a stash-box as performer keys have it: a uuid in small letters."""
    stripped = stash_id.strip()
    return stripped.lower() if _UUID.fullmatch(stripped) else stripped


def local_key(local_id: str) -> str:
    """`local:12`, the key of a performer of this Stash whom no stash-box knows."""
    return f"{LOCAL}{local_id}"


def person_keys(person: Person) -> tuple[str, ...]:
    """Every key of the person, the current one first."""
    stash_keys = (stash_key(StashId(*pair)) for pair in person.stash_ids)
    local = (local_key(person.local_id),) if person.local_id else ()
    return tuple(dict.fromkeys((person.key, *person.aliases, *stash_keys, *local)))


def person_facts(person: Person) -> dict[str, Any]:
    """What is stored of a person beside key and name, ready for JSON."""
    stashdb, local_id = bare_ids(person)
    facts: dict[str, Any] = {
        "stashdb_id": stashdb,
        "stash_ids": [list(pair) for pair in person.stash_ids],
        "local_id": local_id,
        "country": person.country,
        "image_url": person.image_url,
    }
    if person.aliases:
        facts["aliases"] = list(person.aliases)
    if person.disambiguation:
        facts["disambiguation"] = person.disambiguation
    return facts


def person_from_facts(key: str, name: str | None, facts: Mapping[str, Any] | None) -> Person:
    """The person as far as stored facts tell. What is not as `person_facts` makes it counts as unknown."""
    facts = facts or {}
    pairs = [pair for pair in _listed(facts.get("stash_ids")) if len(_texts(pair)) == 2]
    local_id = next(iter(_texts([facts.get("local_id")])), None)
    return Person(
        key,
        name or key,
        tuple(_texts(facts.get("aliases"))),
        next(iter(_texts([facts.get("country")])), None),
        next(iter(_texts([facts.get("image_url")])), None),
        tuple((endpoint, stash_id) for endpoint, stash_id in pairs),
        local_id,
        next(iter(_texts([facts.get("disambiguation")])), ""),
    )


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _texts(value: object) -> list[str]:
    """The texts in a list, those alone that say something."""
    return [each for each in _listed(value) if isinstance(each, str) and each]


def bare_ids(person: Person) -> tuple[str | None, str | None]:
    """The person's id at stashdb.org, and the performer's in this Stash, if known."""
    return _bare(person, f"{STASHDB_HOST}:"), person.local_id or _bare(person, LOCAL)


def _bare(person: Person, prefix: str) -> str | None:
    """The id in the first of the person's keys with this prefix."""
    keys = (key for key in person_keys(person) if key.startswith(prefix))
    return next((key.removeprefix(prefix) for key in keys), None)


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
            modified = utc_text(validate_text("mod_time", mod_time))
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
    text = "|".join(contents) or f"file:{size}:{utc_text(mod_time)}:{path}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _contents(fingerprints: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in fingerprints if kind.lower() != _PERCEPTUAL]


def utc_text(mod_time: str) -> str:
    """Equal for equal moments: Stash writes times in its own zone, whose offset changes twice a year."""
    try:
        moment = datetime.fromisoformat(mod_time)
    except ValueError:
        return mod_time
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat()
