"""Suggestions of tags as they are shown: each page is checked against Stash first.

What Stash has by now, what is gone from it, and performers who were merged away leave the list by themselves.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

from stash_sense.domain.identity import (
    LOCAL,
    Person,
    StashId,
    person_keys,
    stash_key,
    visible_name,
)
from stash_sense.errors import DiskFull, StashError, StateBusy, StateUnwritable
from stash_sense.facedb.database import FaceDatabase
from stash_sense.stash.client import StashClient
from stash_sense.stash.targets import TARGETS_TOGETHER, StashTarget
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_tags import TAGGED_TYPES, TargetTags
from stash_sense.store.repositories.suggestion_list import (
    SuggestionGroup,
    SuggestionPage,
    SuggestionQuery,
)

DEFAULT_CONFIDENCE = 0.5
"""From here on suggestions are shown unless another limit is asked for: a distance of 0.5 on the calibrated
scale, halfway between false-match rates of 3e-5 and 3e-6 per comparison."""
REQUESTS = 4
"""At a time."""
ROUNDS = 5
"""How often a page is filled again for what left it, before a shorter one is shown."""

T = TypeVar("T")
_Target = tuple[str, str]
_Found = Mapping[_Target, StashTarget | None]
_PERFORMER = "performer"


class RunOnState(Protocol):
    """Runs work on the state from the event loop."""

    def __call__(self, work: Callable[[RecommendationsDB], T]) -> Any:
        """An awaitable of the result of `work`."""
        ...


async def suggestions_page(
    in_state: RunOnState, stash: StashClient | None, database: FaceDatabase | None, query: SuggestionQuery
) -> SuggestionPage:
    """A page of suggestions, of which Stash has every target and not the tag.

    Where Stash cannot be asked, or nothing can be written, the page is as it was last known. database: in
    use; tags that may be wrong are listed of its people alone, as nobody else would be recognised. Raises
    BadInput, StateErrors.
    """

    def is_known(keys: Sequence[str]) -> bool:
        return database is not None and bool(database.find(keys))

    read = partial(RecommendationsDB.list_suggestions, query=query, is_known=is_known)
    found: dict[_Target, StashTarget | None] = {}
    page: SuggestionPage = await in_state(read)
    for _ in range(ROUNDS):
        unknown = [target for target in _targets(page) if target not in found]
        if not unknown or stash is None:
            break
        try:
            news = await _ask(stash, unknown)
        except StashError:
            stash = None
            break
        found |= news
        try:
            await in_state(partial(_record, page=page, found=news))
        except (DiskFull, StateUnwritable, StateBusy):  # it is asked again when the page is
            break
        page = await in_state(read)
    if stash is not None:
        page = _standing(page, found)
    return replace(page, groups=tuple(_as_enrolled(group, database) for group in page.groups))


def _targets(page: SuggestionPage) -> list[_Target]:
    """All that a page is about, and the performers whom it would tag."""
    of = [(each.target_type, each.target_id) for group in page.groups for each in group.suggestions]
    performers = [(_PERFORMER, local_id) for group in page.groups for local_id in local_ids(group.keys)]
    return list(dict.fromkeys([*of, *performers]))


def local_ids(keys: Iterable[str]) -> list[str]:
    """The ids in Stash among a person's keys."""
    return [key.removeprefix(LOCAL) for key in keys if key.startswith(LOCAL)]


async def _ask(stash: StashClient, targets: Sequence[_Target]) -> dict[_Target, StashTarget | None]:
    places = asyncio.Semaphore(REQUESTS)

    async def ask(some: Sequence[_Target]) -> _Found:
        async with places:
            return await stash.find_targets(some)

    starts = range(0, len(targets), TARGETS_TOGETHER)
    answers = await asyncio.gather(*(ask(targets[start : start + TARGETS_TOGETHER]) for start in starts))
    return {target: each for answer in answers for target, each in answer.items()}


def _record(state: RecommendationsDB, page: SuggestionPage, found: _Found) -> None:
    """Store what Stash says of the targets, and whom its performers turned out to be."""
    for kind in TAGGED_TYPES:
        gone = [stash_id for (own, stash_id), each in found.items() if own == kind and each is None]
        if gone:
            state.forget_targets(kind, gone)
    tagged = [(kind, each) for (kind, _), each in found.items() if each is not None and kind in TAGGED_TYPES]
    state.record_tags([as_tags(kind, target) for kind, target in tagged])
    links = {}
    for group in page.groups:
        if local_ids(group.keys):
            continue
        for each in group.suggestions:
            target = found.get((each.target_type, each.target_id))
            same = _same_performer(group, target) if target else None
            if same is not None:
                links[group.person.key] = same
    if links:
        state.link_performers(links)


def as_tags(target_type: str, target: StashTarget) -> TargetTags:
    """What Stash says of a target, to be stored."""
    return TargetTags(
        target_type,
        target.id,
        tuple(performer.id for performer in target.performers),
        target.gallery_ids,
        target.title or None,
        target.organized,
    )


def _same_performer(group: SuggestionGroup, target: StashTarget) -> str | None:
    """The performer on the target who is this person: by an id at a stash-box, else by name."""
    keys = {*group.keys, *person_keys(group.person)}
    for performer in target.performers:
        if keys & {stash_key(StashId(each.endpoint, each.stash_id)) for each in performer.stash_ids}:
            return performer.id
    if group.person.stash_ids:
        return None
    name = visible_name(group.person.name).casefold()
    return next((each.id for each in target.performers if visible_name(each.name).casefold() == name), None)


def _standing(page: SuggestionPage, found: _Found) -> SuggestionPage:
    """Without what Stash was not asked about in time, and performers who are not in Stash (any more)."""
    groups = []
    for group in page.groups:
        own = [each for each in group.suggestions if found.get((each.target_type, each.target_id))]
        ids = local_ids(group.keys)
        here = [local_id for local_id in ids if found.get((_PERFORMER, local_id))]
        if own and (here or not ids):
            keys = (
                *(f"{LOCAL}{local_id}" for local_id in here),
                *(k for k in group.keys if not k.startswith(LOCAL)),
            )
            groups.append(replace(group, suggestions=tuple(own), keys=keys))
    return replace(page, groups=tuple(groups))


def _as_enrolled(group: SuggestionGroup, database: FaceDatabase | None) -> SuggestionGroup:
    """With the person as the face database knows them: one who is merely tagged has no name in the state."""
    index = None if database is None else next(iter(database.find(group.keys).values()), None)
    person: Person = group.person if database is None or index is None else database.person(index)
    return replace(group, person=person)
