"""When a person is on screen, as text."""

from collections.abc import Sequence

MOST_SPANS = 6

Spans = Sequence[Sequence[float]]
"""From and to, in seconds, in the order of time."""


def clock(seconds: float) -> str:
    """A time of a video: `1:05`, `1:00:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def seconds_on_screen(spans: Spans) -> float:
    """All spans together."""
    return sum(to_s - from_s for from_s, to_s in spans)


def format_spans(spans: Spans) -> str:
    """`0:03-0:09, 1:12-1:18`; at most the first MOST_SPANS."""
    listed = ", ".join(f"{clock(from_s)}-{clock(to_s)}" for from_s, to_s in spans[:MOST_SPANS])
    return listed + (", ..." if len(spans) > MOST_SPANS else "")
