"""Filters, order and pages as Stash has them."""

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from .library import Library, Performer, Tagged

T = TypeVar("T", Tagged, Performer)
Json = Mapping[str, Any]

_ALL = -1
_PER_PAGE = 25
_NOT = re.compile(r"-.")
_DIGITS = re.compile(r"([0-9]+)")
_SHUFFLE = random.Random(7)


def number(text: str) -> int:
    """An id. Raises ValueError in the words of Stash's parser."""
    if re.fullmatch(r"[+-]?[0-9]+", text) is None:
        raise ValueError(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def by_ids(kind: str, items: Mapping[int, T], ids: Sequence[str]) -> list[T]:
    """The items of these ids in this order; filter and page do not count then."""
    wanted = [number(each) for each in ids]
    for each in wanted:
        if each not in items:
            raise ValueError(f"{kind} with id {each} not found")
    return [items[each] for each in wanted]


def tagged_fits(item: Tagged, criteria: Json | None) -> bool:
    """Whether an image, a gallery or a scene passes the filter."""
    for name, criterion in (criteria or {}).items():
        if criterion is None:
            continue
        fits = {
            "AND": lambda c: tagged_fits(item, c),
            "id": lambda c: _compare(item.id, c),
            "performer_count": lambda c: _compare(len(item.performers), c),
            "performers": lambda c: _multi(item.performers, c),
            "galleries": lambda c: _multi(item.galleries, c),
            "oshash": lambda c: any(_text(file.fingerprints.get("oshash", ""), c) for file in item.files),
            "path": lambda c: any(_text(place, c) for place in _places(item)),
            "tags": lambda c: _multi(item.tags, c),
            "studios": lambda c: _multi([] if item.studio is None else [item.studio], c),
            "organized": lambda c: item.organized == c,
            "created_at": lambda c: _later(item.created_at, c),
        }[name]
        if not fits(criterion):
            return False
    return True


def tag_fits(name: str, criteria: Json | None) -> bool:
    """Whether a tag, which here has no aliases, passes the filter."""
    return all(
        {"name": _text(name, criterion)}[key]
        for key, criterion in (criteria or {}).items()
        if criterion is not None
    )


def performer_fits(performer: Performer, criteria: Json | None) -> bool:
    """Whether a performer passes the filter, or the other one that its OR names."""
    if criteria and criteria.get("OR"):
        rest = {name: each for name, each in criteria.items() if name != "OR"}
        return performer_fits(performer, rest) or performer_fits(performer, criteria["OR"])
    for name, criterion in (criteria or {}).items():
        if criterion is None:
            continue
        fits = {
            "AND": lambda c: performer_fits(performer, c),
            "name": lambda c: _text(performer.name, c),
            "aliases": lambda c: any(_text(alias, c) for alias in performer.alias_list),
            "stash_id_endpoint": lambda c: _stash_id(performer, c, [c.get("stash_id")]),
            "stash_ids_endpoint": lambda c: _stash_id(performer, c, c.get("stash_ids") or []),
        }[name]
        if not fits(criterion):
            return False
    return True


def performer_sought(performer: Performer, text: str | None) -> bool:
    """Whether a performer is found by `q`: each word in the name or in one alias, none that follows a `-`.

    A word in quotes is taken as it is. Stash looks at each alias beside the name, so two words of two aliases
    find nobody.
    """
    words = (text or "").split()
    if any(word.upper() == "OR" or word == "|" for word in words[1:-1]):
        raise ValueError("the stand-in knows no OR in a search")
    wanted = [_unquoted(word) for word in words if not _NOT.match(word)]
    unwanted = [_unquoted(word[1:]) for word in words if _NOT.match(word)]
    places = [[performer.name, alias] for alias in performer.alias_list or [""]]

    def has(place: Sequence[str], word: str) -> bool:
        return any(_like(each, f"%{word}%") for each in place)

    return any(
        all(has(place, word) for word in wanted) and not any(has(place, word) for word in unwanted)
        for place in places
    )


def page(items: Iterable[T], find: Json | None, keys: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """Sort and cut. Without `sort` the order is nobody's promise: here it is another one each time."""
    find = find or {}
    listed = list(items)
    _SHUFFLE.shuffle(listed)
    sort = find.get("sort")
    if sort:
        if sort not in keys:
            raise ValueError(f"invalid sort: {sort}")
        # Whatever the sort, the title or else the id is the last key, and no more: equal ones stay shuffled.
        listed.sort(key=lambda item: natural(getattr(item, "title", None) or str(item.id)))
        listed.sort(key=keys[sort], reverse=find.get("direction") == "DESC")
    per_page = find.get("per_page")
    if per_page is not None and per_page <= _ALL:
        return listed
    per_page = _PER_PAGE if per_page is None else per_page
    start = (max(find.get("page") or 1, 1) - 1) * per_page
    return listed[start : start + per_page]


def natural(text: str) -> list[tuple[int, int | str]]:
    """The key of Stash's NATURAL_CI: numbers by value, letters without case."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in _DIGITS.split(text.casefold())]


TAGGED_KEYS: dict[str, Callable[[Tagged], Any]] = {
    "id": lambda item: item.id,
    "path": lambda item: natural(item.files[0].path if item.files else item.folder or ""),
    "title": lambda item: natural(item.title or (item.files[0].basename if item.files else "")),
    "created_at": lambda item: item.created_at,
    "updated_at": lambda item: item.updated_at,
}
PERFORMER_KEYS: dict[str, Callable[[Performer], Any]] = {
    "id": lambda item: item.id,
    "name": lambda item: natural(item.name),
    "created_at": lambda item: item.created_at,
    "updated_at": lambda item: item.updated_at,
}


def count_of(library: Library, performer_id: int, what: str) -> int:
    """On how many images, galleries or scenes a performer is tagged."""
    return sum(performer_id in item.performers for item in list(getattr(library, what).values()))


def _compare(value: int, criterion: Json) -> bool:
    first, second = criterion["value"], criterion.get("value2") or 0
    match criterion["modifier"]:
        case "EQUALS":
            return bool(value == first)
        case "NOT_EQUALS":
            return bool(value != first)
        case "GREATER_THAN":
            return bool(value > first)
        case "LESS_THAN":
            return bool(value < first)
        case "BETWEEN":
            return bool(first <= value <= second)
        case other:
            raise ValueError(f"unsupported numeric modifier type {other}")


def _multi(held: Sequence[int], criterion: Json) -> bool:
    """Stash takes an empty list for no filter at all."""
    wanted = {number(each) for each in criterion.get("value") or ()}
    excluded = {number(each) for each in criterion.get("excludes") or ()}
    have, modifier = set(held), criterion["modifier"]
    if modifier in {"IS_NULL", "NOT_NULL"}:
        return bool(have) == (modifier == "NOT_NULL")
    if modifier == "EXCLUDES":
        wanted, excluded = set(), wanted | excluded
    if have & excluded:
        return False
    if not wanted:
        return True
    if modifier == "INCLUDES":
        return bool(have & wanted)
    if modifier == "INCLUDES_ALL":
        return wanted <= have
    if modifier == "EQUALS":
        return wanted == have
    raise ValueError(f"{modifier} modifier is not supported for multi criterion input")


def _stash_id(performer: Performer, criterion: Json, wanted: Sequence[str | None]) -> bool:
    endpoint = criterion.get("endpoint")
    if endpoint and "'" in endpoint:
        raise ValueError(f'SQL logic error: near "{endpoint}": syntax error')  # it is written into the SQL
    held = [each for place, each in performer.stash_ids if not endpoint or place == endpoint]
    match criterion["modifier"]:
        case "EQUALS":
            return any(_like(each, pattern or "") for each in held for pattern in wanted)
        case "NOT_NULL":
            return bool(held)
        case "IS_NULL":
            return not held
        case other:
            raise ValueError(f"the stand-in has no modifier {other} for stash ids")


def _places(item: Tagged) -> list[str]:
    return [*(file.path for file in item.files), *([item.folder] if item.folder else [])]


def _later(moment: datetime, criterion: Json) -> bool:
    if criterion["modifier"] != "GREATER_THAN":
        raise ValueError(f"the stand-in has no modifier {criterion['modifier']} for times")
    return moment > datetime.fromisoformat(criterion["value"])


def _text(held: str, criterion: Json) -> bool:
    match criterion["modifier"]:
        case "INCLUDES":
            return criterion["value"].casefold() in held.casefold()
        case "EQUALS":
            return _like(held, criterion["value"])
        case other:
            raise ValueError(f"the stand-in has no modifier {other} for texts")


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word


def _like(text: str, pattern: str) -> bool:
    """SQL's LIKE, with which Stash compares texts: `_` is any letter, `%` any number of them."""
    wild = {"_": ".", "%": ".*"}
    expression = "".join(wild.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL) is not None
