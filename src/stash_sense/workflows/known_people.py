"""The people of a gallery by index: those of the face database, and those whom only a person named."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stash_sense.facedb import FaceDatabase, Person


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of a face: whom it shows, whom it does not, that it does not matter, or that it is
    not the person of the faces it was grouped with."""

    confirmed: str | None = None
    name: str | None = None
    rejected: frozenset[str] = frozenset()
    ignored: bool = False
    apart: bool = False


NOTHING_SAID = Said()


class KnownPeople:
    """Indices from 0 on are the face database's; negative ones are of people who were confirmed by hand and
    are not enrolled."""

    def __init__(self, database: FaceDatabase, said: Mapping[int, Said]) -> None:
        self._database = database
        self._by_hand: list[Person] = []
        confirmed = {one.confirmed: one.name for one in said.values() if one.confirmed is not None}
        rejected = [key for one in said.values() for key in one.rejected]
        self._index = database.find(dict.fromkeys((*confirmed, *rejected)))
        for key, name in confirmed.items():
            if key not in self._index:
                self._by_hand.append(Person(key, name or key))
                self._index[key] = -len(self._by_hand)

    def person(self, index: int) -> Person:
        """The person at an index."""
        return self._database.person(index) if index >= 0 else self._by_hand[-index - 1]

    def name(self, index: int) -> str:
        """Their name."""
        return self.person(index).name

    def confirmed(self, said: Said) -> int | None:
        """Whom a face was said to show."""
        return None if said.confirmed is None else self._index[said.confirmed]

    def indices(self, keys: Iterable[str]) -> frozenset[int]:
        """Those of the people who are known here by these keys."""
        return frozenset(self._index[key] for key in keys if key in self._index)
