"""What was deleted of a person."""

from dataclasses import asdict

from pydantic import BaseModel, Field

from stash_sense.runtime.forgetting import ForgettingReport


class DeletedPersonOut(BaseModel):
    """What was deleted of a person."""

    entry_id: str = Field(description="The person's entry on the list of the deleted: a salted hash.")
    references: int = Field(description="Reference faces.")
    photos: int = Field(description="Photos that the face database listed.")
    versions: int = Field(description="Older versions of face databases.")
    rows: int = Field(description="Rows of the state, deleted or changed.")
    mentions: dict[str, int] = Field(description="Rows of older programs' tables, by table.")
    jobs: int = Field(description="Jobs deleted, or emptied of their results so far.")
    backups: list[str] = Field(description="Names of the backups that are gone.")
    new_backup: str = Field(
        description="Name of the backup of what is left, where there was one; else empty."
    )


def deleted_person_out(report: ForgettingReport) -> DeletedPersonOut:
    """The report for an answer."""
    return DeletedPersonOut(**asdict(report))
