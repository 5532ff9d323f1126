"""What a build was given and what became of it: people, the photos set aside, and why."""

from dataclasses import dataclass

from stash_sense.domain.identity import Person
from stash_sense.enrolment.set_aside import reason_code


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """A person and the paths of all their photos, the most trustworthy first."""

    person: Person
    photos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkippedPhoto:
    """A photo from which no reference was taken."""

    person: Person
    path: str
    reason: str

    @property
    def code(self) -> str:
        """The reason for programs: no-face, several-faces and so on."""
        return reason_code(self.reason)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    analyzed: photos analyzed in this build; reused: photos whose earlier analysis still holds.
    faceless: names of the people who could not be enrolled. skipped: photos without a usable face, or that
    could not be read; these are tried again in the next build. quarantined: photos that seem to show
    another person. problems: places of a folder that could not be read. without_portrait: performers of whom
    Stash has only a placeholder. gone: names of the people of the database before who are no longer in it.
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
    gone: tuple[str, ...] = ()
