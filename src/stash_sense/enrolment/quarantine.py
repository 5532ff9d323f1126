"""Quarantine: which of a person's reference faces seem to show another person."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stash_sense.enrolment.set_aside import nearer_to_other, unlike_others
from stash_sense.facedb.search import search_people
from stash_sense.faces.engine import SLOTS
from stash_sense.matching.tracks import COPY_DISTANCE
from stash_sense.recognition.recognizer import LoadedPack

SAME_PERSON_DISTANCE = 0.6
"""Up to here two faces count as one person's: 3 in 100,000 pairs of different people are as near."""

UNLIKE_DISTANCE = 1.1046
"""From here on nothing suggests one person: 99 in 100 pairs of different people are farther (ANCHORS)."""

SEARCH_BATCH = 64
"""Doubtful references searched together."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reference that none of its person's other references supports.

    index: among the person's references. own: distance to the nearest of the others. far: beyond
    UNLIKE_DISTANCE from all of them, while at least two of them agree that are not copies of one picture.
    """

    index: int
    own: float
    far: bool


def find_doubtful(distances: NDArray[np.floating]) -> list[Doubt]:
    """Find the doubtful ones among a person's references; a single reference is never doubtful.

    distances: (n, n), of the references to one another.
    """
    count = len(distances)
    if count < 2:
        return []
    apart = distances + np.diag(np.full(count, np.inf))
    own = apart.min(axis=1)
    # Copies of one picture, which a folder often holds, are one witness and do not outvote another picture.
    agreeing = (apart <= SAME_PERSON_DISTANCE) & (apart >= COPY_DISTANCE)
    return [
        Doubt(int(index), float(own[index]), bool(own[index] > UNLIKE_DISTANCE and agreeing.any()))
        for index in np.flatnonzero(own > SAME_PERSON_DISTANCE)
    ]


def find_disagreeing(distances: NDArray[np.floating], qualities: Sequence[float]) -> list[int]:
    """Of a person's references no two of which agree, indices of those worth a look: all but the best.

    One of them shows another person, and nothing tells which; a build leaves them all. distances: (n, n), as
    above. qualities: of each, 0 to 1.
    """
    count = len(distances)
    apart = distances + np.diag(np.full(count, np.inf))
    if count < 2 or apart.min() <= UNLIKE_DISTANCE:
        return []
    best = int(np.argmax(qualities))
    return [index for index in range(count) if index != best]


def trusted_references(distances: NDArray[np.floating]) -> list[int]:
    """Indices of the references that other people's doubtful ones are compared with.

    All but the doubtful, and always the first, which is the portrait. distances: (n, n), as above.
    """
    doubtful = {doubt.index for doubt in find_doubtful(distances) if doubt.index}
    return [index for index in range(len(distances)) if index not in doubtful]


def belongs_elsewhere(doubt: Doubt, other: float) -> bool:
    """Whether a doubtful reference shows another person.

    other: distance to the nearest trusted reference of everybody else.
    """
    return other <= SAME_PERSON_DISTANCE and other < doubt.own


@dataclass(frozen=True, slots=True, eq=False)
class PersonReferences:
    """The references given for a person. photos: path of each; vectors (n, d) float32: slots side by side.

    guessed: of the photos, those that show further people nearly as prominently.
    """

    name: str
    photos: Sequence[str]
    vectors: NDArray[np.float32]
    guessed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class _DoubtfulReference:
    """A reference to be compared with everybody else's. person: index of its person."""

    person: int
    photo: str
    vector: NDArray[np.float32]
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class _OtherPerson:
    """The nearest person other than a reference's own, by that person's trusted references."""

    name: str
    distance: float


def unconfirmed_guesses(person: PersonReferences, pack: LoadedPack) -> Iterator[str]:
    """The photos whose face was guessed among several and is borne out by no other photo of the person.

    A copy of the same picture bears nothing out, nor does another guess: the same couple is on both.
    """
    if not person.guessed:
        return
    certain = [index for index, photo in enumerate(person.photos) if photo not in person.guessed]
    distances = reference_distances(person.vectors, pack)
    for index, photo in enumerate(person.photos):
        if photo in person.guessed and not (
            pack.calibrated and any(distances[index, other] <= SAME_PERSON_DISTANCE for other in certain)
        ):
            yield photo


def quarantine(
    read_people: Callable[[], Iterable[PersonReferences]], pack: LoadedPack, scratch: Path
) -> dict[str, str]:
    """Return photo -> reason for the references that seem to show another person.

    read_people: yields everybody with a face, in the same order at each call, so that the vectors need not
    fit into memory. scratch: a directory with room for all vectors.
    At least one reference of everybody stays: the first, if all are doubtful. Raises OSError.
    """
    doubtful = [
        _DoubtfulReference(index, person.photos[doubt.index], person.vectors[doubt.index], doubt)
        for index, person in enumerate(read_people())
        if len(person.photos) > 1  # nothing contradicts an only reference
        for doubt in find_doubtful(reference_distances(person.vectors, pack))
    ]
    if not doubtful:
        return {}
    others = _nearest_others(doubtful, read_people, pack, scratch)
    reasons = {
        reference.photo: reason
        for reference, other in zip(doubtful, others, strict=True)
        if (reason := _reason(reference.doubt, other))
    }
    for person in read_people():
        if all(photo in reasons for photo in person.photos):
            del reasons[person.photos[0]]
    return reasons


def _reason(doubt: Doubt, other: _OtherPerson | None) -> str:
    if other and belongs_elsewhere(doubt, other.distance):
        return nearer_to_other(other.name, other.distance, doubt.own)
    return unlike_others(doubt.own) if doubt.far else ""


def _nearest_others(
    doubtful: Sequence[_DoubtfulReference],
    read_people: Callable[[], Iterable[PersonReferences]],
    pack: LoadedPack,
    scratch: Path,
) -> list[_OtherPerson | None]:
    """For each doubtful reference, the nearest other person; None if nobody else is enrolled."""
    starts, names = [0], []
    with tempfile.TemporaryFile(dir=scratch) as file:
        for person in read_people():
            rows = person.vectors[trusted_references(reference_distances(person.vectors, pack))]
            file.write(np.ascontiguousarray(rows, "<f4").tobytes())
            starts.append(starts[-1] + len(rows))
            names.append(person.name)
        file.flush()
        shape = (starts[-1], len(doubtful[0].vector))
        vectors: NDArray[np.float32] = np.memmap(file, "<f4", mode="r", shape=shape)
        others: list[_OtherPerson | None] = []
        for first in range(0, len(doubtful), SEARCH_BATCH):
            batch = doubtful[first : first + SEARCH_BATCH]
            slots = split_slots(np.stack([reference.vector for reference in batch]), pack)
            nearest = search_people(vectors, np.array(starts), pack.scorer.queries(slots), 2)
            distances = pack.scorer.distances(nearest.scores)
            for reference, people, line in zip(batch, nearest.people, distances, strict=True):
                ranked = zip(people.tolist(), line.tolist(), strict=True)
                ranked_others = (
                    _OtherPerson(names[index], distance)
                    for index, distance in ranked
                    if index not in (-1, reference.person)
                )
                others.append(next(ranked_others, None))
        return others


def reference_distances(vectors: NDArray[np.float32], pack: LoadedPack) -> NDArray[np.float64]:
    """Fused distances (n, n) of vectors (n, d), slots side by side, to one another."""
    slots = split_slots(vectors, pack)
    return pack.scorer.fused(slots, slots)


def split_slots(vectors: NDArray[np.float32], pack: LoadedPack) -> dict[str, NDArray[np.float32]]:
    """Slot -> (n, d) of vectors with the slots side by side."""
    edges = np.cumsum([pack.dimensions[slot] for slot in SLOTS])[:-1]
    return dict(zip(SLOTS, np.split(vectors, edges, axis=1), strict=True))
