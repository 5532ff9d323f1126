"""A person's decisions follow the performer through every change of key, in every view."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.stash import build_from_stash
from stash_sense.facedb.database import FaceDatabase
from stash_sense.media.formats import DEFAULT_LIMITS
from stash_sense.recognition.crops import face_crop
from stash_sense.recognition.decided_people import follow_keys
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.store.database import RecommendationsDB

STASHDB, FANSDB = "https://stashdb.org/graphql", "https://fansdb.cc/graphql"
UUID = "50459d16-0000-4000-8000-0000000000{:02}"
NOBODY: list[tuple[str, str]] = []

CHANGES = {
    "linked to a stash-box": (NOBODY, [(STASHDB, UUID.format(10))]),
    "id replaced by a merge": ([(STASHDB, UUID.format(1))], [(STASHDB, UUID.format(99))]),
    "another box sorts first": (
        [(FANSDB, UUID.format(2))],
        [(FANSDB, UUID.format(2)), (STASHDB, UUID.format(14))],
    ),
}
BOTH_WAYS = [*CHANGES.values(), *((after, before) for before, after in CHANGES.values())]
NAMES = [*CHANGES, *(f"back from {name}" for name in CHANGES)]
WORDS = ("confirmed", "rejected", "ignored")


def key_of(stash_ids: list[tuple[str, str]]) -> str:
    if not stash_ids:
        return "local:1"
    endpoint, stash_id = next((pair for pair in stash_ids if pair[0] == STASHDB), stash_ids[0])
    return f"{endpoint.split('/')[2]}:{stash_id}"


@dataclass
class Library:
    """Two performers, Red (1) and Green, enrolled from their portraits."""

    stash: Any
    state: RecommendationsDB
    enrolled: Any

    async def become(self, stash_ids) -> FaceRecognizer:
        """Red's stash ids are these now, and the face database is built again."""
        with self.stash.library.lock:
            red = self.stash.library.performers[1]
            red.stash_ids, red.updated_at = list(stash_ids), self.stash.library.now()
        recognizer = await self.enrolled()
        follow_keys(self.state, recognizer.database)
        return recognizer


@pytest.fixture
async def library(stash, state, tools, pool, picture, make_pack, tmp_path):
    stash.library.stash_boxes = [(STASHDB, "StashDB", "k"), (FANSDB, "FansDB", "k")]
    for name in ("red", "green"):
        stash.library.add_performer(name.title(), image=picture(name, 250))
    opened = []

    async def enrolled() -> FaceRecognizer:
        place, pack = tmp_path / "people", make_pack()
        await build_from_stash(tools.stash, place, pack, NoProgress(), pool=pool)
        opened.append(FaceDatabase.open(place))
        return FaceRecognizer(pack, opened[-1])

    yield Library(stash, state, enrolled)
    for database in opened:
        database.close()


def decide(state, face_id: str, word: str, key: str, **more):
    return state.decide(int(face_id), word, None if word == "ignored" else key, **more)


def shows(answer, word: str, key: str) -> None:
    """The image view after the decision about Red."""
    (face,) = answer.faces
    own = [match for match in face.matches if match.performer_id == key or match.local_id == "1"]
    if word == "confirmed":
        assert face.verdict.status == "match"
        assert face.named == own[0]
        assert [(match.performer_id, match.local_id) for match in own] == [(key, "1")]
    else:
        assert (own, face.named) == ([], None)
        assert str(face.verdict.reason).startswith("You ")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("before", "after"), BOTH_WAYS, ids=NAMES)
async def test_every_view_shows_the_decision_after_the_change(
    library, before, after, word, fill, look_at, identify, state, tools, pool
):
    old, new = key_of(before), key_of(after)
    first = await library.become(before)
    # Confirmed against what is seen, so that the decision alone names the person.
    colour = "green" if word == "confirmed" else "red"
    gallery, (image, tagged) = fill(colour, colour)
    faces = {each: (await look_at(each, recognizer=first)).face_ids[0] for each in (image, tagged)}
    entry = state.journal_begin("image", [tagged], "1")
    state.journal_complete(entry.entry_id, "done", [tagged])
    decide(state, faces[image], word, old)
    decide(state, faces[tagged], word, old, entry_id=entry.entry_id)
    await identify(gallery, recognizer=first)
    second = await library.become(after)

    # The image and its stored result, matched again.
    shows(await look_at(image, recognizer=second), word, new)
    named = [row["performer_id"] for row in state.get_image_fingerprint_faces(image)]
    assert named == ([new] if word == "confirmed" else [])
    # The gallery.
    answer = await identify(gallery, recognizer=second)
    listed = [(one.performer_id, one.local_id, one.confirmed) for one in answer.performers]
    assert listed == ([(new, "1", True)] if word == "confirmed" else [])
    # Crops and the list of decisions, by every key.
    about = old if word != "ignored" else None
    for key in {about, new if about else None, "local:1" if about else None}:
        rows = state.list_decisions(performer_id=key, kind=word)
        assert {row.face_id for row in rows} == {int(face) for face in faces.values()}
        assert {row.decision.performer_id for row in rows} == {new if about else None}
    crop = await face_crop(faces[image], Runner(state), tools.stash, pool, DEFAULT_LIMITS)
    assert crop.startswith(b"\xff\xd8")
    # The journal, by every key; undoing takes the decision back.
    for key in {old, new, "local:1"}:
        assert [each.entry_id for each in state.journal_entries(performer_id=key)] == [entry.entry_id]
    state.journal_undone(entry.entry_id)
    left = state.list_decisions(performer_id=new if about else None, kind=word)
    assert [row.face_id for row in left] == [int(faces[image])]


class Runner:
    """The state as `face_crop` takes it."""

    def __init__(self, state) -> None:
        self.state = state

    async def run(self, work):
        return work(self.state)


def forget_former_keys(path) -> None:
    """The state as it was before migration 0010."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE stash_sense_person_keys")
        file.execute("ALTER TABLE stash_sense_decisions DROP COLUMN local_id")
        file.execute("DELETE FROM stash_sense_migrations WHERE name = '0010-former-keys'")
        file.commit()


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("before", "after"), BOTH_WAYS, ids=NAMES)
async def test_decisions_of_an_older_program_follow_too(
    library, before, after, word, fill, look_at, identify, state
):
    first = await library.become(before)
    gallery, (image,) = fill("red")
    answer = await look_at(image, recognizer=first)
    decide(state, answer.face_ids[0], word, key_of(before))
    forget_former_keys(state.path)
    with RecommendationsDB(state.path) as migrated:
        library.state = migrated
        second = await library.become(after)
        shows(await look_at(image, recognizer=second), word, key_of(after))
        answer = await identify(gallery, recognizer=second)
    listed = [(one.performer_id, one.local_id) for one in answer.performers]
    assert listed == ([(key_of(after), "1")] if word == "confirmed" else [])


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(("before", "after"), BOTH_WAYS, ids=NAMES)
async def test_a_job_with_the_former_database_still_heeds_the_decision(
    library, before, after, word, fill, look_at, identify, state
):
    first = await library.become(before)
    gallery, (image,) = fill("red")
    answer = await look_at(image, recognizer=first)
    decide(state, answer.face_ids[0], word, key_of(before))
    await library.become(after)
    shows(await look_at(image, recognizer=first), word, key_of(before))
    answer = await identify(gallery, recognizer=first)
    listed = [(one.performer_id, one.local_id) for one in answer.performers]
    assert listed == ([(key_of(before), "1")] if word == "confirmed" else [])


async def test_a_former_key_still_decides_about_the_person(library, fill, look_at, state):
    (before, after) = CHANGES["id replaced by a merge"]
    first = await library.become(before)
    _, (image,) = fill("red")
    (face,) = (await look_at(image, recognizer=first)).face_ids
    rejected = decide(state, face, "rejected", key_of(before))
    second = await library.become(after)
    again = decide(state, face, "rejected", key_of(before))  # from a page that was open all along
    assert (again.decision_id, again.performer_id) == (rejected.decision_id, key_of(after))
    decide(state, face, "confirmed", key_of(before))
    assert [row.decision.kind for row in state.list_decisions()] == ["confirmed"]
    shows(await look_at(image, recognizer=second), "confirmed", key_of(after))


async def test_a_key_that_goes_to_another_performer_takes_no_decision_with_it(
    library, fill, look_at, state, stash
):
    wrong, right = [(STASHDB, UUID.format(1))], [(STASHDB, UUID.format(2))]
    first = await library.become(wrong)
    _, (red, green) = fill("red", "green")
    face = (await look_at(red, recognizer=first)).face_ids[0]
    other = (await look_at(green, recognizer=first)).face_ids[0]
    decide(state, face, "confirmed", key_of(wrong))
    with stash.library.lock:  # the stash id was Green's all along
        stash.library.performers[2].stash_ids = wrong
        stash.library.performers[2].updated_at = stash.library.now()
    second = await library.become(right)
    shows(await look_at(red, recognizer=second), "confirmed", key_of(right))
    decide(state, other, "confirmed", key_of(wrong))
    (shown,) = (await look_at(green, recognizer=second)).faces
    assert (shown.named.performer_id, shown.named.local_id) == (key_of(wrong), "2")
    assert {row.decision.performer_id for row in state.list_decisions()} == {key_of(wrong), key_of(right)}


async def test_decisions_on_two_performers_made_one_are_one_persons_and_part_again(
    library, fill, look_at, state, stash
):
    shared = [(STASHDB, UUID.format(1))]
    first = await library.become(NOBODY)
    _, (red, green) = fill("red", "green")
    for image, key in ((red, "local:1"), (green, "local:2")):
        face = (await look_at(image, recognizer=first)).face_ids[0]
        decide(state, face, "rejected", key)
    with stash.library.lock:
        stash.library.performers[2].stash_ids = shared
        stash.library.performers[2].updated_at = stash.library.now()
    both = await library.become(shared)
    assert {row.decision.performer_id for row in state.list_decisions()} == {key_of(shared)}
    assert len(state.list_decisions(performer_id="local:2")) == 2
    for image in (red, green):
        assert (await look_at(image, recognizer=both)).faces[0].matches == ()
    with stash.library.lock:
        stash.library.performers[2].stash_ids = []
        stash.library.performers[2].updated_at = stash.library.now()
    await library.become(NOBODY)
    assert sorted(row.decision.performer_id for row in state.list_decisions()) == ["local:1", "local:2"]


async def test_a_person_gone_from_the_face_database_keeps_the_decisions(library, fill, look_at, state, stash):
    first = await library.become(CHANGES["id replaced by a merge"][0])
    _, (image,) = fill("red")
    face = (await look_at(image, recognizer=first)).face_ids[0]
    decide(state, face, "confirmed", key_of(CHANGES["id replaced by a merge"][0]))
    with stash.library.lock:
        stash.library.performers[1].image = None
    second = await library.become(CHANGES["id replaced by a merge"][1])
    (shown,) = (await look_at(image, recognizer=second)).faces
    assert (shown.named.name, shown.named.local_id, shown.verdict.status) == ("Red", "1", "match")
