"""Who is in the library without a name: new tracks meet the stored clusters, and a full pass on command."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.faces import FaceId, Match
from stash_sense.facedb.packed_search import LARGEST_DIGIT, byte_products
from stash_sense.machine import usable_cores
from stash_sense.matching.calibration import Scorer
from stash_sense.matching.candidates import find_candidates
from stash_sense.matching.clusters import (
    ClusterDifference,
    LinkRules,
    compare_clusters,
    join_decades,
    least_decades,
    link_clusters,
    shared_moments,
)
from stash_sense.matching.constraints import TrackConstraints
from stash_sense.matching.near_tracks import in_turn, near_pairs
from stash_sense.recognition.parameters import pack_key
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.cluster_links import ClusterChange, ClusterNode
from stash_sense.store.repositories.cluster_tracks import ChangedTracks
from stash_sense.store.repositories.clusters import StoredCluster
from stash_sense.store.repositories.library_tracks import LibraryTrack, Vectors
from stash_sense.store.repositories.track_vectors import STEP_BYTES, PackedTracks

PICTURES_TOGETHER = 500
"""Pictures whose tracks are linked in one transaction."""

NEAREST_TRACKS = 32
"""Stored tracks that a new one may be near to, at most."""

_VECTORS_AT_ONCE = 8192
_THREADS = 2
_SLOTS = ("facenet", "arcface")
_SIGN = 128
"""A whole number of eight bits with this bit turned round is this much larger, and has no sign."""


def cluster_new_tracks(
    state: RecommendationsDB, pack: str, scorer: Scorer, is_wanted: Callable[[], bool] = lambda: True
) -> ClusterChange:
    """Link what came to the library, or changed there, since the last call, with what is stored. Blocks.

    pack: whose embeddings are compared, by `scorer`. is_wanted: asked between transactions; once it is false
    the rest stays for the next call. Raises StateErrors.
    """
    state.pack_missing_tracks(pack)
    change = ClusterChange()
    while is_wanted():
        changed = state.changed_tracks(pack, PICTURES_TOGETHER)
        if not changed.changes:
            break
        near, between = _neighbours(state, pack, changed, scorer)
        change += state.link_changed(pack, changed.changes, near, between, partial(_link, scorer=scorer))
    return change


def _places(vectors: Sequence[Vectors], scorer: Scorer) -> NDArray[np.float32]:
    return scorer.places(
        {slot: np.stack(own) for slot, own in zip(_SLOTS, zip(*vectors, strict=True), strict=True)}
    )


def _neighbours(
    state: RecommendationsDB, pack: str, changed: ChangedTracks, scorer: Scorer
) -> tuple[dict[FaceId, list[int]], list[tuple[FaceId, FaceId]]]:
    """Stored tracks that may be near each new one, by its first face, and pairs among the changed ones."""
    known = [track for track in changed.tracks if track.vectors is not None]
    new = [i for i, track in enumerate(known) if not track.is_named and _is_new(track, changed.stored)]
    if not new:
        return {}, []
    faces = [track.face_ids[0] for track in known]
    vectors = [track.vectors for track in known if track.vectors is not None]
    least = scorer.score_at(least_decades(changed.total))
    near: dict[FaceId, list[int]] = {}
    lines, track_ids, scores = _near_stored(state, pack, [vectors[i] for i in new], scorer, least)
    for at in np.lexsort((-scores, lines)).tolist():
        own = near.setdefault(faces[new[lines[at]]], [])
        if len(own) < NEAREST_TRACKS:
            own.append(int(track_ids[at]))
    pairs = near_pairs(_places(vectors, scorer), least)
    return near, [(faces[one], faces[other]) for one, other in pairs.tolist()]


PACKING_ERROR = 0.1
"""By which a score of packed vectors and rounded queries may be off: a fifth of a decade."""


def _near_stored(
    state: RecommendationsDB, pack: str, vectors: Sequence[Vectors], scorer: Scorer, least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Positions in `vectors`, stored tracks that score at least `least` with them, and about how much."""
    slots = {slot: np.stack(own) for slot, own in zip(_SLOTS, zip(*vectors, strict=True), strict=True)}
    units = {slot: own / np.linalg.norm(own, axis=1, keepdims=True).clip(1e-9) for slot, own in slots.items()}
    widths = np.cumsum([units[slot].shape[1] for slot in scorer.slots])[:-1]
    parts = dict(zip(scorer.slots, np.split(scorer.queries(units), widths, axis=1), strict=True))
    # The bytes of a row's step are multiplied too: by nothing.
    exact = np.concatenate([np.zeros((len(vectors), STEP_BYTES)), *(parts[slot] for slot in _SLOTS)], axis=1)
    exact[~np.isfinite(exact).all(axis=1)] = 0
    sizes = (np.abs(exact).max(axis=1).clip(1e-9) / LARGEST_DIGIT).astype(np.float32)
    queries = np.ascontiguousarray(np.rint(exact / sizes[:, None]).astype(np.int8).T)

    def compare(block: PackedTracks) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        products = byte_products(block.numbers.view(np.uint8) ^ np.uint8(_SIGN), queries, _SIGN)
        dots = np.multiply(products, sizes, dtype=np.float32)
        row, line = np.divmod(np.flatnonzero(dots >= (least - PACKING_ERROR) / block.steps), len(vectors))
        return line, block.track_ids[row], dots[row, line] * block.steps[row, 0]

    found = [*in_turn(compare, state.packed_tracks(pack), min(_THREADS, usable_cores()))]
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    lines, track_ids, scores = map(np.concatenate, zip(*found, strict=True))
    return lines, track_ids, scores


def _is_new(track: LibraryTrack, stored: frozenset[FaceId]) -> bool:
    return stored.isdisjoint(track.face_ids)


def _link(
    nodes: Sequence[ClusterNode], pairs: NDArray[np.int64], total: int, scorer: Scorer
) -> NDArray[np.int64]:
    """See `cluster_links.Link`."""
    width = sum(len(each) for each in next(node.vectors[0] for node in nodes if node.vectors))
    places = np.zeros((len(nodes), width), np.float32)
    for i, node in enumerate(nodes):
        if node.vectors:
            places[i] = _places(node.vectors, scorer).mean(axis=0)
    rules = LinkRules(
        np.array([node.decided for node in nodes]),
        shared_moments((i, moment) for i, node in enumerate(nodes) for moment in node.moments),
        _decisions(dict(enumerate(nodes))),
    )
    sizes = np.array([node.size for node in nodes], np.int64)
    return link_clusters(places, sizes, pairs, rules, scorer, join_decades(total))


def _decisions(nodes: Mapping[int, ClusterNode]) -> dict[int, TrackConstraints]:
    numbers: dict[str, int] = {}
    decisions = {}
    for i, node in nodes.items():
        confirmed = None if node.person is None else numbers.setdefault(node.person, len(numbers))
        rejected = frozenset(numbers.setdefault(key, len(numbers)) for key in node.rejected)
        # A decided cluster may hold a track that was set apart: a person put it there.
        constraints = TrackConstraints(confirmed, rejected, node.apart and not node.decided)
        if constraints:
            decisions[i] = constraints
    return decisions


SHOWN_PEOPLE = 3
"""Enrolled people whom an unknown person may be, at most."""

_NEAR = 1.0
"""Distance: farther people are no help."""


def nearest_people(
    state: RecommendationsDB, recognizer: FaceRecognizer, clusters: Sequence[StoredCluster]
) -> dict[int, list[Match]]:
    """Cluster id -> the enrolled people nearest to its best faces, without those that a decision excludes."""
    scorer, database = recognizer.pack.scorer, recognizer.database
    nodes = state.read_cluster_nodes(pack_key(recognizer.pack), [cluster.cluster_id for cluster in clusters])
    known = {cluster: node for cluster, node in nodes.items() if node.vectors}
    faces = [
        {
            slot: mean / max(float(np.linalg.norm(mean)), 1e-9)
            for at, slot in enumerate(_SLOTS)
            for mean in [np.mean([vectors[at] for vectors in node.vectors], axis=0)]
        }
        for node in known.values()
    ]
    spare = max((len(node.rejected) for node in known.values()), default=0)
    found = find_candidates(faces, database, scorer, SHOWN_PEOPLE + spare)
    matches: dict[int, list[Match]] = {}
    for (cluster, node), candidates in zip(known.items(), found, strict=True):
        near = [Match.of(each, database.person(each.person)) for each in candidates if each.combined <= _NEAR]
        matches[cluster] = [match for match in near if match.performer_id not in node.rejected][:SHOWN_PEOPLE]
    return matches


@dataclass(frozen=True, slots=True, eq=False)
class FullPass:
    """What linking the whole library at once gives. labels: track -> a track that it is with."""

    difference: ClusterDifference
    labels: Mapping[int, int]


def link_library(state: RecommendationsDB, pack: str, scorer: Scorer, *, threads: int = 1) -> FullPass:
    """Link all tracks of the library again, without writing anything; clusters that a person decided on stay.

    Blocks for minutes on a large library. Raises StateErrors.
    """
    library = state.read_library(pack)
    places = _library_places(state, pack, library.track_ids, scorer)
    owners, sizes = _average_decided(places, library.decided)
    limit = join_decades(len(places))
    pairs = near_pairs(places, scorer.score_at(least_decades(len(places))), threads=threads)
    rules = LinkRules(library.decided > 0, shared_moments(library.moments), _decisions(library.nodes))
    labels = owners[link_clusters(places, sizes, owners[pairs], rules, scorer, limit)[owners]]
    free = library.decided == 0
    difference = compare_clusters(library.clusters[free], library.track_ids[labels[free]])
    names = library.track_ids[labels]
    return FullPass(difference, dict(zip(library.track_ids.tolist(), names.tolist(), strict=True)))


def _library_places(
    state: RecommendationsDB, pack: str, track_ids: NDArray[np.int64], scorer: Scorer
) -> NDArray[np.float16]:
    places = np.zeros((len(track_ids), 1), np.float16)
    for start in range(0, len(track_ids), _VECTORS_AT_ONCE):
        ids = track_ids[start : start + _VECTORS_AT_ONCE].tolist()
        vectors = state.read_vectors(pack, ids)
        at = [start + i for i, track in enumerate(ids) if track in vectors]
        if not at:
            continue
        block = _places(
            [*vectors.values()] if len(at) == len(ids) else [vectors[ids[i - start]] for i in at], scorer
        )
        if places.shape[1] == 1:
            places = np.zeros((len(track_ids), block.shape[1]), np.float16)
        places[at] = block
    return places


def _average_decided(
    places: NDArray[np.float16], decided: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each track the position that stands for its decided cluster, which becomes the mean; and sizes."""
    owners, sizes = np.arange(len(places)), np.ones(len(places), np.int64)
    order = np.flatnonzero(decided)
    order = order[np.argsort(decided[order], kind="stable")]
    for own in np.split(order, np.flatnonzero(np.diff(decided[order])) + 1):
        if len(own):
            owners[own], sizes[own[0]] = own[0], len(own)
            places[own[0]] = places[own].astype(np.float32).mean(axis=0)
    return owners, sizes
