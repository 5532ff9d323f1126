"""Many images, galleries, scenes and performers of Stash at once, each of which may be gone.

Stash refuses a list of ids as a whole where it has not all of them. So each is a field of its own in one
query.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from stash_sense.domain.identity import StashId
from stash_sense.graphql.execution import Document, parse_document
from stash_sense.stash.types import Json, each_of, id_of, text_of

TARGETS_TOGETHER = 100
"""In one query."""

Target = tuple[str, str]
"""`image`, `gallery`, `scene` or `performer`, and the id in Stash."""

_TAGGED = "id title organized performers { id name stash_ids { endpoint stash_id } }"
_FIELDS = {
    "image": f"findImage(id: $ID) {{ {_TAGGED} galleries {{ id }} }}",
    "gallery": f"findGallery(id: $ID) {{ {_TAGGED} }}",
    "scene": f"findScene(id: $ID) {{ {_TAGGED} }}",
    "performer": "findPerformer(id: $ID) { id }",
}
_MAX_DIGITS = 18  # more would not fit into Stash's integers


@dataclass(frozen=True, slots=True)
class TargetPerformer:
    """A performer who is tagged on a target."""

    id: str
    name: str
    stash_ids: tuple[StashId, ...]


@dataclass(frozen=True, slots=True)
class StashTarget:
    """What Stash says of an image, a gallery or a scene; of a performer, that they are there."""

    id: str
    title: str = ""
    organized: bool = False
    performers: tuple[TargetPerformer, ...] = ()
    gallery_ids: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, json: Json) -> Self:
        """Read any of them."""
        return cls(
            id_of(json),
            text_of(json.get("title")),
            bool(json.get("organized")),
            each_of(json.get("performers") or (), _performer),
            each_of(json.get("galleries") or (), id_of),
        )


def targets_document(targets: Iterable[Target]) -> Document:
    """A query for all of these, which has each under the name `<type>_<id>`."""
    fields = [f"{kind}_{stash_id}: {_FIELDS[kind].replace('$ID', stash_id)}" for kind, stash_id in targets]
    return parse_document("query FindTargets {\n" + "\n".join(fields) + "\n}")


def read_targets(targets: Iterable[Target], data: Json) -> dict[Target, StashTarget | None]:
    """Each target as Stash has it; None for those that it has not."""
    found = {target: data[f"{target[0]}_{target[1]}"] for target in targets}
    return {target: None if json is None else StashTarget.from_json(json) for target, json in found.items()}


def is_stash_number(stash_id: str) -> bool:
    """Whether Stash may have something under this id."""
    return stash_id.isascii() and stash_id.isdigit() and len(stash_id) <= _MAX_DIGITS


def _performer(json: Json) -> TargetPerformer:
    ids = each_of(json["stash_ids"], lambda each: StashId(each["endpoint"], each["stash_id"]))
    return TargetPerformer(id_of(json), text_of(json["name"]), ids)
