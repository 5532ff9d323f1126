"""The tracks are those of a plain average linkage that looks at every pair at every step."""

from dataclasses import replace

import numpy as np
import pytest

from stash_sense.matching.tracks import (
    COHESION,
    COPY_DISTANCE,
    JOIN_DISTANCE,
    SHEET_DISTANCE,
    SHEET_FACES,
    SHEET_QUALITY,
    FaceSimilarity,
    TrackFace,
    group_faces,
)

from .world import default_pack, steep

pytestmark = pytest.mark.slow

SIZE = 48
SHEETS = 12
"""The first faces stand on two contact sheets."""


def gallery(seed, scorer, count, people=12):
    """Random people in two series each, two faces a picture; some copies, some words, two contact sheets."""
    random = np.random.default_rng(seed)
    looks = random.standard_normal((people, 1, SIZE)) + 0.6 * random.standard_normal((people, 2, SIZE))
    spread = random.uniform(0.3, 1.3, (people, 2))
    faces, drawn = [], []
    for at in range(count):
        who, series = int(random.integers(people)), int(random.integers(2))
        image = at // 2
        if at < SHEETS:
            image, who, series = 1000 + at // 6, at // 6, 0
        own = looks[who, series] + spread[who, series] * random.standard_normal(SIZE)
        if at >= SHEETS and random.random() < 0.1:
            own = drawn[int(random.integers(at))] + 0.05 * random.standard_normal(SIZE)
        drawn.append(own)
        vectors = {slot: unit(own, scorer.calibration.slots[slot].mean) for slot in scorer.slots}
        faces.append(TrackFace(image, vectors, float(random.uniform(0.3, 1)), **random_decisions(random)))
    return faces


def unit(own, common):
    """A unit vector whose cosine with a stranger's is about `common`."""
    vector = np.concatenate([[np.sqrt(common)], np.sqrt(1 - common) * own / np.linalg.norm(own)])
    return vector.astype(np.float32)


def random_decisions(random):
    word = random.random()
    if word < 0.03:
        return {"confirmed": int(random.integers(3))}
    if word < 0.06:
        return {"rejected": frozenset(random.integers(3, size=2).tolist())}
    return {"apart": True} if word < 0.08 else {}


def disagree(one, other):
    """Whether decisions on two faces keep them apart."""
    if one.apart or other.apart:
        return True
    if None not in (one.confirmed, other.confirmed):
        return one.confirmed != other.confirmed
    return one.confirmed in other.rejected or other.confirmed in one.rejected


def strangers(faces, decades, scorer):
    """(n, n) bool: faces that are not one person, whatever their similarity."""
    count = len(faces)
    sheet = np.zeros((count, count), bool)
    for i in range(count):
        for j in range(count):
            good = min(faces[i].quality, faces[j].quality) >= SHEET_QUALITY
            near = decades[i, j] >= scorer.decades_at(SHEET_DISTANCE)
            sheet[i, j] = i != j and faces[i].image == faces[j].image and good and near
    often = sheet.sum(axis=1) >= SHEET_FACES
    foes = np.zeros((count, count), bool)
    for i in range(count):
        for j in range(count):
            same = faces[i].image == faces[j].image and not (sheet[i, j] and (often[i] or often[j]))
            foes[i, j] = i != j and (same or disagree(faces[i], faces[j]))
    return foes


def plain_linkage(faces, scorer):
    """Sets of faces, and how often two tracks were too unlike their own faces to be joined."""
    vectors = {slot: np.stack([face.embeddings[slot] for face in faces]) for slot in scorer.slots}
    rows = np.concatenate([vectors[slot] for slot in scorer.slots], axis=1).astype(np.float64)
    decades = scorer.decades(scorer.queries(vectors).astype(np.float64) @ rows.T)
    foes = strangers(faces, decades, scorer)
    words = np.array([[disagree(one, other) for other in faces] for one in faces])
    moments = []
    for face in sorted(range(len(faces)), key=lambda at: -faces[at].quality):
        for moment in moments:
            near = decades[face, moment[0]] >= scorer.decades_at(COPY_DISTANCE)
            if near and not words[face, moment].any():
                moment.append(face)
                break
        else:
            moments.append([face])
    return linked(moments, decades, foes, scorer.decades_at(JOIN_DISTANCE))


def linked(moments, decades, foes, cut):
    """Joins the nearest two tracks until none are near enough, by the mean over their moments."""
    leaders = [moment[0] for moment in moments]
    similarity = decades[np.ix_(leaders, leaders)]
    apart = np.array([[foes[np.ix_(one, other)].any() for other in moments] for one in moments])
    tracks = {at: [at] for at in range(len(moments))}
    near = np.where(apart, -np.inf, similarity)
    np.fill_diagonal(near, -np.inf)
    refusals = 0
    while near.max() >= cut:
        one, other = np.unravel_index(near.argmax(), near.shape)
        own = [cohesion(tracks[at], similarity) for at in (one, other) if len(tracks[at]) > 1]
        if own and near[one, other] < min(own) - COHESION:
            near[one, other] = near[other, one] = -np.inf
            refusals += 1
            continue
        tracks[one] += tracks.pop(other)
        near[other] = near[:, other] = -np.inf
        for at, track in tracks.items():
            barred = at == one or apart[np.ix_(tracks[one], track)].any()
            mean = -np.inf if barred else similarity[np.ix_(tracks[one], track)].mean()
            near[one, at] = near[at, one] = mean
    return {frozenset(face for at in track for face in moments[at]) for track in tracks.values()}, refusals


def cohesion(track, similarity):
    """The mean over the pairs of a track's moments."""
    return similarity[np.ix_(track, track)][~np.eye(len(track), dtype=bool)].mean()


def put(faces, scorer):
    return {
        frozenset(face for moment in track for face in moment)
        for track in group_faces(faces, FaceSimilarity(faces, scorer))
    }


BOTH = pytest.mark.parametrize("scorer", [steep(), default_pack()], ids=["steep", "default pack"])


@BOTH
@pytest.mark.parametrize("seed", range(15))
def test_small_galleries_are_put_together_as_by_the_plain_linkage(scorer, seed):
    faces = gallery(seed, scorer, 60)
    assert put(faces, scorer) == plain_linkage(faces, scorer)[0]


@BOTH
def test_three_hundred_faces_are_put_together_as_by_the_plain_linkage(scorer):
    faces = gallery(100, scorer, 300)
    assert put(faces, scorer) == plain_linkage(faces, scorer)[0]


@BOTH
def test_some_pairs_were_too_unlike_their_own_faces(scorer):
    """Without any, what is remembered after a refusal would not have been put to the test."""
    assert sum(plain_linkage(gallery(seed, scorer, 60), scorer)[1] for seed in range(15)) > 30


def test_more_faces_than_are_looked_at_at_once_are_put_together_as_by_pairs():
    """Copies far apart in the gallery, beyond the blocks in which they are looked for."""
    scorer = steep()
    faces = gallery(7, scorer, 300)
    later = [replace(face, image=face.image + 5000, quality=face.quality / 2) for face in faces]
    twice = {frozenset((*track, *(at + 300 for at in track))) for track in put(unsaid(faces), scorer)}
    assert put(unsaid([*faces, *later]), scorer) == twice


def unsaid(faces):
    return [replace(face, confirmed=None, rejected=frozenset(), apart=False) for face in faces]
