"""Unknown people of a whole library: how pure and how whole their clusters are, and what they cost.

    python benchmarks/clusters.py [--data FOLDER] [--tracks 1000 10000 100000]

The unknown people of dev whose identity is known, and its named people as if nobody knew them, among
synthetic distractors. The limits of matching/clusters.py were chosen with these figures.

Distractors are drawn from two normal distributions, of people and of a person's faces, whose means and
covariances over both networks together are those of measured faces: the enrolled people and the crowd, one
face each, for people; all with several faces for the rest. The spectrum of the first is sharpened and the
size of the second varies from face to face until the scores of strangers and of one person's faces lie where
the measured ones do; both are printed.

`--half` takes half of the people alone, by a hash of their names, for the distractors too. TIGHTER was looked
at on all people before it was on `fit`, so `held-out` is a check, and not wholly unseen.
"""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lab
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.clusters import (
    LinkRules,
    join_decades,
    least_decades,
    link_clusters,
    shared_moments,
)
from stash_sense.matching.near_tracks import near_pairs
from stash_sense.media.photo import load_image
from stash_sense.recognition.recognizer import LoadedPack

Array = NDArray[np.float32]

SHARPENED = 1.5
"""Power of the spectrum of people: real strangers are alike more often than normal ones."""
SPREAD = 0.35
"""Standard deviation of the logarithm of the size of a face's own part."""
WITHIN = 1.15
"""Share of the measured covariance within people: means of few faces hide some of it."""
SMOOTHED = 0.1
OVERLAP = 0.3
THREADS = 2
DRAWN_AT_ONCE = 20_000
SAMPLED = 5000
"""Distractors whose clusters are scored."""
FAR = (-1.525, -0.51, 0.0, 0.5, 1.0)
"""Decades at which the share of pairs of strangers is printed."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEAST_PRECISION, LEAST_F = 0.99, 0.9
NAMED, MOST_ACTIONS = 0.9, 1.1
"""Share of the unknown faces that is to be named, and actions for that, a person."""
HALVES = ("fit", "held-out")
MOST_SECONDS = {100_000: 180.0, 1_000_000: 1800.0}
MOST_MEGABYTES = 1500.0


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """vectors (n, d): both networks side by side. people, photos: of each face."""

    vectors: Array
    people: list[str]
    photos: list[str]


class Distractors:
    """Draws people, and faces of them, that score as measured faces do."""

    def __init__(self, faces: Faces, dimensions: Sequence[int], seed: int) -> None:
        people, owners, counts = np.unique(faces.people, return_inverse=True, return_counts=True)
        sums = np.zeros((len(people), faces.vectors.shape[1]), np.float32)
        np.add.at(sums, owners, faces.vectors)
        several = counts[owners] > 1
        rest = (faces.vectors - sums[owners] / counts[owners][:, None])[several]
        own = rest.T @ rest / (several.sum() - (counts > 1).sum())
        first = faces.vectors[np.unique(owners, return_index=True)[1]]
        whole = np.cov(first.T)
        own = (1 - SMOOTHED) * own + SMOOTHED * whole * np.trace(own) / np.trace(whole)
        self._mean = first.mean(axis=0)
        values, axes = np.linalg.eigh(whole - WITHIN * own)
        values = values.clip(0)
        sharp = values**SHARPENED
        self._people = (axes * np.sqrt(sharp * values.sum() / sharp.sum())).astype(np.float32)
        values, axes = np.linalg.eigh(WITHIN * own)
        self._faces = (axes * np.sqrt(values.clip(0))).astype(np.float32)
        self._dimensions = dimensions
        self._rng = np.random.default_rng(seed)

    def draw(self, owners: NDArray[np.int64]) -> Array:
        """One face for each index of a person, which rise: (n, d)."""
        width = len(self._mean)
        count = int(owners.max(initial=0)) + 1
        people = self._mean + self._rng.standard_normal((count, width), np.float32) @ self._people.T
        size = np.exp(self._rng.normal(-(SPREAD**2), SPREAD, (len(owners), 1))).astype(np.float32)
        noise = self._rng.standard_normal((len(owners), width), np.float32) @ self._faces.T
        faces = people[owners] + size * noise
        edges = np.cumsum([0, *self._dimensions])
        for low, high in pairwise(edges.tolist()):
            faces[:, low:high] /= np.linalg.norm(faces[:, low:high], axis=1, keepdims=True)
        return np.asarray(faces, np.float32)

    def owners(self, count: int) -> NDArray[np.int64]:
        """People of so many faces: two fifths with one face, the others with four more on average."""
        sizes = 1 + self._rng.geometric(0.25, count) * (self._rng.random(count) < 0.6)
        return np.repeat(np.arange(count), np.minimum(sizes, 40))[:count]


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--tracks", type=int, nargs="+", default=[1000, 10_000, 100_000], help="sizes")
    parser.add_argument("--seeds", type=int, default=1, help="draws of distractors for each size")
    parser.add_argument("--half", choices=HALVES, help="half of the people alone")
    options = parser.parse_args()
    data, pack = lab.face_data(options.data), lab.default_pack()
    unknown, named = read_dev(data, pack)
    known = read_references(data, pack)
    fitted = Faces(
        np.concatenate([known.vectors, unknown.vectors, named.vectors]),
        [*known.people, *unknown.people, *named.people],
        [],
    )
    if options.half:
        fitted, known, unknown, named = (
            half_of(faces, options.half) for faces in (fitted, known, unknown, named)
        )
    dimensions = [pack.dimensions[slot] for slot in pack.scorer.slots]
    distractors = Distractors(fitted, dimensions, 0)
    _print_match(distractors, known, named, pack.scorer, dimensions)
    figures = [
        figures_of(unknown, named, Distractors(fitted, dimensions, seed + 1), tracks, pack.scorer, dimensions)
        for tracks in options.tracks
        for seed in range(options.seeds)
    ]
    lab.table(
        "Clusters, by size of the library: B-cubed precision, recall and F of faces",
        list(figures[0]),
        [list(row.values()) for row in figures],
    )
    largest = [row for row in figures if row["tracks"] == max(options.tracks)]
    rows = [
        lab.bar(
            "precision of the unknown", float(np.mean([r["unknown P"] for r in largest])), LEAST_PRECISION
        ),
        lab.bar("F of the unknown", float(np.mean([r["unknown F"] for r in largest])), LEAST_F),
    ]
    actions = float(np.mean([r["actions a person"] for r in largest]))
    rows.append(lab.bar("actions a person to name 90 %", actions, MOST_ACTIONS, least=False))
    for row in figures:
        if row["tracks"] in MOST_SECONDS:
            wanted = MOST_SECONDS[row["tracks"]]
            rows.append(lab.bar(f"s, full pass of {row['tracks']:,}", row["s"], wanted, least=False))
    rows.append(lab.bar("MB at the most", lab.peak_megabytes(), MOST_MEGABYTES, least=False))
    lab.table("Bars", ["what", "figure", "wanted", "reached"], rows)
    lab.save("clusters", {"figures": figures})


def places_of(vectors: NDArray[np.floating[Any]], scorer: Scorer, dimensions: Sequence[int]) -> Array:
    """Places of faces (n, d)."""
    parts = np.split(vectors.astype(np.float32), np.cumsum(dimensions)[:-1], axis=1)
    return scorer.places(dict(zip(scorer.slots, parts, strict=True)))


def figures_of(
    unknown: Faces,
    named: Faces,
    distractors: Distractors,
    tracks: int,
    scorer: Scorer,
    dimensions: Sequence[int],
) -> dict[str, Any]:
    """Link the faces of dev among so many distractors, and score."""
    owners = distractors.owners(tracks)
    places = np.empty((len(unknown.people) + len(named.people) + tracks, sum(dimensions)), np.float16)
    own = np.concatenate([unknown.vectors, named.vectors])
    places[: len(own)] = places_of(own, scorer, dimensions)
    for start in range(0, tracks, DRAWN_AT_ONCE):
        part = owners[start : start + DRAWN_AT_ONCE]
        drawn = distractors.draw(part - part[0])
        places[len(own) + start : len(own) + start + len(part)] = places_of(drawn, scorer, dimensions)
        owners[start : start + DRAWN_AT_ONCE] += start * tracks  # each draw is of other people
    truth = [*unknown.people, *(f"named {name}" for name in named.people), *owners.tolist()]
    photos = {photo: i for i, photo in enumerate(dict.fromkeys([*unknown.photos, *named.photos]))}
    moments = shared_moments((i, photos[photo]) for i, photo in enumerate([*unknown.photos, *named.photos]))
    begun = time.perf_counter()
    pairs = near_pairs(places, scorer.score_at(least_decades(len(places))), threads=THREADS)
    compared = time.perf_counter()
    rules = LinkRules(np.zeros(len(places), bool), moments)
    sizes = np.ones(len(places), np.int64)
    labels = link_clusters(places, sizes, pairs, rules, scorer, join_decades(len(places)))
    ended = time.perf_counter()
    count = len(unknown.people)
    scores = b_cubed(labels, truth, range(count))
    others = b_cubed(labels, truth, range(count, len(own)))
    rest = b_cubed(labels, truth, range(len(own), min(len(truth), len(own) + SAMPLED)))
    largest = sum(
        max(Counter(int(labels[i]) for i in range(count) if unknown.people[i] == person).values())
        for person in set(unknown.people)
    )
    return {
        "tracks": tracks,
        "pairs": len(pairs),
        "s comparing": compared - begun,
        "s": ended - begun,
        "MB": lab.peak_megabytes(),
        **{f"unknown {name}": value for name, value in zip("PRF", scores, strict=True)},
        "in one action": largest / count,
        "actions a person": actions_to_name(labels[:count], unknown.people) / len(set(unknown.people)),
        **{f"named {name}": value for name, value in zip("PRF", others, strict=True)},
        **{f"distractors {name}": value for name, value in zip("PRF", rest, strict=True)},
    }


def half_of(faces: Faces, half: str) -> Faces:
    """The faces of half of the people."""
    digests = (hashlib.sha256(person.encode()).digest()[-1] % 2 for person in faces.people)
    own = [i for i, digest in enumerate(digests) if HALVES[digest] == half]
    photos = [faces.photos[i] for i in own] if faces.photos else []
    return Faces(faces.vectors[own], [faces.people[i] for i in own], photos)


def actions_to_name(labels: NDArray[np.int64], people: Sequence[str]) -> int:
    """Clusters that must be named, largest first, until NAMED of the faces are.

    In a mixed cluster the faces of one person count. Joining clusters of a person is an action each too.
    """
    best: dict[int, int] = {}
    for (label, _), faces in Counter(zip(labels.tolist(), people, strict=True)).items():
        best[label] = max(best.get(label, 0), faces)
    named = np.cumsum(sorted(best.values(), reverse=True))
    return int(np.searchsorted(named, NAMED * len(people))) + 1


def b_cubed(
    labels: NDArray[np.int64], truth: Sequence[object], scored: Iterable[int]
) -> tuple[float, float, float]:
    """Precision, recall and F over some faces, of the clusters of all."""
    clusters: dict[int, list[int]] = defaultdict(list)
    for i, label in enumerate(labels.tolist()):
        clusters[label].append(i)
    sizes = Counter(truth)
    precisions, recalls = [], []
    for i in scored:
        own = clusters[int(labels[i])]
        same = sum(truth[other] == truth[i] for other in own)
        precisions.append(same / len(own))
        recalls.append(same / sizes[truth[i]])
    precision, recall = float(np.mean(precisions)), float(np.mean(recalls))
    return precision, recall, 2 * precision * recall / (precision + recall)


def read_references(data: lab.FaceData, pack: LoadedPack) -> Faces:
    """The enrolled faces, the crowd included."""
    vectors, people = [], []
    with FaceDatabase.open(data.enrolled(pack)) as database:
        for index in range(database.people):
            own = database.vectors(database.rows(index))
            vectors.append(np.concatenate([own[slot] for slot in pack.scorer.slots], axis=1))
            people += [database.person(index).name] * len(vectors[-1])
    return Faces(np.concatenate(vectors).astype(np.float32), people, [])


def read_dev(data: lab.FaceData, pack: LoadedPack) -> tuple[Faces, Faces]:
    """The faces of dev whose identity is known: of people who are not enrolled, and of those who are."""
    truth = lab.read_details(data)
    found: dict[bool, list[tuple[Array, str, str]]] = {True: [], False: []}
    for gallery, photos in data.galleries().items():
        for path in photos:
            picture = load_image(path)
            across, down = picture.scale
            (faces,) = pack.engine.analyze([picture.pixels])
            listed = truth[gallery]["photos"][path.name]["faces"]
            for face in faces:
                box = face.box / np.array([across, down, across, down])
                best = max(listed, key=lambda each: _overlap(box, each["box"]), default=None)
                if best is None or _overlap(box, best["box"]) < OVERLAP or not best.get("true"):
                    continue
                vector = np.concatenate([face.embeddings[slot] for slot in pack.scorer.slots])
                is_unknown = best["name"] == "UNKNOWN"
                found[is_unknown].append((vector, best["true"], f"{gallery}/{path.name}"))
    unknown, named = (
        Faces(np.stack([row[0] for row in rows]), [row[1] for row in rows], [row[2] for row in rows])
        for rows in (found[True], found[False])
    )
    return unknown, named


def _overlap(box: NDArray[np.floating[Any]], other: Sequence[float]) -> float:
    x, y, width, height = other
    shared = max(0.0, min(box[2], x + width) - max(box[0], x)) * max(
        0.0, min(box[3], y + height) - max(box[1], y)
    )
    return float(shared / ((box[2] - box[0]) * (box[3] - box[1]) + width * height - shared))


def _print_match(
    distractors: Distractors, known: Faces, named: Faces, scorer: Scorer, dimensions: Sequence[int]
) -> None:
    """Where the scores of distractors lie, next to those of measured faces."""
    drawn = distractors.draw(np.arange(len(known.people)))
    several = np.repeat(np.arange(150), 8)
    rows = []
    for name, vectors, people in (
        ("measured", known.vectors, np.unique(known.people, return_inverse=True)[1]),
        ("synthetic", drawn, np.arange(len(drawn))),
    ):
        decades = _decades(vectors, scorer, dimensions)
        strangers = decades[(people[:, None] < people[None])]
        rows.append([name, *(f"{(strangers >= far).mean():.1e}" for far in FAR)])
    lab.table("Strangers: share of pairs at least as alike, decades", ["", *map(str, FAR)], rows)
    rows = []
    for name, vectors, people in (
        ("measured", named.vectors, np.unique(named.people, return_inverse=True)[1]),
        ("synthetic", distractors.draw(several), several),
    ):
        decades = _decades(vectors, scorer, dimensions)
        same = (people[:, None] == people[None]) & np.triu(np.ones_like(decades, bool), 1)
        rows.append([name, *(f"{value:.2f}" for value in np.quantile(decades[same], QUANTILES))])
    lab.table("One person's faces: quantiles, decades", ["", *map(str, QUANTILES)], rows)


def _decades(vectors: Array, scorer: Scorer, dimensions: Sequence[int]) -> NDArray[np.floating[Any]]:
    places = places_of(vectors, scorer, dimensions)
    return scorer.decades(places @ places.T)


if __name__ == "__main__":
    main()
