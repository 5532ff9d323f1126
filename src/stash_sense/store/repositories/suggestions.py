"""Suggestions of tags: who is seen on a target that is not tagged with them, derived from what is stored.

Nothing is decided here: the rows of version 6 say who is seen, decisions applied, and `library_tags` what
Stash has. Triggers note the targets of which one of these changed (`library_schema`); `refresh_suggestions`
derives theirs again. A target that Stash was never asked about counts as not tagged until it is.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stash_sense.store.repositories.library_tags import (
    GALLERY,
    IMAGE,
    SCENE,
    Target,
    count_stale,
    mark_galleries,
)
from stash_sense.store.repositories.people import upsert_people
from stash_sense.store.repositories.wrong_tags import wrong_tags

SEEN, TAGGED = "seen-not-tagged", "tagged-not-seen"
KINDS = (SEEN, TAGGED)

SURE_ALONE = 0.4
"""Seen in one image of a gallery, a person must be nearer than this; in two any match will do."""

_Derived = dict[tuple[str, str, str, int], tuple[float, bool]]
"""Type, id, kind and person -> distance, and whether the tag is inherited."""

_TAGGED = """EXISTS (SELECT 1 FROM stash_sense_library_performers l
  JOIN stash_sense_person_keys k ON k.key = 'local:' || l.local_id AND k.person_id = p.id
  WHERE l.target_type = '{target_type}' AND l.target_id = {target_id})"""
_DECIDED = """EXISTS (SELECT 1 FROM stash_sense_decisions d
  WHERE d.picture_id = {picture} AND d.word = '{word}' AND d.performer_id = p.performer_id)"""
_GONE = """EXISTS (SELECT 1 FROM stash_sense_library_tags t
  WHERE t.target_type = '{target_type}' AND t.target_id = wanted.value AND t.gone)"""
# A person rejected on one face of a picture is not suggested for another face of it, either.
_REFUSED = f"""({_DECIDED.format(picture="{picture}", word="rejected")}
  AND NOT {_DECIDED.format(picture="{picture}", word="confirmed")})"""

# Without a distance a decision alone says who it is.
_IMAGES = f"""SELECT wanted.value, p.id, coalesce(f.distance, 0.0),
    EXISTS (SELECT 1 FROM stash_sense_library_galleries g WHERE g.image_id = wanted.value AND
      {_TAGGED.format(target_type=GALLERY, target_id="g.gallery_id")})
  FROM json_each(?) wanted
  CROSS JOIN image_fingerprint_faces f ON f.stash_image_id = wanted.value
  JOIN stash_sense_people p ON p.performer_id = f.performer_id
  LEFT JOIN image_fingerprints i ON i.stash_image_id = wanted.value
  LEFT JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
  WHERE NOT {_GONE.format(target_type=IMAGE)}
    AND NOT {_TAGGED.format(target_type=IMAGE, target_id="wanted.value")}
    AND NOT {_REFUSED.format(picture="r.picture_id")}"""  # noqa: S608  our text
_SCENES = f"""SELECT wanted.value, p.id, 1.0 - coalesce(f.avg_confidence, 1.0), 0
  FROM json_each(?) wanted
  CROSS JOIN scene_fingerprints s ON s.stash_scene_id = CAST(wanted.value AS INTEGER)
  JOIN scene_fingerprint_faces f ON f.fingerprint_id = s.id
  JOIN stash_sense_people p ON p.performer_id = f.performer_id
  LEFT JOIN stash_sense_scenes v ON v.stash_scene_id = s.stash_scene_id
  WHERE NOT {_GONE.format(target_type=SCENE)}
    AND NOT {_TAGGED.format(target_type=SCENE, target_id="wanted.value")}
    AND NOT {_REFUSED.format(picture="v.picture_id")}"""  # noqa: S608  our text
MEMBERS = """SELECT g.gallery_id, g.image_id FROM stash_sense_library_galleries g
  JOIN json_each(?1) wanted ON wanted.value = g.gallery_id
  UNION SELECT g.gallery_id, i.stash_image_id FROM json_each(?1) wanted
  CROSS JOIN stash_sense_image_galleries g ON g.gallery_id = wanted.value
  JOIN image_fingerprints i ON i.id = g.image_fingerprint_id
  WHERE NOT EXISTS (SELECT 1 FROM stash_sense_library_tags t
    WHERE t.target_type = 'image' AND t.target_id = i.stash_image_id)"""
"""(gallery, image) of galleries: as Stash said of the image, else as the image was identified."""
_GALLERIES = f"""SELECT wanted.value, p.id, coalesce(r.picture_id, -i.id), coalesce(f.distance, 0.0),
    {_REFUSED.format(picture="r.picture_id")},
    {_TAGGED.format(target_type=IMAGE, target_id="members.image_id")}
  FROM ({MEMBERS}) members
  JOIN json_each(?1) wanted ON wanted.value = members.gallery_id
  JOIN image_fingerprint_faces f ON f.stash_image_id = members.image_id
  JOIN stash_sense_people p ON p.performer_id = f.performer_id
  JOIN image_fingerprints i ON i.stash_image_id = members.image_id
  LEFT JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
  WHERE NOT {_GONE.format(target_type=GALLERY)}
    AND NOT {_TAGGED.format(target_type=GALLERY, target_id="wanted.value")}"""  # noqa: S608  our text
_REFUSALS = f"""SELECT members.gallery_id, p.id, count(DISTINCT d.picture_id)
  FROM ({MEMBERS}) members
  JOIN image_fingerprints i ON i.stash_image_id = members.image_id
  JOIN stash_sense_image_results r ON r.image_fingerprint_id = i.id
  JOIN stash_sense_decisions d ON d.picture_id = r.picture_id AND d.word = 'rejected'
  JOIN stash_sense_people p ON p.performer_id = d.performer_id
  WHERE NOT {_DECIDED.format(picture="r.picture_id", word="confirmed")}
  GROUP BY 1, 2"""  # noqa: S608  our text


def refresh_suggestions(connection: sqlite3.Connection, most: int) -> int:
    """Derive again the suggestions for at most `most` targets; returns for how many that is left to do."""
    rows = connection.execute(
        """SELECT target_type, target_id FROM stash_sense_stale_targets
           ORDER BY target_type = 'gallery' LIMIT ?""",
        (most,),
    ).fetchall()
    # Galleries come last, once their images are done.
    targets = [row for row in rows if row[0] != GALLERY] or rows
    by_type: dict[str, list[str]] = {kind: [] for kind in (IMAGE, GALLERY, SCENE)}
    for kind, target_id in targets:
        by_type[kind].append(target_id)
    _store_named(connection, by_type)
    derived: _Derived = {}
    for kind, statement in ((IMAGE, _IMAGES), (SCENE, _SCENES)):
        for target_id, person, distance, inherited in connection.execute(
            statement, (json.dumps(by_type[kind]),)
        ):
            derived[kind, target_id, SEEN, person] = (distance, bool(inherited))
    derived |= _in_galleries(connection, by_type[GALLERY])
    for kind, target_id, person, distance in wrong_tags(connection, by_type[IMAGE], by_type[SCENE]):
        derived[kind, target_id, TAGGED, person] = (distance, False)
    _replace(connection, targets, derived)
    mark_galleries(connection, by_type[IMAGE])
    connection.executemany(
        "DELETE FROM stash_sense_stale_targets WHERE target_type = ? AND target_id = ?", targets
    )
    return count_stale(connection)


def dismiss_suggestions(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Take suggestions off the list for good; returns how many were on it."""
    wanted = json.dumps(list(ids))
    connection.execute(
        """INSERT OR IGNORE INTO stash_sense_dismissed_suggestions (person_id, kind, target_type, target_id)
           SELECT s.person_id, s.kind, s.target_type, s.target_id FROM json_each(?) wanted
           CROSS JOIN stash_sense_suggestions s ON s.id = wanted.value""",
        (wanted,),
    )
    return connection.execute(
        "DELETE FROM stash_sense_suggestions WHERE id IN (SELECT value FROM json_each(?))", (wanted,)
    ).rowcount


def _store_named(connection: sqlite3.Connection, by_type: Mapping[str, Sequence[str]]) -> None:
    """Older programs named people without storing them."""
    named = connection.execute(
        """SELECT performer_id FROM image_fingerprint_faces
             WHERE stash_image_id IN (SELECT value FROM json_each(?1))
           UNION SELECT f.performer_id FROM json_each(?2) wanted
             CROSS JOIN scene_fingerprints s ON s.stash_scene_id = CAST(wanted.value AS INTEGER)
             JOIN scene_fingerprint_faces f ON f.fingerprint_id = s.id
           EXCEPT SELECT performer_id FROM stash_sense_people""",
        (json.dumps(by_type[IMAGE]), json.dumps(by_type[SCENE])),
    ).fetchall()
    upsert_people(connection, [(key, None, None) for (key,) in named if isinstance(key, str) and key])


@dataclass(slots=True)
class _InGallery:
    """Where a person is seen in a gallery; copies of one picture are one."""

    pictures: set[int]
    distance: float = 2.0
    inherited: bool = False


def _in_galleries(connection: sqlite3.Connection, galleries: Sequence[str]) -> _Derived:
    """People seen in two images of a gallery, or surely in one, unless they were rejected in as many."""
    ids = json.dumps(list(galleries))
    seen: dict[tuple[str, int], _InGallery] = {}
    for gallery, person, picture, distance, is_refused, is_tagged in connection.execute(_GALLERIES, (ids,)):
        if is_refused:
            continue
        own = seen.setdefault((gallery, person), _InGallery(set()))
        own.pictures.add(picture)
        own.distance = min(own.distance, distance)
        own.inherited = own.inherited or bool(is_tagged)
    refused = {(gallery, person): count for gallery, person, count in connection.execute(_REFUSALS, (ids,))}
    return {
        (GALLERY, gallery, SEEN, person): (own.distance, own.inherited)
        for (gallery, person), own in seen.items()
        if (len(own.pictures) > 1 or own.distance < SURE_ALONE)
        and len(own.pictures) > refused.get((gallery, person), 0)
    }


def _replace(connection: sqlite3.Connection, targets: Iterable[Target], derived: _Derived) -> None:
    """Make the targets' suggestions those derived, without the dismissed ones. What stays keeps its id."""
    ids = json.dumps(list(targets))
    of_targets = """FROM json_each(?) wanted CROSS JOIN {table} s
      ON s.target_type = json_extract(wanted.value, '$[0]')
      AND s.target_id = json_extract(wanted.value, '$[1]')"""
    stored = {
        row[1:5]: row[0]
        for row in connection.execute(
            "SELECT s.id, s.target_type, s.target_id, s.kind, s.person_id "
            + of_targets.format(table="stash_sense_suggestions"),
            (ids,),
        )
    }
    people = json.dumps(sorted({person for *_, person in derived}))
    dismissed = set(
        connection.execute(
            """SELECT d.target_type, d.target_id, d.kind, d.person_id FROM json_each(?) wanted
               CROSS JOIN stash_sense_dismissed_suggestions d ON d.person_id = wanted.value""",
            (people,),
        ).fetchall()
    )
    wanted = {place: values for place, values in derived.items() if place not in dismissed}
    connection.executemany(
        "DELETE FROM stash_sense_suggestions WHERE id = ?",
        [(number,) for place, number in stored.items() if place not in wanted],
    )
    connection.executemany(
        """INSERT INTO stash_sense_suggestions (target_type, target_id, kind, person_id, distance, inherited)
           VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (target_type, target_id, kind, person_id) DO UPDATE SET
             distance = excluded.distance, inherited = excluded.inherited
           WHERE distance <> excluded.distance OR inherited <> excluded.inherited""",
        [(*place, distance, int(inherited)) for place, (distance, inherited) in wanted.items()],
    )
