"""When two images are the same picture, and when two performers are the same person: pure functions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from stash_sense.stash.types import Image, StashId, VisualFile

STASHDB_HOST = "stashdb.org"
# phash describes what is seen and not the file: a crop shares it, and Stash may add it to a file later.
_PERCEPTUAL = "phash"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PerformerKey:
    """`key`: the person's one key everywhere. `aliases`: the keys of the person's other stash ids."""

    key: str
    aliases: tuple[str, ...] = ()


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


def performer_key(local_id: str, stash_ids: Iterable[StashId], boxes: Sequence[str]) -> PerformerKey:
    """`<host>:<uuid>` of the person's first stash id, else `local:<Stash's id>`.

    boxes: the endpoints in Stash's own order, which decides which id is first; ids of endpoints that are not
    configured come last. The order of `stash_ids` has no say: Stash gives them in any.
    """
    order = {endpoint: place for place, endpoint in enumerate(boxes)}
    ranked = sorted((order.get(each.endpoint, len(order)), stash_key(each)) for each in stash_ids)
    keys = list(dict.fromkeys(key for _, key in ranked))
    return PerformerKey(keys[0], tuple(keys[1:])) if keys else PerformerKey(f"local:{local_id}")


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


def _moment(file: VisualFile) -> str:
    """The time of change in UTC: Stash writes it in the server's zone, which summer time moves."""
    try:
        return datetime.fromisoformat(file.mod_time).astimezone(UTC).isoformat()
    except ValueError:
        return file.mod_time
