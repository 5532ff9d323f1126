"""References that deserve a look, and setting them aside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stash_sense.api.schemas.faces import STRICT, FileName
from stash_sense.domain.faces import confidence_at
from stash_sense.domain.identity import Person, bare_ids
from stash_sense.enrolment.hygiene import FindingCode, LookAlikes, ReferenceFinding
from stash_sense.enrolment.quarantine_list import SetAside
from stash_sense.facedb.database import FaceDatabase
from stash_sense.recognition.crops import reference_id
from stash_sense.runtime.hygiene_reports import Hygiene

LOOK_ALIKE = "look-alike"
"""The kind of what is said of two people."""
MOST_OTHERS = 4
"""Other references of a person that a finding names."""

HygieneKind = Literal["other-person", "several-faces", "poor-face", "upside-down", "by-hand", "look-alike"]


class KnownPersonOut(BaseModel):
    """A person of the face database."""

    performer_id: FileName
    name: FileName
    local_id: str | None = Field(description="The performer's id in this Stash, where known.")
    reference_ids: list[str] = Field(description="References of theirs, for GET /references/{reference_id}.")


class FindingOut(BaseModel):
    """A reference that deserves a look."""

    reference: str = Field(description="Its id for POST /database/quarantine and /restore.")
    reference_id: str | None = Field(
        description="For GET /references/{reference_id}; null for a photo in Stash that is set aside."
    )
    photo: FileName = Field(description="A file, or where Stash has it: `stash:performer/12`.")
    code: FindingCode
    reason: str = Field(description="Why, in one line.")
    in_use: bool = Field(description="Whether faces are compared with it.")
    kept: bool = Field(description="Whether a person decided to use it: if not yet, the next update does.")
    person: KnownPersonOut = Field(description="Whose it is, and other references of theirs.")
    like: KnownPersonOut | None = Field(description="Whom it resembles more, where that is why.")


class LookAlikesOut(BaseModel):
    """Two people who look alike, or are one person twice; each with the reference nearest to the other's."""

    people: list[KnownPersonOut] = Field(min_length=2, max_length=2)
    references: list[str | None] = Field(
        description="The ids of these two references for POST /database/quarantine."
    )
    confidence: float = Field(description="1 - distance, 0 to 1.")
    distance: float


class HygieneOut(BaseModel):
    """A page of what deserves a look in the face database in use."""

    version: str
    ready: bool = Field(description="false: the references are being compared; ask again in a moment.")
    done: int = Field(description="References compared so far.")
    total: int = Field(description="References of the face database.")
    counts: dict[str, int] = Field(description="How many there are, by kind.")
    findings: list[FindingOut]
    look_alikes: list[LookAlikesOut] = Field(description="Nearest first.")
    next_offset: int | None = Field(description="For the next page's `offset`; null on the last one.")


class HygieneQuery(BaseModel):
    """Which of them to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: HygieneKind | None = Field(default=None, description="Only these.")
    limit: Annotated[int, Field(ge=1, le=200, description="At most so many of each of the two lists.")] = 50
    offset: Annotated[int, Field(ge=0, lt=2**63)] = 0


class ReferencesIn(BaseModel):
    """References of the face database."""

    model_config = STRICT

    references: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]],
        Field(min_length=1, max_length=1000, description="Ids of GET /database/hygiene."),
    ]


class SetAsideOut(BaseModel):
    """What was set aside."""

    references: list[str]
    version: str = Field(description="Of the face database in use now.")


class RestoredOut(BaseModel):
    """What the next update uses again."""

    references: list[str]
    update_at: str | None = Field(description="When that begins by itself; null: at the next one asked for.")


def hygiene_out(hygiene: Hygiene, database: FaceDatabase, query: HygieneQuery) -> HygieneOut:
    """A page. database: of the report's version."""
    findings, pairs = _listed(hygiene)
    counts = {LOOK_ALIKE: len(pairs)} if pairs else {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
    if query.kind is not None:
        findings = [finding for finding in findings if finding.code == query.kind]
        pairs = pairs if query.kind == LOOK_ALIKE else ()
    end = query.offset + query.limit
    return HygieneOut(
        version=hygiene.version,
        ready=hygiene.report is not None,
        done=hygiene.done,
        total=hygiene.total,
        counts=counts,
        findings=[_finding(each, hygiene, database) for each in findings[query.offset : end]],
        look_alikes=[_pair(each, database) for each in pairs[query.offset : end]],
        next_offset=end if max(len(findings), len(pairs)) > end else None,
    )


def set_aside_out(done: SetAside, references: Sequence[str]) -> SetAsideOut:
    """The answer about references set aside."""
    return SetAsideOut(references=list(references), version=done.version)


def _listed(hygiene: Hygiene) -> tuple[list[ReferenceFinding], Sequence[LookAlikes]]:
    """Those in use that a person decided to use come last."""
    if hygiene.report is None:
        return [], ()
    findings = sorted(
        hygiene.report.findings, key=lambda finding: finding.in_use and finding.reference in hygiene.kept
    )
    return findings, hygiene.report.look_alikes


def _finding(finding: ReferenceFinding, hygiene: Hygiene, database: FaceDatabase) -> FindingOut:
    picture = reference_id(database, finding.row)
    if picture is None and Path(finding.photo).is_absolute():
        picture = finding.reference
    return FindingOut(
        reference=finding.reference,
        reference_id=picture,
        photo=finding.photo,
        code=finding.code,
        reason=finding.reason,
        in_use=finding.in_use,
        kept=finding.reference in hygiene.kept,
        person=_person(finding.person, database, without=finding.row),
        like=None if finding.like is None else _person(finding.like, database),
    )


def _pair(pair: LookAlikes, database: FaceDatabase) -> LookAlikesOut:
    people = [
        _person(person, database, first=row) for person, row in zip(pair.people, pair.rows, strict=True)
    ]
    return LookAlikesOut(
        people=people,
        references=[each or None for each in pair.references],
        confidence=confidence_at(pair.distance),
        distance=round(pair.distance, 4),
    )


def _person(person: Person, database: FaceDatabase, *, without: int = -1, first: int = -1) -> KnownPersonOut:
    index = database.find([person.key]).get(person.key)
    rows = [] if index is None else [row for row in database.rows(index) if row != without]
    rows.sort(key=lambda row: row != first)
    return KnownPersonOut(
        performer_id=person.key,
        name=person.full_name,
        local_id=bare_ids(person)[1],
        reference_ids=[own for row in rows[:MOST_OTHERS] if (own := reference_id(database, row)) is not None],
    )
