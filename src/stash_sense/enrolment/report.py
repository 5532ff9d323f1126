"""What a build was given and what became of it: people, the photos set aside, and why."""

from dataclasses import asdict, dataclass
from typing import Any

from stash_sense.domain.identity import Person
from stash_sense.enrolment.merge import SourceConflict
from stash_sense.enrolment.set_aside import reason_code


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """A person and the paths of all their photos, the most trustworthy first.

    names: further names that the source has for them.
    """

    person: Person
    photos: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SkippedPhoto:
    """A photo from which no reference was taken."""

    person: Person
    path: str
    reason: str

    @property
    def picture(self) -> str:
        """The path without the kind of its source: `performer/12` of Stash, `<host>/<id>` of a stash-box."""
        return self.path.partition(":")[2] or self.path

    @property
    def code(self) -> str:
        """The reason for programs: no-face, several-faces and so on."""
        return reason_code(self.reason)


@dataclass(frozen=True, slots=True)
class CarriedSource:
    """A source that a build left as it was, and how many people and faces the database has from it."""

    source: str
    people: int
    faces: int


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    analyzed: photos analyzed in this build; reused: photos whose earlier analysis still holds.
    faceless: names of the people who could not be enrolled. skipped: photos without a usable face, or that
    could not be read; these are tried again in the next build. quarantined: photos that seem to show
    another person. problems: places of a folder that could not be read. without_portrait: performers of whom
    Stash has only a placeholder. added, updated: people who had no face from here before, or have a new one.
    gone: names of the people of the database before who are no longer in it.
    conflicts: where sources disagree about a person, and how it was decided. carried: the other sources.
    """

    version: str
    people: int
    faces: int
    analyzed: int
    reused: int
    faceless: tuple[str, ...]
    skipped: tuple[SkippedPhoto, ...]
    quarantined: tuple[SkippedPhoto, ...]
    problems: tuple[str, ...] = ()
    without_portrait: int = 0
    added: int = 0
    updated: int = 0
    gone: tuple[str, ...] = ()
    conflicts: tuple[SourceConflict, ...] = ()
    carried: tuple[CarriedSource, ...] = ()


def other_sources_json(report: BuildReport, limit: int | None = None) -> dict[str, Any]:
    """What the JSON of every build says of the other sources, with at most `limit` conflicts."""
    return {
        "conflicts": [
            {
                "code": conflict.code,
                "performer_id": conflict.person.key,
                "source": conflict.source,
                "name": conflict.name,
                "decision": conflict.decision,
            }
            for conflict in report.conflicts[:limit]
        ],
        "conflicts_count": len(report.conflicts),
        "carried": [asdict(carried) for carried in report.carried],
    }


def skipped_photo_json(photo: SkippedPhoto) -> dict[str, str]:
    """A photo that was set aside, as JSON."""
    return {
        "performer_id": photo.person.key,
        "name": photo.person.name,
        "local_id": photo.person.local_id or "",
        "picture": photo.picture,
        "why": photo.reason,
        "code": photo.code,
    }
