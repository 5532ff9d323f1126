"""People who are known here: whom a key, an id in Stash or a name means, and all that is known of them."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stash_sense.domain.identity import Person, local_key, person_from_facts, person_keys, visible_name
from stash_sense.domain.validation import parse_json_object
from stash_sense.errors import Conflict, NotStored
from stash_sense.facedb.database import FaceDatabase
from stash_sense.files import explained_write_errors, replacement_of
from stash_sense.runtime.from_settings import PEOPLE_DATABASES, database_dir, jobs_file, state_file
from stash_sense.settings import Settings
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.jobs_file import jobs_that_mention
from stash_sense.store.repositories.person_deletion import mention_test


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person known here. keys: every key, the current one first; names: every name, the current one first.

    references: reference faces in face databases.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    references: int = 0

    @property
    def name(self) -> str:
        """The current name, else the key."""
        return self.names[0] if self.names else self.keys[0]

    def joined(self, other: "KnownPerson") -> "KnownPerson":
        """Both as one person."""
        return KnownPerson(
            tuple(dict.fromkeys((*self.keys, *other.keys))),
            tuple(dict.fromkeys((*self.names, *other.names))),
            self.references + other.references,
        )


def database_places(settings: Settings) -> list[Path]:
    """The folder of the face database, then those of the databases made for `identify --people`."""
    people = settings.data_dir / PEOPLE_DATABASES
    others = sorted(path for path in people.iterdir() if path.is_dir()) if people.is_dir() else []
    return [database_dir(settings), *others]


def find_known_people(settings: Settings, text: str, state: RecommendationsDB | None) -> list[KnownPerson]:
    """The people whom `text` means: by key, alias, id in Stash or exact name."""
    name = visible_name(text)
    matches = [_stored(state, [key]) for key in (text, local_key(text))] if state else []
    matches += [_stored(state, [key]) for key, _ in state.people_called(name)] if state else []
    wanted = {text, local_key(text), *(key for person in matches for key in person.keys)}
    for place in database_places(settings):
        if database := FaceDatabase.open_usable(place):
            with database:
                matches += _enrolled(database, wanted, name)
    people: list[KnownPerson] = []
    for match in matches:
        person = match.joined(_stored(state, match.keys)) if state else match
        same = [other for other in people if not set(person.keys).isdisjoint(other.keys)]
        people = [other for other in people if other not in same]
        for other in same:
            person = other.joined(person)
        if person.keys:
            people.append(person)
    # A folder of people and a performer of one name are one person, as in a build.
    performers = [person for person in people if person.keys != person.names]
    if len(people) == 1 or len(performers) == 1:
        joined = _with_folders(settings, (performers or people)[0])
        if all(set(person.keys) <= set(joined.keys) for person in people):
            return [joined]
    return people


def one_known_person(settings: Settings, text: str, state: RecommendationsDB | None) -> KnownPerson:
    """The one person whom `text` means. Raises NotStored, and Conflict where several may be meant."""
    people = find_known_people(settings, text, state)
    if not people:
        raise NotStored(
            f"Nobody here has the key, alias, id or name {text!r:.80}. Names must be given exactly; see "
            "`stash-sense database info` for how many people are enrolled."
        )
    if len(people) > 1:
        keys = ", ".join(f"{person.keys[0]} ({person.name})" for person in people[:10])
        raise Conflict(f"{text!r:.80} may mean {len(people)} people: {keys}. Give the key of one of them.")
    return people[0]


@contextmanager
def open_state(settings: Settings) -> Iterator[RecommendationsDB | None]:
    """The state, closed at the end; None where there is no file yet. Raises StateError, StateBusy."""
    path = state_file(settings)
    if not path.exists():
        yield None
        return
    with RecommendationsDB(path) as state:
        yield state


def _stored(state: RecommendationsDB, keys: Iterable[str]) -> KnownPerson:
    """What the state knows of the person with these keys; without keys where it is nothing."""
    person = KnownPerson((), ())
    for row in state.person_data(keys)["people"]:
        facts = parse_json_object(row["facts"])
        stored = person_from_facts(row["performer_id"], row["name"], facts)
        former = state.keys_of_people([stored.key]).get(stored.key, ())
        names = (row["name"],) if row["name"] else ()
        person = person.joined(KnownPerson((*person_keys(stored), *former), names))
    return person


def _with_folders(settings: Settings, person: KnownPerson) -> KnownPerson:
    """The person with the people folders of that name, which a build makes one with them."""
    names = set(map(visible_name, person.names))
    for place in database_places(settings):
        if database := FaceDatabase.open_usable(place):
            with database:
                for index in range(database.people):
                    other = database.person(index)
                    is_folder = other.key == other.name and not other.local_id and not other.stash_ids
                    if is_folder and visible_name(other.name) in names and other.key not in person.keys:
                        faces = len(database.rows(index))
                        person = person.joined(KnownPerson((other.key,), (other.name,), faces))
    return person


def _enrolled(database: FaceDatabase, keys: Iterable[str], name: str) -> Iterator[KnownPerson]:
    indices = set(database.find(keys).values())
    for index in range(database.people):
        person = database.person(index)
        if index in indices or name in (visible_name(person.name), person.full_name):
            own = person_keys(person)
            yield KnownPerson(own, _names(person), len(database.rows(index)))


def _names(person: Person) -> tuple[str, ...]:
    """The names of a person; aliases may be keys, or the names of folders."""
    named = [alias for alias in person.aliases if ":" not in alias]
    return tuple(dict.fromkeys((person.name, *named)))


def export_person(
    settings: Settings, person: KnownPerson, state: RecommendationsDB | None, target: Path
) -> int:
    """Write `person.json` and the stored faces of a person into the zip archive `target`.

    Returns how many entries person.json has. Raises BadDatabase, StateError, NoSpace, CannotWrite.
    """
    faces: list[tuple[str, bytes]] = []
    data: dict[str, Any] = {"keys": person.keys, "names": person.names, "references": [], "photos": []}
    for place in database_places(settings):
        if database := FaceDatabase.open_usable(place):
            with database:
                for index in sorted(set(database.find(person.keys).values())):
                    data["references"] += _references(database, index, faces)
                data["photos"] += [asdict(photo) for photo in database.photos() if photo.owner in person.keys]
    if state is not None:
        data |= state.person_data(person.keys)
        faces += [(f"scenes/{face_id}.jpg", crop) for face_id, crop in state.person_crops(person.keys)]
    data["jobs"] = jobs_that_mention(jobs_file(settings), mention_test(person.keys, person.names))
    with (
        explained_write_errors(target),
        replacement_of(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("person.json", json.dumps(data, indent=1))
        for name, content in faces:
            archive.writestr(name, content)
    return sum(len(value) for value in data.values())


def _references(database: FaceDatabase, index: int, faces: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    person = asdict(database.person(index))
    references = []
    for row in database.rows(index):
        entry = {
            "database": database.manifest.version,
            "person": person,
            **asdict(database.reference(row)),
            "embedding": database.row_vector(row).tolist(),
        }
        if crop := database.crop(row):
            name = f"references/{database.manifest.version}-{row}.jpg"
            faces.append((name, crop))
            entry["crop"] = name
        references.append(entry)
    return references
