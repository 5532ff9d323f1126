"""Why a verdict is what it is: a code, the people and the number it is about, and the sentence in English."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self


class ReasonCode(StrEnum):
    """What decided. Other programs put it in their own words: it stays the same from version to version."""

    NOBODY_ENROLLED = "nobody-enrolled"
    """The face database has nobody to compare with, or nobody who was not rejected."""
    NOBODY_NEAR = "nobody-near"
    """Even the nearest person is too far away."""
    NOBODY_ALIKE = "nobody-alike"
    """Nobody is like the face at all: even the nearest person's confidence is 0 percent."""
    NOT_CALIBRATED = "not-calibrated"
    """The model pack has no calibration, so that nobody is named."""
    CHANCE = "chance"
    """The nearest person may be as near by chance; count: of people enrolled."""
    WEAK = "weak"
    """A stranger may come as near as the person does."""
    NEAREST = "nearest"
    """A match: the person, and nobody else within the distance asked for."""
    AHEAD = "ahead"
    """A match: the first person, clearly nearer than the second."""
    TOGETHER = "together"
    """A match that other photos of the same person share; count: of these other photos."""
    MOMENTS = "moments"
    """A match at several moments of a scene; count: of these moments."""
    TAGGED = "tagged"
    """A match that was near enough because the person is tagged on the scene already."""
    RIVAL = "rival"
    """Two people are near, and neither is clearly ahead."""
    UNSURE = "unsure"
    """The person is near, which is not enough to name them."""
    LOOK_ALIKE = "look-alike"
    """The faces are more like each other than like the person."""
    TAKEN = "taken"
    """The person is another face in the same picture."""
    CONFIRMED = "confirmed"
    """A user confirmed the person on this face."""
    CONFIRMED_ELSEWHERE = "confirmed-elsewhere"
    """A user confirmed the person on another face of the same track."""
    REJECTED = "rejected"
    """A user rejected the person that the face looked like."""
    ALL_REJECTED = "all-rejected"
    """A user rejected everyone that the face looked like."""
    IGNORED = "ignored"
    """A user chose to ignore the face."""


_SENTENCES: Mapping[ReasonCode, str] = {
    ReasonCode.NOBODY_ENROLLED: "The face database has nobody to compare with",
    ReasonCode.NOBODY_NEAR: "Nobody comes near enough; the nearest is {name} ({percent})",
    ReasonCode.NOBODY_ALIKE: "Nobody in the face database looks like this person",
    ReasonCode.NOT_CALIBRATED: "The model pack is not calibrated, so it can only suggest people",
    ReasonCode.CHANCE: "Not sure: {percent} like {name}, which may be chance among {count:,} people",
    ReasonCode.WEAK: "Not sure: {percent} like {name}, but a stranger could come as near",
    ReasonCode.NEAREST: "Looks like {name} ({percent}), and nobody else comes near",
    ReasonCode.AHEAD: "Looks like {name} ({percent}), clearly ahead of {other} ({other_percent})",
    ReasonCode.TOGETHER: "Looks like {name} ({percent}), together with {count} other {photos} of this person",
    ReasonCode.MOMENTS: "Looks like {name} ({percent}) at {count} moments",
    ReasonCode.TAGGED: "Is tagged here already, and looks like {name} ({percent})",
    ReasonCode.RIVAL: "Not sure: {percent} like {name}, but {other_percent} like {other}",
    ReasonCode.UNSURE: "Not sure: {percent} like {name}",
    ReasonCode.LOOK_ALIKE: "Not sure: {percent} like {name}, but these faces are more like each other",
    ReasonCode.TAKEN: "{percent} like {name}, who is another face in the same picture",
    ReasonCode.CONFIRMED: "You confirmed this person",
    ReasonCode.CONFIRMED_ELSEWHERE: "You confirmed {name} on another face of this person",
    ReasonCode.REJECTED: "You said that this is not {name}",
    ReasonCode.ALL_REJECTED: "You rejected everyone this face looked like",
    ReasonCode.IGNORED: "You chose to ignore this face",
}


@dataclass(frozen=True, slots=True)
class ReasonPerson:
    """A person that a reason is about. confidence: 0 to 1, the same as in their match."""

    performer_id: str
    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is; as text, a sentence in English without a full stop.

    code: None for a result stored before there were codes, which has only its `text`. people: as the code
    says, the nearest first. count: as the code says, else None.
    """

    code: ReasonCode | None
    people: tuple[ReasonPerson, ...] = ()
    count: int | None = None
    text: str = ""

    def __str__(self) -> str:
        if self.code is None:
            return self.text
        first, other = (*self.people, _NOBODY, _NOBODY)[:2]
        return _SENTENCES[self.code].format(
            name=first.name,
            percent=percent(first.confidence),
            other=other.name,
            other_percent=percent(other.confidence),
            count=self.count or 0,
            photos="photo" if self.count == 1 else "photos",
        )

    def with_confidence(self, confidence: float) -> Self:
        """The same reason with another confidence of its first person."""
        if not self.people:
            return self
        first, *others = self.people
        return replace(self, people=(replace(first, confidence=round(confidence, 4)), *others))

    def as_json(self) -> dict[str, Any]:
        """With the names of the HTTP API: `reason`, `reason_code`, `reason_people`, `reason_count`."""
        return {
            "reason": str(self),
            "reason_code": None if self.code is None else self.code.value,
            "reason_people": [asdict(person) for person in self.people],
            "reason_count": self.count,
        }

    def to_stored(self) -> list[Any]:
        """What `from_stored` needs besides the sentence, ready for JSON."""
        people = [[person.performer_id, person.name, person.confidence] for person in self.people]
        return [self.code, people, self.count]

    @classmethod
    def from_stored(cls, text: str, stored: Any = None) -> Self:
        """A stored reason: its sentence alone where an older program stored it, or it cannot be read."""
        try:
            code, people, count = stored
            named = tuple(
                ReasonPerson(str(key), str(name), float(confidence)) for key, name, confidence in people
            )
            reason = cls(ReasonCode(code), named, None if count is None else int(count))
        except (TypeError, ValueError):
            return cls(None, text=text)
        # Another program, or the deletion of a person, may have changed the sentence since.
        return reason if str(reason) == text else cls(None, text=text)


_NOBODY = ReasonPerson("", "", 0.0)


def percent(confidence: float) -> str:
    """A confidence from 0 to 1 as `86%`, rounded as a browser does."""
    return f"{int(100 * round(confidence, 4) + 0.5)}%"
