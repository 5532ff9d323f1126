"""Who is in a public face database: from JSON or SQLite, with their other ids, and where merged ids lead."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import Person, StashId, stash_key
from stash_sense.enrolment.public_archive import ALIASES, LINKS, PERFORMERS, PERFORMERS_DB
from stash_sense.errors import BadInput
from stash_sense.facedb.foreign_tables import foreign_rows

_ID = re.compile(r"(?P<host>[a-z0-9-]+(\.[a-z0-9-]+)+):(?P<id>[^\s/]{1,100})", re.IGNORECASE)
_MOST_NAME = 300
_MOST_URL = 2000
_MOST_NAMES = 100
_MOST_STEPS = 100
"""Merges followed one after another: more are a circle."""


@dataclass(frozen=True, slots=True)
class ReleasedPerson:
    """A performer of a release. names: further ones."""

    person: Person
    names: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Performers:
    """Everybody whom a release names. facts: key -> fields. leads_to: former or further key -> the key."""

    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    leads_to: dict[str, str] = field(default_factory=dict)

    def key(self, universal_id: str) -> str:
        """The key of the person whose id this is or was."""
        key = universal_key(universal_id) or universal_id
        for _ in range(_MOST_STEPS):
            if key not in self.leads_to:
                return key
            key = self.leads_to[key]
        raise BadInput(f"The release merges {key[:100]} in a circle. Download the release again.")

    def add(self, key: str, fields: Mapping[str, Any]) -> None:
        """Add a performer, who may have been merged into another."""
        self.facts[key] = fields
        if isinstance(current := fields.get("merged_into"), str):
            self.lead(key, current)

    def lead(self, universal_id: str, current: str) -> None:
        """Note that one id is now another's."""
        before, after = universal_key(universal_id), universal_key(current)
        if before and after and before != after:
            self.leads_to[before] = after

    def former_keys(self) -> dict[str, list[str]]:
        """Key -> the keys that lead to it."""
        former: dict[str, list[str]] = {}
        for key in self.leads_to:
            former.setdefault(self.key(key), []).append(key)
        return former


def universal_key(universal_id: object) -> str | None:
    """`stashdb.org:<uuid>` as we write it; None if it is no such id."""
    match = _ID.fullmatch(universal_id) if isinstance(universal_id, str) else None
    return stash_key(StashId(_endpoint(match["host"]), match["id"])) if match else None


def released_person(key: str, fields: Mapping[str, Any], former: list[str]) -> ReleasedPerson | None:
    """The person, None without a name. former: further keys of theirs."""
    name = _text(fields.get("name"), _MOST_NAME)
    if not name:
        return None
    keys = [key, *former]
    stash_ids = tuple((_endpoint(host), value) for host, _, value in (each.partition(":") for each in keys))
    url = _text(fields.get("image_url"), _MOST_URL)
    person = Person(
        key=key,
        name=name,
        aliases=tuple(former),
        country=_text(fields.get("country"), _MOST_NAME),
        image_url=url if url and url.startswith(("http://", "https://")) else None,
        stash_ids=stash_ids,
        disambiguation=_text(fields.get("disambiguation"), _MOST_NAME) or "",
    )
    listed = fields.get("aliases")
    names = (_text(each, _MOST_NAME) for each in listed[:_MOST_NAMES]) if isinstance(listed, list) else ()
    return ReleasedPerson(person, tuple(dict.fromkeys(filter(None, names))))


def read_json(path: Path) -> Any:
    """What a JSON file of a release holds. Raises BadInput."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name}: no JSON ({error}). Download the release again.") from error


def read_performers(files: Mapping[str, Path]) -> Performers:
    """The performers of `performers.json`. Raises BadInput."""
    performers = Performers()
    for universal_id, fields in _mapping(files, PERFORMERS):
        key = universal_key(universal_id)
        if key and isinstance(fields, dict):
            performers.add(key, fields)
    return performers


def read_performers_database(files: Mapping[str, Path]) -> tuple[Performers, dict[int, str]]:
    """The performers of `performers.db` with the link and alias files, and face -> universal id.

    Raises BadInput where the tables are not there.
    """
    performers, owners = Performers(), dict[int, str]()
    path = files.get(PERFORMERS_DB)
    if path is None:
        raise BadInput(
            f"{PERFORMERS_DB} is missing: it says whose the faces are. Download the release again."
        )
    ids = dict[Any, str]()
    for row in foreign_rows(path, "performers", {"id", "name"}):
        if key := universal_key(row.get("universal_id") or row["id"]):
            ids[row["id"]] = key
            performers.add(key, row)
    for row in foreign_rows(path, "faces", {"id", "performer_id"}):
        owners[row["id"]] = ids.get(row["performer_id"], str(row["performer_id"]))
    _add_links(performers, files)
    return performers, owners


def _add_links(performers: Performers, files: Mapping[str, Path]) -> None:
    """links.json: id -> further ids of the person. aliases.json: former id -> id, or id -> further names."""
    for universal_id, others in _mapping(files, LINKS):
        for other in others if isinstance(others, list) else ():
            performers.lead(str(other), universal_id)
    for universal_id, aliases in _mapping(files, ALIASES):
        key = universal_key(universal_id)
        if isinstance(aliases, str):
            performers.lead(universal_id, aliases)
        elif isinstance(aliases, list) and key in performers.facts:
            performers.facts[key] = {**performers.facts[key], "aliases": aliases}


def _mapping(files: Mapping[str, Path], name: str) -> Iterator[tuple[str, Any]]:
    """The entries of a JSON object; none where the file is not part of the release."""
    if name in files:
        content = read_json(files[name])
        if not isinstance(content, dict):
            raise BadInput(f"{name}: not an object of ids. Download the release again.")
        yield from content.items()


def _endpoint(host: str) -> str:
    return f"https://{host.lower()}/graphql"


def _text(value: object, most: int) -> str | None:
    """A text without what cannot be shown; None where there is none, or an absurdly long one."""
    if not isinstance(value, str) or len(value) > most:
        return None
    return "".join(character for character in value if character.isprintable()).strip() or None
