"""How far a face database lags behind Stash, and whom it did not learn."""

import pytest

from stash_sense.enrolment import snapshot as module
from stash_sense.enrolment.snapshot import StashChanges, StashSnapshot, changes_since
from stash_sense.facedb.database import FaceDatabase
from stash_sense.stash.client import StashClient

from .conftest import BLACK, BLUE, QUICK, RED, STASHDB, picture


@pytest.fixture
def changes(stash, place):
    """Stash against the current database."""

    async def changes():
        with FaceDatabase.open(place) as database:
            snapshot = StashSnapshot.of(database)
        async with StashClient(stash.url, "", QUICK) as client:
            return await changes_since(snapshot, client)

    return changes


@pytest.fixture
def unlearned(place):
    def unlearned():
        with FaceDatabase.open(place) as database:
            return {each.local_id: each.code for each in StashSnapshot.of(database).unlearned}

    return unlearned


def edit(stash, performer_id, **fields):
    performer = stash.library.performers[performer_id]
    for name, value in fields.items():
        setattr(performer, name, value)
    performer.updated_at = stash.library.now()


async def test_after_a_build_nothing_is_newer_and_that_takes_one_query(enrol, three, stash, changes):
    await enrol()
    stash.record.forget()
    assert await changes() == StashChanges()
    assert stash.record.counts["FindPerformers"] == 1


async def test_new_changed_and_removed_performers_are_counted(enrol, three, stash, changes):
    await enrol()
    stash.library.add_performer("Dora", image=picture(BLUE))
    stash.library.add_performer("Else")  # nothing to learn
    edit(stash, 2, name="Beate")
    edit(stash, 3, image=picture(RED))
    del stash.library.performers[1]
    assert await changes() == StashChanges(new=1, changed=2, removed=1)
    await enrol()
    assert await changes() == StashChanges()


async def test_many_edits_are_read_page_by_page(enrol, stash, changes, monkeypatch):
    monkeypatch.setattr(module, "PER_PAGE", 3)
    for number in range(10):
        stash.library.add_performer(f"P{number}", image=picture((255, 20 * number + 30, 30)))
    await enrol()
    for number in (2, 3, 5, 7):
        edit(stash, number)
    assert await changes() == StashChanges(changed=4)


async def test_performers_without_a_face_are_told_with_the_reason(enrol, three, stash, unlearned):
    stash.library.add_performer("Dora", image=picture(BLACK))
    stash.library.add_performer("Else", image=b"\x89PNG\r\n\x1a\n damaged")
    await enrol()
    assert unlearned() == {"3": "no-portrait", "4": "no-face", "5": "unreadable"}


async def test_who_is_known_by_images_or_by_another_performer_is_learned(enrol, three, stash, unlearned):
    stash.library.add_performer("Ann without a picture", stash_ids=[(STASHDB, "u1")])
    stash.library.add_image(picture(BLUE), performers=[3])
    await enrol(with_images="unlearned")
    assert unlearned() == {}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("2 faces, none of them clearly the person's", "several-faces"),
        ("nearer to A than to B (0.31) than to the other pictures of this person (0.72)", "other-person"),
        ("unlike all other pictures of this person (nearest 1.21)", "other-person"),
        ("the face is small (30 px), blurred", "poor-face"),
        ("Portrait of performer 2: not in Stash, or deleted meanwhile.", "unreadable"),
    ],
)
def test_reasons_of_older_databases_have_their_code(reason, code):
    assert module.reason_code(reason) == code
