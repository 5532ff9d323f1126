"""A person: the key, the aliases and the stash ids by which the same person is known everywhere."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled. key: the performer key; aliases: further names or keys of the same person.

    stash_ids: (stash-box endpoint, id there) of each stash-box that knows the person; local_id: in Stash.
    """

    key: str
    name: str
    aliases: tuple[str, ...] = ()
    country: str | None = None
    image_url: str | None = None
    stash_ids: tuple[tuple[str, str], ...] = ()
    local_id: str | None = None


@dataclass(frozen=True, slots=True)
class StashId:
    """A performer's entry on a stash-box: the URL of its GraphQL endpoint, and the uuid there."""

    endpoint: str
    stash_id: str


STASHDB_HOST = "stashdb.org"
_LOCAL = "local:"

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
    return f"{_host(stash_id.endpoint)}:{_plain(stash_id.stash_id)}"


def stashdb_id(stash_ids: Iterable[StashId]) -> str | None:
    """The bare uuid on stashdb.org, if there is one."""
    return min((_plain(s.stash_id) for s in stash_ids if _host(s.endpoint) == STASHDB_HOST), default=None)


def _host(endpoint: str) -> str:
    try:
        host = urlsplit(endpoint).hostname
    except ValueError:  # an address in brackets that is none
        host = None
    return host or endpoint.partition("/")[0].lower()


def _plain(stash_id: str) -> str:
    stripped = stash_id.strip()
    return stripped.lower() if _UUID.fullmatch(stripped) else stripped


def local_key(local_id: str) -> str:
    """`local:12`, the key of a performer of this Stash whom no stash-box knows."""
    return f"{_LOCAL}{local_id}"


def bare_ids(person: Person) -> tuple[str | None, str | None]:
    """The person's id at stashdb.org, and the performer's in this Stash, if known."""
    return _bare(person, f"{STASHDB_HOST}:"), person.local_id or _bare(person, _LOCAL)


def _bare(person: Person, prefix: str) -> str | None:
    """The id in the first of the person's keys with this prefix."""
    keys = (key for key in (person.key, *person.aliases) if key.startswith(prefix))
    return next((key.removeprefix(prefix) for key in keys), None)
