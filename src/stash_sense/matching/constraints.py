"""What a person's decisions say about which faces belong together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackConstraints:
    """What decisions say about the faces of a track, and so about which tracks it may join."""

    confirmed: int | None = None
    rejected: frozenset[int] = frozenset()
    apart: bool = False

    def allow(self, other: "TrackConstraints") -> bool:
        """Whether no decision keeps the two tracks apart."""
        if self.apart or other.apart:
            return False
        if self.confirmed is not None and other.confirmed is not None:
            return self.confirmed == other.confirmed
        return self.confirmed not in other.rejected and other.confirmed not in self.rejected

    def with_(self, other: "TrackConstraints") -> "TrackConstraints":
        """Those of a track that was joined from two."""
        confirmed = other.confirmed if self.confirmed is None else self.confirmed
        return TrackConstraints(confirmed, self.rejected | other.rejected, self.apart or other.apart)

    def __bool__(self) -> bool:
        return self.confirmed is not None or bool(self.rejected) or self.apart
