"""The moments of a track in a scene: frames close in time are no independent witnesses."""

from collections.abc import Sequence

from stash_sense.matching.tracks import Moments, TrackFace

MOMENT_S = 1.0
"""Faces of a track seen less than this apart are one moment, and count once."""


def merge_moments(track: Moments, faces: Sequence[TrackFace]) -> Moments:
    """The moments of a track, those whose best faces were seen less than MOMENT_S apart joined: the better
    one takes the others in. Without times all stay."""
    order = sorted(range(len(track)), key=lambda at: (-faces[track[at][0]].quality, at))
    merged: list[tuple[float, list[int]]] = []
    for at in order:
        time_s = faces[track[at][0]].time_s
        if time_s is None:
            return track
        near = [(abs(time_s - other), into) for other, into in merged if abs(time_s - other) < MOMENT_S]
        if near:
            min(near, key=lambda each: each[0])[1].extend(track[at])
        else:
            merged.append((time_s, list(track[at])))
    return [faces_of for _, faces_of in merged]
