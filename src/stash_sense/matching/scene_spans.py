"""When a person is on screen, from the frames that were looked at."""

from collections.abc import Collection, Sequence

EDGE_S = 2.0
"""A person seen on one frame and not on the next is taken to be on screen for half the time between them, at
most for this long."""

BRIDGE_S = 10.0
"""A person seen on two frames, one after the other among those looked at, is taken to be on screen between
them up to this gap."""


def spans_of(
    seen: Collection[int], times: Sequence[float], duration_s: float | None
) -> tuple[tuple[float, float], ...]:
    """The (from, to) in seconds while a person is on screen.

    seen: positions of the frames with the person. times: of all frames looked at, ascending. duration_s: of
    the scene; None if it is unknown, then it ends with the last frame.
    """
    end = max(duration_s or 0.0, times[-1]) if times else 0.0
    spans: list[tuple[float, float]] = []
    for at in sorted(set(seen)):
        start = _edge(times[at], times[at - 1] if at else 0.0, whole=not at)
        stop = _edge(times[at], times[at + 1] if at + 1 < len(times) else end, whole=at + 1 == len(times))
        if spans and ((at - 1 in seen and times[at] - times[at - 1] <= BRIDGE_S) or start <= spans[-1][1]):
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return tuple((round(start, 2), round(stop, 2)) for start, stop in spans)


def _edge(time_s: float, other_s: float, *, whole: bool) -> float:
    """How far from a frame towards another a person is on screen. whole: nothing was looked at beyond."""
    way = other_s - time_s if whole else (other_s - time_s) / 2
    return time_s + max(-EDGE_S, min(EDGE_S, way))
