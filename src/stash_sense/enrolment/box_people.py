"""Who of the library, or of all people, is on a stash-box; merged entries followed, deleted ones listed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from stash_sense.domain.identity import (
    Person,
    StashId,
    endpoint_host,
    person_keys,
    plain_stash_id,
    stash_key,
    utc_text,
)
from stash_sense.enrolment.performers import StashPerson
from stash_sense.errors import StashBoxError
from stash_sense.stashbox.address import is_box_id
from stash_sense.stashbox.client import PER_DOCUMENT, PER_PAGE, StashBoxClient
from stash_sense.stashbox.types import BoxImage, BoxPerformer

Found = BoxPerformer | StashBoxError | None
"""Who has an id on the box; an error where the box fails at it; None for nobody."""
Asked = Callable[[int], None]
"""Told how many of the ids, or of the people of the box, were asked for."""
_MOST_PASSES = 3


@dataclass(frozen=True, slots=True)
class BoxPerson:
    """A person, and of their entries on the box: images: the best first. updated: the last edit, UTC."""

    person: Person
    images: tuple[BoxImage, ...]
    updated: str
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class BoxListing:
    """People of the box.

    merged: those whose entry went into another. deleted: those whose entry was deleted. unknown: whom the box
    does not know. failed: where it fails, and why. covered: ids of entries of these people, former ones too.
    """

    people: list[BoxPerson] = field(default_factory=list)
    merged: list[Person] = field(default_factory=list)
    deleted: list[Person] = field(default_factory=list)
    unknown: list[Person] = field(default_factory=list)
    failed: list[tuple[Person, str]] = field(default_factory=list)
    covered: set[str] = field(default_factory=set)


def ids_on_box(person: Person, host: str) -> tuple[str, ...]:
    """The person's ids on the stash-box of this host."""
    ids = (plain_stash_id(each) for endpoint, each in person.stash_ids if endpoint_host(endpoint) == host)
    return tuple(dict.fromkeys(each for each in ids if is_box_id(each)))


def shared_images(people: Iterable[BoxPerson]) -> set[BoxImage]:
    """Images that the box shows of more than one of these people: nobody can tell whose face is whose."""
    counts = Counter(image for person in people for image in person.images)
    return {image for image, count in counts.items() if count > 1}


async def list_library(
    box: StashBoxClient, endpoint: str, people: Iterable[StashPerson], asked: Asked = lambda _: None
) -> BoxListing:
    """Those people of Stash who have an id on the box. asked: told of each id."""
    host = box.address.host
    ids = {person.person.key: ids_on_box(person.person, host) for person in people}
    found = await _find_all(box, list(chain.from_iterable(ids.values())), asked)
    listing = BoxListing()
    groups: list[tuple[list[Person], dict[str, BoxPerformer], list[str]]] = []
    group_of: dict[str, int] = {}
    for each in people:
        person, current = each.person, [_current(found, box_id) for box_id in ids[each.person.key]]
        entries = {
            entry.id: entry for entry in current if isinstance(entry, BoxPerformer) and not entry.deleted
        }
        if not entries:
            _explain(listing, person, current)
            continue
        if not entries.keys() & set(ids[person.key]):
            listing.merged.append(person)
        met = next((group_of[entry] for entry in entries if entry in group_of), len(groups))
        if met == len(groups):
            groups.append(([], {}, []))
        groups[met][0].append(person)
        groups[met][1].update(entries)
        groups[met][2].extend(each.names)
        group_of |= dict.fromkeys(groups[met][1], met)
    for members, together, names in groups:
        entries_of = list(together.values())
        listing.people.append(_box_person(endpoint, host, members, entries_of, names))
        listing.covered |= together.keys() | {former for entry in entries_of for former in entry.merged}
    listing.covered |= set(chain.from_iterable(ids.values()))
    return listing


def whole_box_person(endpoint: str, host: str, entry: BoxPerformer) -> BoxPerson:
    """Somebody of the box who is not in the library."""
    key = stash_key(StashId(endpoint, entry.id))
    person = Person(
        key=key,
        name=entry.name or key,
        country=entry.country,
        stash_ids=((endpoint, entry.id),),
        disambiguation=entry.disambiguation,
    )
    return _box_person(endpoint, host, [person], [entry], [])


async def list_box(
    box: StashBoxClient, known: Iterable[str], watermark: str, listed: Asked = lambda _: None
) -> tuple[dict[str, BoxPerformer], bool]:
    """The people of the box by id, the last edited first, and whether these are all.

    known: ids of those of whom earlier builds know. watermark: when the last edited of them was, UTC: pages
    that are older are left out where nobody of the known is gone.
    """
    people: dict[str, BoxPerformer] = {}
    known = set(known)
    for _ in range(_MOST_PASSES):
        counts = set()
        newest, page = "", 0
        while True:
            page += 1
            found = await box.performers_page(page)
            counts.add(found.count)
            newest = newest or _newest(found.performers)
            _take(people, found.performers)
            listed(len(people))
            if not found.performers or page * PER_PAGE >= found.count:
                break
            oldest = utc_text(found.performers[-1].updated)
            if oldest < watermark and len(known | people.keys()) == found.count:
                return people, False
        await _catch_up(box, people, newest)
        if len(counts) == 1:  # else somebody was deleted, and others may have slipped to a page before
            break
    return people, True


async def _catch_up(box: StashBoxClient, people: dict[str, BoxPerformer], newest: str) -> None:
    """Take those who were edited while the pages were read: they went to the front."""
    page = 0
    while True:
        page += 1
        found = await box.performers_page(page)
        _take(people, found.performers)
        if page * PER_PAGE >= found.count or _oldest(found.performers) < newest:
            return


async def find_former(box: StashBoxClient, ids: Sequence[str]) -> Mapping[str, Found]:
    """What became of ids that the box does not list any more: the entry that they went into, if any."""
    found = await _find_all(box, ids, lambda _: None)
    return {box_id: _current(found, box_id) for box_id in ids}


async def _find_all(box: StashBoxClient, ids: Sequence[str], asked: Asked) -> dict[str, Found]:
    """Each id and those that it was merged into -> who it is."""
    found: dict[str, Found] = {}
    wanted = list(dict.fromkeys(ids))
    while wanted:
        for start in range(0, len(wanted), PER_DOCUMENT):
            found |= await box.find_performers(wanted[start : start + PER_DOCUMENT])
            asked(len(found))
        into = (entry.merged_into for entry in found.values() if isinstance(entry, BoxPerformer))
        wanted = list(dict.fromkeys(each for each in into if each and each not in found))
    return found


def _current(found: Mapping[str, Found], box_id: str) -> Found:
    """Who has this id now."""
    seen = set()
    entry = found[box_id]
    while isinstance(entry, BoxPerformer) and entry.merged_into and entry.id not in seen:
        seen.add(entry.id)
        entry = found.get(entry.merged_into)
    return entry


def _explain(listing: BoxListing, person: Person, current: Sequence[Found]) -> None:
    """Note why a person of the library is not on the box."""
    errors = [str(entry) for entry in current if isinstance(entry, StashBoxError)]
    if errors:
        listing.failed.append((person, errors[0]))
    elif any(isinstance(entry, BoxPerformer) for entry in current):
        listing.deleted.append(person)
    elif current:
        listing.unknown.append(person)


def _box_person(
    endpoint: str, host: str, members: Sequence[Person], entries: Sequence[BoxPerformer], names: Sequence[str]
) -> BoxPerson:
    """One person of those who are the same on the box, under the entries' ids of today."""
    first = members[0]
    ids = [(endpoint, entry.id) for entry in entries]
    own = [stash_key(StashId(*pair)) for pair in ids]
    beginning = f"{host}:"
    is_former = first.key.startswith(beginning) and first.key not in own
    key = own[0] if is_former else first.key
    merged = [stash_key(StashId(endpoint, former)) for entry in entries for former in entry.merged]
    pairs: list[tuple[str, str]] = []
    for pair in chain.from_iterable(each.stash_ids for each in members):
        pairs += ids if endpoint_host(pair[0]) == host else [pair]
    aliases = dict.fromkeys([*chain.from_iterable(map(person_keys, members)), *own, *merged])
    person = Person(
        key=key,
        name=first.name,
        aliases=tuple(alias for alias in aliases if alias != key),
        country=first.country or next((entry.country for entry in entries if entry.country), None),
        image_url=first.image_url,
        stash_ids=tuple(dict.fromkeys(pairs)),
        local_id=first.local_id,
        disambiguation=first.disambiguation,
    )
    images = dict.fromkeys(image for entry in entries for image in entry.images)
    box_names = [entry.name for entry in entries]
    updated = max(utc_text(entry.updated) for entry in entries)
    return BoxPerson(person, tuple(images), updated, tuple(dict.fromkeys([*names, *box_names])))


def _take(people: dict[str, BoxPerformer], performers: Iterable[BoxPerformer]) -> None:
    for performer in performers:
        before = people.get(performer.id)
        if before is None or utc_text(before.updated) <= utc_text(performer.updated):
            people[performer.id] = performer


def _newest(performers: Sequence[BoxPerformer]) -> str:
    return max((utc_text(each.updated) for each in performers), default="")


def _oldest(performers: Sequence[BoxPerformer]) -> str:
    return min((utc_text(each.updated) for each in performers), default="")
