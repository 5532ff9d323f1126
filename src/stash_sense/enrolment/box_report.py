"""What a build from a stash-box did, for people and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stash_sense.domain.identity import Person, person_keys
from stash_sense.enrolment.box_people import BoxListing
from stash_sense.enrolment.box_photos import KnownBoxPeople
from stash_sense.enrolment.report import BuildReport, EnrolledPerson, other_sources_json, skipped_photo_json


@dataclass(frozen=True, slots=True)
class StashBoxReport:
    """What a build from a stash-box did. added, updated: people with a face; updated: with a new one.

    merged: whose entry went into another; deleted: whose entry was deleted; unknown: whom the box does not
    know; failed: where it failed, and why: they keep what was known.
    """

    build: BuildReport
    added: int
    updated: int
    merged: tuple[Person, ...]
    deleted: tuple[Person, ...]
    unknown: tuple[Person, ...]
    failed: tuple[tuple[Person, str], ...]

    @classmethod
    def of(
        cls,
        build: BuildReport,
        listing: BoxListing,
        known: KnownBoxPeople,
        people: Sequence[EnrolledPerson],
    ) -> "StashBoxReport":
        """Compare the people of the build with those of the last one."""
        set_aside = {photo.path for photo in (*build.skipped, *build.quarantined)}
        added = updated = 0
        for each in people:
            usable = set(each.photos) - set_aside
            if usable and known.keys.isdisjoint(person_keys(each.person)):
                added += 1
            elif usable - known.faces:
                updated += 1
        return cls(
            build,
            added,
            updated,
            tuple(listing.merged),
            tuple(listing.deleted),
            tuple(listing.unknown),
            tuple(listing.failed),
        )

    def as_json(self, limit: int | None = None) -> dict[str, Any]:
        """As `database build --from-stash-box --json` prints it, with at most `limit` entries a list."""
        build = self.build
        return {
            "version": build.version,
            "people": build.people,
            "faces": build.faces,
            "embedded": build.analyzed,
            "reused": build.reused,
            "added": self.added,
            "updated": self.updated,
            "gone": list(build.gone[:limit]),
            "merged": _people_json(self.merged[:limit]),
            "deleted": _people_json(self.deleted[:limit]),
            "unknown": _people_json(self.unknown[:limit]),
            "failed": [{**_person_json(person), "why": why} for person, why in self.failed[:limit]],
            "not_enrolled": len(build.faceless),
            "skipped": [skipped_photo_json(photo) for photo in build.skipped[:limit]],
            "quarantined": [skipped_photo_json(photo) for photo in build.quarantined[:limit]],
            "skipped_count": len(build.skipped),
            "quarantined_count": len(build.quarantined),
            "problems": list(build.problems),
        } | other_sources_json(build, limit)


def _people_json(people: Sequence[Person]) -> list[dict[str, str]]:
    return list(map(_person_json, people))


def _person_json(person: Person) -> dict[str, str]:
    return {"performer_id": person.key, "name": person.full_name, "local_id": person.local_id or ""}
