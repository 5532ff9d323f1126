"""References filed under the wrong person: how many the hygiene report finds, and what they cost.

    python benchmarks/hygiene.py [--data FOLDER] [--seeds N]

Of the reference photos of dev/enrol 5 % are filed under another of its people, drawn again for each seed; the
crowd is enrolled too. A finding is a reference in use that the report lists as another person's. Then the
labelled galleries are named by the database without wrong references, with them, without those that a build
quarantines by itself, and without all that the report lists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import lab
from answers import answered
from stash_sense.domain.identity import Person
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.build import database_writer
from stash_sense.enrolment.hygiene import inspect_references
from stash_sense.enrolment.quarantine import PersonReferences, quarantine
from stash_sense.facedb.database import FaceDatabase
from stash_sense.facedb.layout import Photo
from stash_sense.runtime.from_settings import recognizer
from trials import Trials, trials

SHARE = 0.05
LEAST_FOUND, MOST_FALSE = 0.90, 0.02
ACCURACY_SEEDS = 3

Owners = Mapping[int, int]
"""Row of a reference in the whole database -> index of the person it is filed under."""


@dataclass(frozen=True, slots=True)
class Mislabelled:
    """owners: of every reference. moved: rows that are filed under another person."""

    owners: Owners
    moved: frozenset[int]


def mislabel(whole: FaceDatabase, dev: Iterable[int], seed: int) -> Mislabelled:
    """File SHARE of the references of dev's people under another of them."""
    random = np.random.default_rng(seed)
    people = sorted(dev)
    owners = {row: index for index in range(whole.people) for row in whole.rows(index)}
    rows = [row for index in people for row in whole.rows(index)]
    moved = random.choice(rows, round(SHARE * len(rows)), replace=False).tolist()
    for row in moved:
        owners[row] = int(random.choice([index for index in people if index != owners[row]]))
    return Mislabelled(owners, frozenset(moved))


def write_filed(given: Trials, place: Path, owners: Owners, without: frozenset[int] = frozenset()) -> None:
    """Write a face database with every reference under its owner; a person's own references come first."""
    whole = given.whole
    filed: dict[int, list[int]] = {}
    for row in sorted(owners, key=lambda row: (owners[row], row not in whole.rows(owners[row]), row)):
        if row not in without:
            filed.setdefault(owners[row], []).append(row)
    with database_writer(place, given.pack) as writer:
        for index, rows in filed.items():
            vectors = np.stack([whole.row_vector(row) for row in rows])
            # The path says which row of the whole database it is.
            references = [replace(whole.reference(row), photo=str(row)) for row in rows]
            writer.add_person(whole.person(index), references, vectors)
            for row in rows:
                writer.add_photo(Photo(str(row), "", whole.person(index).key))
        writer.commit(["labelled"])


def rows_listed(given: Trials, place: Path) -> frozenset[int]:
    """The references in use that the report lists."""
    with FaceDatabase.open(place) as database:
        report = inspect_references(database, given.pack, NoProgress())
    return frozenset(int(finding.photo) for finding in report.findings if finding.in_use)


def rows_quarantined(given: Trials, place: Path) -> frozenset[int]:
    """The references that a build leaves out by itself."""
    with FaceDatabase.open(place) as database:

        def people() -> Iterable[PersonReferences]:
            for index in range(database.people):
                rows = database.rows(index)
                photos = [database.reference(row).photo for row in rows]
                yield PersonReferences(database.person(index).name, photos, database.row_vectors(rows))

        return frozenset(map(int, quarantine(people, given.pack, place)))


def accuracy(given: Trials, place: Path) -> tuple[float, float]:
    """Precision and recall of the galleries' people, by photo, by gallery evidence."""
    right = wrong = there = 0
    with recognizer(given.pack, place) as ready:
        for gallery, photos in given.seen.items():
            named = answered(photos, ready, "gallery").named
            for photo, names in given.truth[gallery].items():
                known = set(names) & given.known
                said = named.get(photo, set())
                right, wrong, there = right + len(said & known), wrong + len(said - known), there + len(known)
    return right / max(1, right + wrong), right / there


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    data = lab.face_data(options.data)
    found, false, rows = [], [], []
    by_state: dict[str, list[tuple[float, float]]] = {}
    with trials(data) as given:
        dev = [index for index in range(given.whole.people) if _is_of(given.whole.person(index), given)]
        total = sum(len(given.whole.rows(index)) for index in dev)
        for seed in range(options.seeds):
            labels = mislabel(given.whole, dev, seed)
            place = given.folder / f"mislabelled-{seed}"
            write_filed(given, place, labels.owners)
            listed = rows_listed(given, place)
            found.append(len(listed & labels.moved) / len(labels.moved))
            false.append(len(listed - labels.moved) / (total - len(labels.moved)))
            if seed < ACCURACY_SEEDS:
                quarantined = rows_quarantined(given, place)
                states = {
                    "no wrong reference": (dict(_own(given.whole)), frozenset()),
                    "5 % wrong": (labels.owners, frozenset()),
                    "after a build's own quarantine": (labels.owners, quarantined),
                    "without all that is listed": (labels.owners, listed),
                }
                for name, (owners, without) in states.items():
                    filed = given.folder / f"{name}-{seed}"
                    write_filed(given, filed, owners, without)
                    by_state.setdefault(name, []).append(accuracy(given, filed))
    for name, figures in by_state.items():
        precision, recall = np.mean(figures, axis=0).round(4).tolist()
        rows.append([name, precision, recall])
    lab.table(
        "Named on the galleries' photos, gallery evidence", ["face database", "precision", "recall"], rows
    )
    bars = [
        lab.bar("wrong references found", float(np.mean(found)), LEAST_FOUND),
        lab.bar("right references listed", float(np.mean(false)), MOST_FALSE, least=False),
    ]
    lab.table(f"{options.seeds} seeds", ["what", "figure", "wanted", "reached"], bars)
    lab.save("hygiene", {"found": found, "false": false, "accuracy": by_state})


def _own(whole: FaceDatabase) -> Iterable[tuple[int, int]]:
    return ((row, index) for index in range(whole.people) for row in whole.rows(index))


def _is_of(person: Person, given: Trials) -> bool:
    return person.name in given.known


if __name__ == "__main__":
    main()
