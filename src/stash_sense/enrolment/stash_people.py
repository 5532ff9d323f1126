from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stash_sense.domain.people import Person, StashId, performer_key, stash_key
from stash_sense.stash.types import Performer

LOCAL = "local:"


@dataclass(frozen=True, slots=True)
class StashPerson:
    """A person, and Stash's performers that are this person, by id: several where they share a stash id.

    person.local_id is the first performer's; `local:<id>` of each stands among the key and the aliases.
    """

    person: Person
    performers: tuple[Performer, ...]

    @property
    def portraits(self) -> tuple[Performer, ...]:
        """The performers that have a portrait."""
        return tuple(each for each in self.performers if each.portrait_url)


def people_of(performers: Iterable[Performer], boxes: Sequence[str]) -> list[StashPerson]:
    """Everybody once, in the order of the lowest performer id. boxes: endpoints in Stash's own order."""
    groups = _grouped(sorted(performers, key=lambda each: int(each.id)))
    return [StashPerson(_person(group, boxes), tuple(group)) for group in groups]


def _grouped(performers: Sequence[Performer]) -> list[list[Performer]]:
    """Performers that share a stash id, directly or through a third, stand together."""
    group_of: dict[str, list[Performer]] = {}
    groups: dict[int, list[Performer]] = {}
    for performer in performers:
        keys = {LOCAL + performer.id, *map(stash_key, performer.stash_ids)}
        met = {id(group): group for key in keys if (group := group_of.get(key)) is not None}
        joined = [each for group in met.values() for each in group] + [performer]
        for number in met:
            del groups[number]
        joined.sort(key=lambda each: int(each.id))
        groups[id(joined)] = joined
        for each in joined:
            group_of |= dict.fromkeys((LOCAL + each.id, *map(stash_key, each.stash_ids)), joined)
    return sorted(groups.values(), key=lambda group: int(group[0].id))


def _person(group: Sequence[Performer], boxes: Sequence[str]) -> Person:
    first = group[0]
    stash_ids = {stash_id for each in group for stash_id in each.stash_ids}
    known_as = performer_key(first.id, stash_ids, boxes)
    local = [LOCAL + each.id for each in group]
    aliases = [alias for alias in (*known_as.aliases, *local) if alias != known_as.key]
    return Person(
        key=known_as.key,
        name=first.name,
        aliases=tuple(dict.fromkeys(aliases)),
        country=next((each.country for each in group if each.country), None),
        image_url=next((_lasting(each.portrait_url) for each in group if each.portrait_url), None),
        stash_ids=tuple((each.endpoint, each.stash_id) for each in _in_order(stash_ids, boxes)),
        local_id=first.id,
    )


def _in_order(stash_ids: Iterable[StashId], boxes: Sequence[str]) -> list[StashId]:
    order = {endpoint: place for place, endpoint in enumerate(boxes)}
    return sorted(
        stash_ids, key=lambda each: (order.get(each.endpoint, len(order)), each.endpoint, each.stash_id)
    )


def _lasting(url: str) -> str:
    """The portrait's address without the time of the last edit, which says nothing of the person."""
    return url.partition("?")[0]
