"""What Stash said of images, galleries and scenes when each was last looked at: performers and galleries."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stash_sense.domain.validation import validate_optional_text, validate_stash_id
from stash_sense.errors import BadInput

IMAGE, GALLERY, SCENE = "image", "gallery", "scene"
TAGGED_TYPES = (IMAGE, GALLERY, SCENE)

Target = tuple[str, str]
"""Type, and id in Stash."""


@dataclass(frozen=True, slots=True)
class TargetTags:
    """A target and the performers, by their ids in Stash, that it is tagged with. Raises BadInput.

    gallery_ids: of an image, the galleries it is in.
    """

    target_type: str
    target_id: str
    performer_ids: tuple[str, ...]
    gallery_ids: tuple[str, ...] = ()
    title: str | None = None
    organized: bool = False

    def __post_init__(self) -> None:
        validate_target_type(self.target_type)
        validate_stash_id("target_id", self.target_id)
        validate_optional_text("title", self.title or None)
        for name in ("performer_ids", "gallery_ids"):
            ids = getattr(self, name)
            if isinstance(ids, str):
                raise BadInput(f"{name} is the text {ids!r:.80}; give a list of ids.")
            object.__setattr__(self, name, tuple(sorted({validate_stash_id(name, each) for each in ids})))
        if self.gallery_ids and self.target_type != IMAGE:
            raise BadInput(f"gallery_ids came with a {self.target_type}; only images are in galleries.")


def validate_target_type(target_type: str) -> str:
    """The type, if it is one that Stash tags with performers. Raises BadInput."""
    if target_type not in TAGGED_TYPES:
        raise BadInput(f"target_type is {target_type!r:.80}; give one of {', '.join(TAGGED_TYPES)}.")
    return target_type


def record_tags(connection: sqlite3.Connection, targets: Iterable[TargetTags]) -> None:
    """Store what Stash says of these targets now. Nothing is written of those that are as they were."""
    by_target = {(each.target_type, each.target_id): each for each in targets}
    stored = stored_tags(connection, list(by_target))
    changed = {target: each for target, each in by_target.items() if stored.get(target) != each}
    ids = json.dumps(list(changed))
    images = [target_id for kind, target_id in changed if kind == IMAGE]
    mark_stale(connection, changed)
    mark_galleries(connection, images)
    _mark_images(connection, [target_id for kind, target_id in changed if kind == GALLERY])
    _delete_links(connection, ids, images)
    connection.executemany(
        """INSERT INTO stash_sense_library_tags (target_type, target_id, title, organized)
           VALUES (?, ?, ?, ?) ON CONFLICT (target_type, target_id) DO UPDATE SET
             title = excluded.title, organized = excluded.organized, gone = 0""",
        [(*target, each.title or None, int(each.organized)) for target, each in changed.items()],
    )
    connection.executemany(
        "INSERT INTO stash_sense_library_performers (target_type, target_id, local_id) VALUES (?, ?, ?)",
        [(*target, local_id) for target, each in changed.items() for local_id in each.performer_ids],
    )
    connection.executemany(
        "INSERT INTO stash_sense_library_galleries (gallery_id, image_id) VALUES (?, ?)",
        [(gallery, each.target_id) for each in changed.values() for gallery in each.gallery_ids],
    )
    mark_galleries(connection, images)


def forget_targets(connection: sqlite3.Connection, target_type: str, ids: Sequence[str]) -> None:
    """Stash has these targets no more: nothing is suggested for them unless they are recorded again."""
    kind = validate_target_type(target_type)
    gone = [(kind, validate_stash_id("target_id", each)) for each in dict.fromkeys(ids)]
    images = [target_id for _, target_id in gone if kind == IMAGE]
    mark_stale(connection, gone)
    mark_galleries(connection, images)
    if kind == GALLERY:
        galleries = [target_id for _, target_id in gone]
        _mark_images(connection, galleries)
        connection.execute(
            "DELETE FROM stash_sense_library_galleries WHERE gallery_id IN (SELECT value FROM json_each(?))",
            (json.dumps(galleries),),
        )
    _delete_links(connection, json.dumps(gone), images)
    connection.executemany(
        """INSERT INTO stash_sense_library_tags (target_type, target_id, gone) VALUES (?, ?, 1)
           ON CONFLICT (target_type, target_id) DO UPDATE SET title = NULL, organized = 0, gone = 1""",
        gone,
    )


def note_tags(
    connection: sqlite3.Connection, targets: Sequence[Target], local_id: str, *, is_added: bool
) -> None:
    """A performer was added to targets, or removed; those that were never looked at stay so."""
    ids = json.dumps(list(targets))
    if is_added:
        connection.execute(
            """INSERT OR IGNORE INTO stash_sense_library_performers (target_type, target_id, local_id)
               SELECT t.target_type, t.target_id, ?2 FROM json_each(?1) wanted
               CROSS JOIN stash_sense_library_tags t ON t.target_type = json_extract(wanted.value, '$[0]')
                 AND t.target_id = json_extract(wanted.value, '$[1]')""",
            (ids, local_id),
        )
    else:
        connection.execute(
            """DELETE FROM stash_sense_library_performers WHERE local_id = ?2
               AND (target_type, target_id) IN (
                 SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))""",
            (ids, local_id),
        )
    mark_stale(connection, targets)
    mark_galleries(connection, [target_id for kind, target_id in targets if kind == IMAGE])
    _mark_images(connection, [target_id for kind, target_id in targets if kind == GALLERY])


def stored_tags(connection: sqlite3.Connection, targets: Sequence[Target]) -> dict[Target, TargetTags]:
    """What is stored of those of the targets that were looked at and that Stash still had."""
    ids = json.dumps(list(targets))
    joined = """t.target_type = json_extract(wanted.value, '$[0]')
                  AND t.target_id = json_extract(wanted.value, '$[1]')"""
    rows = connection.execute(
        f"""SELECT t.target_type, t.target_id, t.title, t.organized FROM json_each(?) wanted
            CROSS JOIN stash_sense_library_tags t ON {joined} WHERE NOT t.gone""",  # noqa: S608  our text
        (ids,),
    ).fetchall()
    performers: dict[Target, list[str]] = {}
    for kind, target_id, local_id in connection.execute(
        f"""SELECT t.target_type, t.target_id, t.local_id FROM json_each(?) wanted
            CROSS JOIN stash_sense_library_performers t ON {joined}""",  # noqa: S608  our text
        (ids,),
    ):
        performers.setdefault((kind, target_id), []).append(local_id)
    galleries: dict[str, list[str]] = {}
    for image_id, gallery_id in connection.execute(
        """SELECT g.image_id, g.gallery_id FROM json_each(?) wanted
           CROSS JOIN stash_sense_library_galleries g ON g.image_id = wanted.value""",
        (json.dumps([target_id for kind, target_id in targets if kind == IMAGE]),),
    ):
        galleries.setdefault(image_id, []).append(gallery_id)
    return {
        (kind, target_id): TargetTags(
            kind,
            target_id,
            tuple(performers.get((kind, target_id), ())),
            tuple(galleries.get(target_id, ())) if kind == IMAGE else (),
            title,
            bool(organized),
        )
        for kind, target_id, title, organized in rows
    }


def mark_stale(connection: sqlite3.Connection, targets: Iterable[Target]) -> None:
    """Have the suggestions for these targets derived again before they are shown."""
    connection.executemany(
        "INSERT OR IGNORE INTO stash_sense_stale_targets (target_type, target_id) VALUES (?, ?)", targets
    )


def count_stale(connection: sqlite3.Connection) -> int:
    """For how many targets suggestions are still to be derived again."""
    return int(connection.execute("SELECT count(*) FROM stash_sense_stale_targets").fetchone()[0])


def delete_tags(connection: sqlite3.Connection, target_type: str, target_id: str) -> None:
    """Delete what is stored of a target, also that it is gone."""
    target = (target_type, target_id)
    images = [target_id] if target_type == IMAGE else []
    mark_galleries(connection, images)
    _delete_links(connection, json.dumps([target]), images)
    for table in ("library_tags", "suggestions", "dismissed_suggestions", "stale_targets"):
        connection.execute(
            f"DELETE FROM stash_sense_{table} WHERE target_type = ? AND target_id = ?",  # noqa: S608  our names
            target,
        )


def mark_galleries(connection: sqlite3.Connection, images: Sequence[str]) -> None:
    """Mark the galleries that these images are in."""
    connection.execute(
        """INSERT OR IGNORE INTO stash_sense_stale_targets (target_type, target_id)
           SELECT 'gallery', g.gallery_id FROM json_each(?1) wanted
             CROSS JOIN stash_sense_library_galleries g ON g.image_id = wanted.value
           UNION SELECT 'gallery', g.gallery_id FROM json_each(?1) wanted
             CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
             JOIN stash_sense_image_galleries g ON g.image_fingerprint_id = i.id""",
        (json.dumps(list(images)),),
    )


def _mark_images(connection: sqlite3.Connection, galleries: Sequence[str]) -> None:
    """Mark the images in these galleries, which may inherit their tags."""
    connection.execute(
        """INSERT OR IGNORE INTO stash_sense_stale_targets (target_type, target_id)
           SELECT 'image', g.image_id FROM json_each(?) wanted
           CROSS JOIN stash_sense_library_galleries g ON g.gallery_id = wanted.value""",
        (json.dumps(list(galleries)),),
    )


def _delete_links(connection: sqlite3.Connection, targets: str, images: Sequence[str]) -> None:
    """Delete the performers of targets, given as JSON, and the galleries of images."""
    connection.execute(
        """DELETE FROM stash_sense_library_performers WHERE (target_type, target_id) IN (
             SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))""",
        (targets,),
    )
    connection.execute(
        "DELETE FROM stash_sense_library_galleries WHERE image_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(images)),),
    )
