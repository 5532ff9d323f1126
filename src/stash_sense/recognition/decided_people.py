"""The people whom decisions are about, as the face database in use knows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stash_sense.domain.decisions import Decision, rename_decided
from stash_sense.domain.identity import Person
from stash_sense.facedb.database import FaceDatabase
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import StoredFace
from stash_sense.store.repositories.results import StoredResult


def follow_keys(state: RecommendationsDB, database: FaceDatabase) -> None:
    """Bring all that is stored of people under the keys that they have in this face database. Blocks."""

    def find(keys: Iterable[str]) -> dict[str, Person]:
        return {key: database.person(index) for key, index in database.find(keys).items()}

    state.follow_people(find)


def results_in(
    database: FaceDatabase, results: Mapping[str, StoredResult], state: RecommendationsDB
) -> dict[str, StoredResult]:
    """Stored results with the people of their matches and decisions as this database knows them. Blocks."""
    faces = [face for result in results.values() for face in result.faces]
    keys = {match.performer_id for face in faces for match in face.candidates}
    current = _keys_in(database, keys | _decided(each for face in faces for each in face.decisions), state)
    if not current:
        return dict(results)
    return {
        image: replace(result, faces=tuple(_renamed(face, current) for face in result.faces))
        for image, result in results.items()
    }


def decisions_in(
    database: FaceDatabase, decisions: Mapping[int, Sequence[Decision]], state: RecommendationsDB
) -> dict[int, list[Decision]]:
    """Decisions by face id, or whatever, with the people as this database knows them. Blocks."""
    keys = _keys_in(database, _decided(each for own in decisions.values() for each in own), state)
    return {face_id: rename_decided(own, keys) for face_id, own in decisions.items()}


def _decided(decisions: Iterable[Decision]) -> set[str]:
    return {decision.performer_id for decision in decisions if decision.performer_id is not None}


def _keys_in(database: FaceDatabase, keys: set[str], state: RecommendationsDB) -> dict[str, str]:
    """Performer key -> the person's key in this database, where it is another one.

    The state may follow a newer database than the one that a running job works with.
    """
    found = database.find(keys)
    missing = keys - found.keys()
    if missing:
        former = state.keys_of_people(missing)
        known = database.find({key for own in former.values() for key in own})
        for key, own in former.items():
            index = next((known[each] for each in own if each in known), None)
            if index is not None:
                found[key] = index
    current = {key: database.person(index).key for key, index in found.items()}
    return {key: own for key, own in current.items() if own != key}


def _renamed(face: StoredFace, keys: Mapping[str, str]) -> StoredFace:
    candidates = tuple(
        replace(match, performer_id=keys[match.performer_id]) if match.performer_id in keys else match
        for match in face.candidates
    )
    return replace(face, candidates=candidates, decisions=tuple(rename_decided(face.decisions, keys)))
