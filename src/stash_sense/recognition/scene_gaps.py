"""Between which frames of a scene to look next."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from stash_sense.matching.scene_people import SceneEvidence, SceneTrack

WIDEST_GAP_S = 8.0
"""Nobody who is on screen for longer is missed between two frames."""

CHANGE_GAP_S = 2.0
"""How exactly a span begins and ends: other faces before than after are looked for between, down to this."""

OPEN_GAP_S = 1.0
"""How close frames are wanted around a track that is not settled; closer ones are no further witnesses."""

SETTLED_MOMENTS = 2
"""A person named at so many moments is settled, and so is a stranger whom nobody is near."""

HOPELESS_MOMENTS = 5
"""A track still without a name after so many moments gets none from more of them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two frames looked at, or the last one and the end; seconds.

    is_open: a track beside it is not settled, or other faces are seen before than after. begins_open: that is
    so of the faces seen before it.
    """

    from_s: float
    to_s: float
    is_open: bool
    begins_open: bool = False

    @property
    def middle_s(self) -> float:
        return (self.from_s + self.to_s) / 2

    @property
    def need(self) -> float:
        """Which gap comes first: the widest, one that is open as if it were twice as wide."""
        return (self.to_s - self.from_s) * (2 if self.is_open else 1)


def wanted_gaps(times: Sequence[float], duration_s: float, evidence: SceneEvidence) -> list[Gap]:
    """The gaps in which a frame is wanted, the most needed first.

    times: of the frames looked at, ascending.
    """
    tracks = [*evidence.persons, *evidence.unknown]
    on_frame: list[set[int]] = [set() for _ in (*times, duration_s)]
    for number, track in enumerate(tracks):
        for frame, _ in track.faces:
            on_frame[frame].add(number)
    unsettled = {number for number, track in enumerate(tracks) if not is_settled(track)}
    gaps = []
    for at, (from_s, to_s) in enumerate(pairwise([*times, max(duration_s, times[-1])])):
        before, after = on_frame[at], on_frame[at + 1]
        width = to_s - from_s
        is_open = bool((before | after) & unsettled) and width > OPEN_GAP_S
        changes = before != after and width > CHANGE_GAP_S
        if is_open or changes or width > WIDEST_GAP_S:
            begins_open = bool((before & unsettled) or (before - after))
            gaps.append(Gap(from_s, to_s, is_open or changes, begins_open))
    return sorted(gaps, key=lambda gap: (-gap.need, gap.from_s))


def is_settled(track: SceneTrack) -> bool:
    """Whether more frames of a track would hardly change its verdict."""
    if track.moments >= HOPELESS_MOMENTS:
        return True
    sure = track.status == "match" or (track.status == "unknown" and not track.matches)
    return sure and track.moments >= SETTLED_MOMENTS
