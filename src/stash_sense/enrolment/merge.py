"""People of several sources that are one person: who leads, which keys they have, and what was decided.

The sources are taken in the order in which they lead: Stash, stash-boxes, public databases, folders,
decisions. A person who shares a key with one of a source before is that person. A folder has names alone: its
person is the performer in Stash of just this name, if there is one such performer and one such folder. Two
people of Stash never become one because another source says so.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from stash_sense.domain.identity import Person, StashId, person_keys, stash_key, visible_name
from stash_sense.enrolment.source_ids import STASH, lead_order, source_kind
from stash_sense.facedb.records import PersonPart


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What one source brings to a person.

    index: of the person, in the current version or, where row is -1, among those of the build.
    row: of the first of its faces in the current version.
    """

    part: PersonPart
    index: int
    row: int = -1

    @property
    def carried(self) -> bool:
        """Whether it is taken over from the current version."""
        return self.row >= 0


ConflictCode = Literal["same-name", "namesakes", "several-people", "other-name"]


@dataclass(frozen=True, slots=True)
class SourceConflict:
    """Where sources disagree about a person, or only a name tells, and how it was decided.

    person: as the database has them. source: whose person of this `name` it is about. decision: a sentence.
    """

    code: ConflictCode
    person: Person
    source: str
    name: str
    decision: str


@dataclass(slots=True, eq=False)
class MergedPerson:
    """A person of a database, and what each source brings; the first leads."""

    person: Person
    contributions: list[Contribution]

    @property
    def parts(self) -> tuple[PersonPart, ...]:
        """What each source says of the person."""
        return tuple(contribution.part for contribution in self.contributions)

    @property
    def faces(self) -> int:
        """How many references the person has."""
        return sum(contribution.part.faces for contribution in self.contributions)


def merge_people(
    contributions: Iterable[Contribution], built: Collection[str]
) -> tuple[list[MergedPerson], list[SourceConflict]]:
    """Everybody with a face, once each, in lead order; and the decisions that touch the sources `built`."""
    ordered = sorted(contributions, key=lambda each: lead_order(each.part.source))
    merging = _Merging(_folder_keys(ordered), built)
    for contribution in ordered:
        merging.add(contribution)
    return merging.finish()


def _folder_keys(contributions: Sequence[Contribution]) -> dict[str, set[str]]:
    """Name without case -> the keys of the people of folders that have it."""
    keys: dict[str, set[str]] = defaultdict(set)
    for contribution in contributions:
        if source_kind(contribution.part.source) == "folder":
            keys[_folded(contribution.part.person.name)].add(contribution.part.person.key)
    return keys


@dataclass(slots=True, eq=False)
class _Merging:
    folder_keys: dict[str, set[str]]
    built: Collection[str]
    people: list[MergedPerson] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    performers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    noted: list[tuple[ConflictCode, int, Contribution, list[int]]] = field(default_factory=list)

    def add(self, contribution: Contribution) -> None:
        part = contribution.part
        keys = person_keys(part.person)
        # A person of Stash is never taken for another one of Stash.
        known = [] if part.source == STASH else [self.owners[key] for key in keys if key in self.owners]
        if known:
            number = known[0]
            others = [other for other in dict.fromkeys(known) if other != number]
            if others:
                self._note("several-people", number, contribution, others)
            elif _folded(part.person.name) not in self._names(number):
                self._note("other-name", number, contribution)
        else:
            number = self._by_name(contribution)
        if number == len(self.people):
            self.people.append(MergedPerson(part.person, []))
        self.people[number].contributions.append(contribution)
        for key in keys:
            self.owners.setdefault(key, number)
        if part.source == STASH:
            for name in _names(part):
                self.performers[name].append(number)

    def finish(self) -> tuple[list[MergedPerson], list[SourceConflict]]:
        for number, merged in enumerate(self.people):
            merged.person = self._whole(number)
        conflicts = [self._conflict(*noted) for noted in self.noted if self.people[noted[1]].faces]
        return [merged for merged in self.people if merged.faces], conflicts

    def _by_name(self, contribution: Contribution) -> int:
        """The number of the one performer of this name, for a person of a folder; else a new number."""
        part, new = contribution.part, len(self.people)
        if source_kind(part.source) != "folder":
            return new
        name = _folded(part.person.name)
        performers = self.performers.get(name, [])
        if len(performers) == 1 and len(self.folder_keys[name]) == 1:
            self._note("same-name", performers[0], contribution)
            return performers[0]
        if performers:
            self._note("namesakes", new, contribution, performers)
        return new

    def _names(self, number: int) -> set[str]:
        return {
            name for contribution in self.people[number].contributions for name in _names(contribution.part)
        }

    def _note(
        self, code: ConflictCode, number: int, contribution: Contribution, others: Sequence[int] = ()
    ) -> None:
        involved = (number, *others)
        sources = {each.part.source for person in involved for each in self._contributions(person)}
        if not sources.isdisjoint(self.built) or contribution.part.source in self.built:
            self.noted.append((code, number, contribution, list(others)))

    def _contributions(self, number: int) -> list[Contribution]:
        return self.people[number].contributions if number < len(self.people) else []

    def _whole(self, number: int) -> Person:
        """The person as all sources together describe them, under the first one's key and name."""
        parts = self.people[number].parts
        lead = parts[0].person
        own = [part.person for part in parts]
        aliases = dict.fromkeys(key for person in own for key in (person.key, *person.aliases))
        stash_ids = dict.fromkeys(pair for person in own for pair in person.stash_ids)
        return replace(
            lead,
            aliases=tuple(key for key in aliases if key != lead.key and self.owners[key] == number),
            country=next((person.country for person in own if person.country), None),
            image_url=next((person.image_url for person in own if person.image_url), None),
            stash_ids=tuple(pair for pair in stash_ids if self.owners[stash_key(StashId(*pair))] == number),
        )

    def _conflict(
        self, code: ConflictCode, number: int, contribution: Contribution, others: Sequence[int]
    ) -> SourceConflict:
        person, part = self.people[number].person, contribution.part
        named = f"{part.person.full_name} of {part.source}"
        also = ", ".join(self.people[other].person.full_name for other in others)
        name, lead = person.full_name, self.people[number].parts[0].source
        decision = {
            "same-name": f"{named} is taken for the performer {name}, the only one of this name.",
            "namesakes": f"{named} stays a person apart: several people have this name ({also}).",
            "several-people": f"{named} has keys of several people; counted as {name}, not {also}.",
            "other-name": f"{named} is called {name}, as in {lead}.",
        }[code]
        return SourceConflict(code, person, part.source, part.person.name, decision)


def _names(part: PersonPart) -> set[str]:
    return set(map(_folded, (part.person.name, part.person.full_name, *part.names)))


def _folded(name: str) -> str:
    return visible_name(name).casefold()
