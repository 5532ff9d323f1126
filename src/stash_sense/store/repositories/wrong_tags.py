"""Tags that may be wrong: a person who is tagged and not seen, where everybody seen is surely another.

A person who turns away, wears a mask or is cut off is not seen either. So only where each face can be read
and is surely a known person's, the others who are tagged are seen, and so is one who is not tagged: they may
have been tagged instead of this one.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stash_sense.domain.decisions import StoredMatch, combine_decisions
from stash_sense.domain.identity import local_key
from stash_sense.store.repositories.faces import StoredFace, faces_by_image
from stash_sense.store.repositories.library_tags import IMAGE, SCENE
from stash_sense.store.repositories.matches import TRACKS, matches_by_face
from stash_sense.store.repositories.people import upsert_people

READABLE = 0.5
"""The least quality of every face; 0.35 is where a face starts to count as poor."""
SURE = 0.3
"""The farthest that anybody seen may be."""

Found = tuple[str, str, int, float]
"""Type and id of a target, the person who may be tagged wrongly, and the distance of whom is seen instead."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Everybody on a target: person -> distance of the farthest face. near: all that any face may be."""

    people: Mapping[str, float]
    near: frozenset[str]


def wrong_tags(
    connection: sqlite3.Connection, images: Sequence[str], scenes: Sequence[str]
) -> Iterator[Found]:
    """Of each target, the tag that may be wrong."""
    yield from _found(connection, IMAGE, _seen_in_images(connection, _contradicted(connection, images)))
    yield from _found(connection, SCENE, _seen_in_scenes(connection, scenes))


def _contradicted(connection: sqlite3.Connection, images: Sequence[str]) -> dict[int, str]:
    """Fingerprint id -> image, of tagged images that show somebody who is not tagged: few of all."""
    return dict(
        connection.execute(
            """SELECT i.id, wanted.value FROM json_each(?) wanted
               CROSS JOIN image_fingerprints i ON i.stash_image_id = wanted.value
               WHERE EXISTS (SELECT 1 FROM stash_sense_library_performers l
                   WHERE l.target_type = 'image' AND l.target_id = wanted.value AND NOT EXISTS (
                     SELECT 1 FROM stash_sense_person_keys k
                     JOIN stash_sense_people p ON p.id = k.person_id
                     JOIN image_fingerprint_faces f ON f.performer_id = p.performer_id
                       AND f.stash_image_id = wanted.value
                     WHERE k.key = 'local:' || l.local_id))
                 AND EXISTS (SELECT 1 FROM image_fingerprint_faces f
                   WHERE f.stash_image_id = wanted.value AND f.distance <= ?)
                 AND NOT EXISTS (SELECT 1 FROM image_fingerprint_faces f
                   WHERE f.stash_image_id = wanted.value AND f.distance > ?)""",
            (json.dumps(list(images)), SURE, SURE),
        ).fetchall()
    )


def _seen_in_images(connection: sqlite3.Connection, images: Mapping[int, str]) -> dict[str, _Seen]:
    seen = {}
    for fingerprint_id, faces in faces_by_image(connection, list(images)).items():
        if all(_is_clear(face) for face in faces):
            seen[images[fingerprint_id]] = _everybody([face.candidates for face in faces])
    return seen


def _is_clear(face: StoredFace) -> bool:
    """Whether it can be read and is surely somebody, whom a person has not rejected nor ignored."""
    decided = combine_decisions(face.decisions)
    sure = decided.confirmed is not None or (
        face.verdict == "match" and bool(face.candidates) and face.candidates[0].distance <= SURE
    )
    return sure and not decided.ignored and not decided.rejected and (face.quality or 0.0) >= READABLE


def _everybody(matches: Sequence[Sequence[StoredMatch]]) -> _Seen:
    people: dict[str, float] = {}
    for own in matches:
        people[own[0].performer_id] = max(own[0].distance, people.get(own[0].performer_id, 0.0))
    return _Seen(people, frozenset(match.performer_id for own in matches for match in own))


def _seen_in_scenes(connection: sqlite3.Connection, scenes: Sequence[str]) -> dict[str, _Seen]:
    """Scenes that were looked at to the end, without decisions, and of which every track is sure."""
    rows = connection.execute(
        """SELECT wanted.value, t.id, t.verdict, max(f.quality),
             EXISTS (SELECT 1 FROM stash_sense_scene_faces g
               JOIN stash_sense_scene_frames r ON r.id = g.frame_id
               WHERE r.picture_id = v.picture_id AND NOT r.former AND g.track_id IS NULL)
           FROM json_each(?) wanted
           CROSS JOIN stash_sense_scenes s ON s.stash_scene_id = CAST(wanted.value AS INTEGER)
           JOIN stash_sense_videos v ON v.picture_id = s.picture_id AND v.stopped IS NOT NULL
           JOIN stash_sense_scene_tracks t ON t.picture_id = v.picture_id
           JOIN stash_sense_scene_faces f ON f.track_id = t.id
           WHERE EXISTS (SELECT 1 FROM stash_sense_library_performers l
               WHERE l.target_type = 'scene' AND l.target_id = wanted.value)
             AND NOT EXISTS (SELECT 1 FROM stash_sense_decisions d WHERE d.picture_id = v.picture_id)
           GROUP BY wanted.value, t.id""",
        (json.dumps(list(scenes)),),
    ).fetchall()
    matches = matches_by_face(connection, [row[1] for row in rows], TRACKS)
    tracks: dict[str, list[Sequence[StoredMatch]]] = {}
    unclear = set()
    for scene, track, verdict, quality, has_strays in rows:
        own = matches.get(track, [])
        tracks.setdefault(scene, []).append(own)
        is_sure = verdict == "match" and own and own[0].distance <= SURE
        if not is_sure or has_strays or (quality or 0.0) < READABLE:
            unclear.add(scene)
    return {scene: _everybody(own) for scene, own in tracks.items() if scene not in unclear}


def _found(connection: sqlite3.Connection, target_type: str, seen: Mapping[str, _Seen]) -> Iterator[Found]:
    tags: dict[str, list[str]] = {}
    for target_id, local_id in connection.execute(
        """SELECT target_id, local_id FROM stash_sense_library_performers
           WHERE target_type = ? AND target_id IN (SELECT value FROM json_each(?))""",
        (target_type, json.dumps(list(seen))),
    ):
        tags.setdefault(target_id, []).append(local_id)
    keys = {local_key(local_id) for own in tags.values() for local_id in own}
    people: dict[str, set[str]] = {}
    for key, performer_id in connection.execute(
        """SELECT k.key, p.performer_id FROM stash_sense_person_keys k
           JOIN stash_sense_people p ON p.id = k.person_id
           WHERE k.key IN (SELECT value FROM json_each(?))""",
        (json.dumps(sorted(keys)),),
    ):
        people.setdefault(key, set()).add(performer_id)
    wrong: list[tuple[str, str, float]] = []
    for target_id, own in tags.items():
        everybody = seen[target_id]
        tagged = {local_key(local_id): people.get(local_key(local_id), set()) for local_id in own}
        unseen = [key for key, same in tagged.items() if not same & everybody.people.keys()]
        instead = [
            distance
            for person, distance in everybody.people.items()
            if not any(person in same for same in tagged.values())
        ]
        if len(unseen) == 1 and instead and not tagged[unseen[0]] & everybody.near:
            wrong.append((target_id, unseen[0], min(instead)))
    ids = upsert_people(connection, [(key, None, None) for _, key, _ in wrong])
    for target_id, key, distance in wrong:
        yield target_type, target_id, ids[key], distance
