"""The records of a face database as JSON: people, what each source says of them, photos, references."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stash_sense.domain.identity import Person
from stash_sense.facedb.layout import Photo, Reference


@dataclass(frozen=True, slots=True)
class PersonPart:
    """A person as one source knows them; a person of several sources can be taken apart again.

    source: as the manifest names it. names: further names that the source has for them, which are no keys.
    faces: how many of the person's references come from it; those of the first part are the first.
    """

    source: str
    person: Person
    faces: int
    names: tuple[str, ...] = ()


def to_json_fields(value: Person | Photo | Reference) -> dict[str, Any]:
    """A record as its line's JSON object."""
    fields = asdict(value)
    if not fields.get("disambiguation", True):
        del fields["disambiguation"]  # readable for programs that do not know it
    return fields


def reference_from_json(fields: dict[str, Any]) -> Reference:
    """A reference from its line's JSON object."""
    x1, y1, x2, y2 = fields["box"]
    return Reference(**{**fields, "box": (x1, y1, x2, y2)})


def person_from_json(fields: dict[str, Any]) -> Person:
    """A person from their line's JSON object."""
    stash_ids = tuple((endpoint, stash_id) for endpoint, stash_id in fields.get("stash_ids", ()))
    return Person(**{**fields, "aliases": tuple(fields["aliases"]), "stash_ids": stash_ids})


def parts_to_json(person: Person, parts: Sequence[PersonPart]) -> dict[str, Any]:
    """The parts as their line's JSON object, without what the person's own line says. person: as a whole."""
    return {
        "parts": [
            {"source": part.source, "faces": part.faces}
            | ({"names": list(part.names)} if part.names else {})
            | ({"person": to_json_fields(part.person)} if part.person != person else {})
            for part in parts
        ]
    }


def parts_from_json(person: Person, fields: dict[str, Any]) -> tuple[PersonPart, ...]:
    """The parts from their line's JSON object. person: as a whole."""
    return tuple(
        PersonPart(
            part["source"],
            person_from_json(part["person"]) if "person" in part else person,
            part["faces"],
            tuple(part.get("names", ())),
        )
        for part in fields["parts"]
    )
