"""Stash's performers as people: those that share a stash id are one person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stash_sense.domain.identity import Person, StashId, local_key, performer_key, stash_key
from stash_sense.stash.types import Performer


@dataclass(frozen=True, slots=True)
class StashPerson:
    """A person, and the performers in Stash that are this person, by id.

    person.local_id is the first performer's; `local:<id>` of each is among the key and the aliases.
    """

    person: Person
    performers: tuple[Performer, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that Stash has for the person."""
        return tuple(dict.fromkeys(name for each in self.performers for name in (each.name, *each.aliases)))

    @property
    def portraits(self) -> tuple[Performer, ...]:
        """The performers that have a portrait."""
        return tuple(performer for performer in self.performers if performer.portrait_url)


def group_performers(performers: Iterable[Performer], endpoints: Sequence[str]) -> list[StashPerson]:
    """Return each person once, in the order of their lowest performer id.

    endpoints: of the configured stash-boxes, in Stash's own order.
    """
    groups = _groups(sorted(performers, key=lambda performer: int(performer.id)))
    return [StashPerson(_person(group, endpoints), tuple(group)) for group in groups]


def _groups(performers: Sequence[Performer]) -> list[list[Performer]]:
    """Performers that share a stash id, directly or through a third performer, are in one group."""
    group_by_key: dict[str, list[Performer]] = {}
    groups: dict[int, list[Performer]] = {}
    for performer in performers:
        keys = {local_key(performer.id), *map(stash_key, performer.stash_ids)}
        met = {id(group): group for key in keys if (group := group_by_key.get(key)) is not None}
        joined = [member for group in met.values() for member in group] + [performer]
        for number in met:
            del groups[number]
        joined.sort(key=lambda member: int(member.id))
        groups[id(joined)] = joined
        for member in joined:
            member_keys = (local_key(member.id), *map(stash_key, member.stash_ids))
            group_by_key |= dict.fromkeys(member_keys, joined)
    return sorted(groups.values(), key=lambda group: int(group[0].id))


def _person(group: Sequence[Performer], endpoints: Sequence[str]) -> Person:
    first = group[0]
    stash_ids = {stash_id for performer in group for stash_id in performer.stash_ids}
    ids = performer_key(first.id, stash_ids, endpoints)
    local = [local_key(performer.id) for performer in group]
    aliases = [alias for alias in (*ids.aliases, *local) if alias != ids.key]
    portraits = (performer.portrait_url for performer in group if performer.portrait_url)
    return Person(
        key=ids.key,
        name=first.name,
        aliases=tuple(dict.fromkeys(aliases)),
        country=next((performer.country for performer in group if performer.country), None),
        # Without the time of the last edit, which says nothing about the person.
        image_url=next((url.partition("?")[0] for url in portraits), None),
        stash_ids=tuple(
            (stash_id.endpoint, stash_id.stash_id) for stash_id in _sorted_by_endpoint(stash_ids, endpoints)
        ),
        local_id=first.id,
        disambiguation=first.disambiguation,
    )


def _sorted_by_endpoint(stash_ids: Iterable[StashId], endpoints: Sequence[str]) -> list[StashId]:
    rank = {endpoint: index for index, endpoint in enumerate(endpoints)}
    return sorted(
        stash_ids,
        key=lambda stash_id: (rank.get(stash_id.endpoint, len(rank)), stash_id.endpoint, stash_id.stash_id),
    )
