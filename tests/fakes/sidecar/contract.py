"""What the calls of the contract take: anything else is the caller's fault."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Id = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Knobs(_Strict):
    top_k: Annotated[int, Field(ge=1, le=20)] = 5
    max_distance: Annotated[float, Field(ge=0, le=2)] = 0.6
    min_face_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    force: bool = False
    source: Literal["original", "thumbnail"] = "original"


class AskedImage(_Knobs):
    image_id: Id


class AskedGallery(_Knobs):
    gallery_id: Id
    evidence: Literal["gallery", "plain"] = "gallery"


class AskedScene(_Strict):
    scene_id: Id
    top_k: Annotated[int, Field(ge=1, le=20)] = 5
    max_distance: Annotated[float, Field(ge=0, le=2)] = 0.6
    min_face_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    force: bool = False
    source: Literal["auto", "file", "stream", "sprite"] = "auto"
    max_frames: Annotated[int, Field(ge=1, le=1000)] = 120


class _Decided(_Strict):
    performer_id: Id | None = None
    name: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    word: Literal["confirmed", "rejected", "ignored", "apart"]
    entry_id: int | None = None
    local_id: Id | None = None

    @model_validator(mode="after")
    def _about_whom(self) -> Self:
        if self.word in {"confirmed", "rejected"} and self.performer_id is None:
            raise ValueError(f"{self.word} needs a performer_id")
        if self.word == "apart" and self.performer_id is not None:
            raise ValueError("apart is about no performer")
        return self


class Decision(_Decided):
    face_id: Id


class FacesDecision(_Decided):
    face_ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class Undecided(_Strict):
    decision_ids: Annotated[list[int], Field(min_length=1, max_length=10_000)]


class Begun(_Strict):
    target_type: Literal["image", "gallery", "scene", "marker"]
    target_ids: Annotated[list[Id], Field(min_length=1)]
    local_id: Id
    batch_id: Id | None = None
    action: Literal["add", "remove"] = "add"


class Picture(_Strict):
    local_id: Id
    before: Annotated[str, Field(pattern="^data:image/")] | None
    after: Annotated[str, Field(pattern="^data:image/")]


class Ended(_Strict):
    status: Literal["done", "failed"]
    added_ids: list[Id]


class AskedDatabase(_Strict):
    images: bool | Literal["unlearned"] | Annotated[list[Id], Field(max_length=1000)] = False
    source: Literal["stash", "all"] = "stash"
    allow_empty: bool = False


class AskedLibrary(_Knobs):
    what: list[Literal["images", "galleries", "scenes"]] = ["images", "galleries", "scenes"]
    only: Literal["new", "all"] = "new"
    filter: dict[str, str | bool | list[str]] = {}
    order: Literal["newest", "untagged"] = "newest"


class AskedSuggestions(BaseModel):
    """A query: its values are texts."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["seen-not-tagged", "tagged-not-seen"] = "seen-not-tagged"
    performer_id: Id | None = None
    target_type: Literal["image", "gallery", "scene"] | None = None
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    cursor: Id | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class AskedClusters(BaseModel):
    """A query: its values are texts."""

    model_config = ConfigDict(extra="forbid")
    hidden: bool = False
    cursor: Id | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class ClusterName(_Strict):
    performer_id: Id | None = None
    local_id: Id | None = None
    name: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class Merged(_Strict):
    cluster_ids: Annotated[list[int], Field(min_length=1, max_length=1000)]


class SplitFaces(_Strict):
    face_ids: Annotated[list[Id], Field(min_length=1, max_length=10_000)]


class Hidden(_Strict):
    ignored: bool


class AskedDismissal(_Strict):
    ids: Annotated[list[int], Field(min_length=1, max_length=1000)]


class AskedReferences(_Strict):
    references: Annotated[
        list[Annotated[str, Field(pattern="^[0-9a-f]{16}$")]], Field(min_length=1, max_length=1000)
    ]


class Nothing(_Strict):
    pass


def performer_of(name: str, local_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """How a match or a performer of a gallery names somebody."""
    return {
        "performer_id": f"local:{local_id}" if local_id else name,
        "name": name,
        "stash_ids": [],
        "stashdb_id": None,
        "local_id": local_id,
        "country": None,
        "image_url": None,
        **fields,
    }
