"""The whole library: what of it to identify."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from stash_sense.api.schemas.faces import STRICT, MatchOptionsIn
from stash_sense.recognition.library import LibraryOptions, What
from stash_sense.stash.listing import LibraryFilter


def _moment(value: object) -> object:
    """A text of the body as a time; strict validation takes no text, and otherwise any number."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("give a date or a time, such as 2026-01-31T12:00:00Z") from None


_Ids = Annotated[list[Annotated[str, Field(pattern=r"^[0-9]{1,18}$")]], Field(max_length=1000)]


class LibraryFilterIn(BaseModel):
    """Which images, galleries and scenes; all of these conditions count."""

    model_config = STRICT

    path: str = Field(
        default="",
        max_length=2000,
        pattern=r"^[^\x00]*$",
        description="A part of the path, whatever the case.",
    )
    tag_ids: _Ids = Field(default=[], description="With any of these tags of Stash.")
    studio_ids: _Ids = Field(default=[], description="Of any of these studios.")
    organized: bool | None = Field(default=None, description="Marked as organized, or not; null: both.")
    no_performers: bool = Field(default=False, description="Without a performer.")
    since: Annotated[datetime, BeforeValidator(_moment)] | None = Field(
        default=None,
        description="Created in Stash later than this; without a zone by the clock of this machine.",
        examples=["2026-01-31T12:00:00Z"],
    )

    def as_filter(self) -> LibraryFilter:
        """The filter as the library is listed by."""
        since = self.since.isoformat() if self.since else ""
        return LibraryFilter(
            self.path.strip(),
            tuple(self.tag_ids),
            tuple(self.studio_ids),
            self.organized,
            self.no_performers,
            since,
        )


class LibraryJobIn(MatchOptionsIn):
    """What of the library to identify."""

    what: Annotated[list[What], Field(min_length=1, max_length=3)] = Field(
        default=["images", "galleries", "scenes"],
        description="`galleries`: the images in galleries, judged together; `images`: those in no gallery, "
        "or all images, each by itself, where `galleries` is not named.",
    )
    only: Literal["new", "all"] = Field(
        default="new",
        description="`new`: what has no stored result, or another file than it had; `all`: what is stored is "
        "judged again too, without fetching it.",
    )
    filter: LibraryFilterIn = Field(default_factory=LibraryFilterIn)
    order: Literal["newest", "untagged"] = Field(
        default="newest", description="`untagged`: those without a performer first, among them the newest."
    )

    def options(self) -> LibraryOptions:
        """The options as recognition takes them; the order of `what` does not count."""
        every: tuple[What, ...] = ("images", "galleries", "scenes")
        what = tuple(each for each in every if each in self.what)
        return LibraryOptions(self.match_options(), what, self.only, self.filter.as_filter(), self.order)
