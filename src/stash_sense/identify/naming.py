"""The faces of a gallery become tracks, and each is given a name, offered one, or left unknown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stash_sense.identify.calibration import Scorer
from stash_sense.identify.candidates import Candidate, Gallery
from stash_sense.identify.judging import JudgedTrack, Judging, Why
from stash_sense.identify.rejoining import join_fragments, second_look, take_along
from stash_sense.identify.templates import units_of
from stash_sense.identify.tracks import FaceLikeness, TrackFace, put_together
from stash_sense.identify.verdict import Word


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """All faces of one person in a gallery.

    faces: positions, ascending. person: who it is, for a match. candidates: the people it may be, best first,
    however far; a match's own person first. distances: 0 to 2, of each face to the person of a match. alone:
    how many of the faces are as near as was asked for, each by itself.
    """

    faces: tuple[int, ...]
    status: Word
    person: int | None = None
    candidates: tuple[Candidate, ...] = ()
    why: Why = ""
    distances: tuple[float, ...] = ()
    alone: int = 0


def name_tracks(
    faces: Sequence[TrackFace],
    database: Gallery,
    scorer: Scorer,
    max_distance: float,
    top_k: int = 5,
) -> list[Track]:
    """The tracks of a gallery's faces, each judged as a whole; the one with the earliest face first.

    A person confirmed on a face names its track; one rejected on a face is no candidate for the whole track.
    Confirmed people who are not enrolled have a negative index.
    """
    if not faces:
        return []
    likeness = FaceLikeness(faces, scorer)
    judging = Judging(faces, likeness, database, scorer, max_distance, top_k)
    tracks = judging.judged(put_together(faces, likeness))
    judging.judge(tracks)
    tracks = second_look(judging, tracks)
    join_fragments(judging, [track for track in tracks if track.person is None])
    take_along(judging, [track for track in tracks if track.person is None])
    return sorted((_track(track, judging) for track in tracks), key=lambda track: track.faces)


def _track(one: JudgedTrack, judging: Judging) -> Track:
    faces = sorted(face for moment in one.moments for face in moment)
    track = Track(tuple(faces), one.status, one.person, one.template.candidates, one.why)
    if one.person is None:
        return track
    if one.person < 0:
        return replace(track, distances=(0.0,) * len(faces))
    scorer, database = judging.scorer, judging.database
    units = units_of(database.vectors(database.rows(one.person)), scorer)
    own = scorer.decades(judging.likeness.queries[faces] @ units.T).max(axis=1)
    asked = scorer.decades_at(judging.max_distance)
    # A face that is further than was asked for counts as its track does.
    decades = [float(each) if each >= asked else max(float(each), one.near) for each in own]
    meant = one.template.candidate(one.person, database, scorer)
    others = (each for each in one.template.candidates if each.person != one.person)
    return replace(
        track,
        candidates=(meant, *others),
        distances=tuple(scorer.distance_at(each) for each in decades),
        alone=int((own >= asked).sum()),
    )
