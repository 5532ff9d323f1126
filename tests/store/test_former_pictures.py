"""The pictures of performers that were replaced: kept with the journal until undone, within bounds."""

import pytest

from stash_sense.errors import BadInput, NotStored
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories import former_pictures
from stash_sense.store.repositories.former_pictures import FormerPicture

OLD, NEW = "data:image/jpeg;base64,b2xk", "data:image/png;base64,bmV3"


def replaced(db: RecommendationsDB, local_id: str = "7", before: str | None = OLD) -> int:
    entry = db.begin_picture(local_id, FormerPicture(before, NEW))
    db.journal_complete(entry.entry_id, "done", [local_id])
    return entry.entry_id


@pytest.mark.parametrize("before", [OLD, None])
def test_an_entry_keeps_what_was_replaced_until_it_is_undone(
    db: RecommendationsDB, before: str | None
) -> None:
    number = replaced(db, before=before)
    (entry,) = db.journal_entries()
    assert (entry.target_type, entry.target_ids, entry.local_id) == ("picture", ("7",), "7")
    assert db.former_picture(number) == FormerPicture(before, NEW)
    db.journal_undone(number)
    with pytest.raises(NotStored, match="not kept any more"):
        db.former_picture(number)


def test_of_a_picture_that_was_not_written_nothing_is_kept(db: RecommendationsDB) -> None:
    entry = db.begin_picture("7", FormerPicture(OLD, NEW))
    db.journal_complete(entry.entry_id, "failed")
    with pytest.raises(NotStored):
        db.former_picture(entry.entry_id)


def test_the_newest_are_kept(db: RecommendationsDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(former_pictures, "MOST", 2)
    first, *others = [replaced(db) for _ in range(3)]
    with pytest.raises(NotStored):
        db.former_picture(first)
    assert [db.former_picture(number).before for number in others] == [OLD, OLD]
    assert len(db.journal_entries()) == 3


def test_they_take_no_more_than_so_many_bytes_but_for_the_newest(
    db: RecommendationsDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(former_pictures, "MOST_BYTES", 2 * len(OLD + NEW))
    first, second = replaced(db), replaced(db)
    assert db.former_picture(first).before == OLD
    large = replaced(db, before=OLD[:-4] + "AAAA" * 100)
    for number in (first, second):
        with pytest.raises(NotStored):
            db.former_picture(number)
    assert db.former_picture(large).after == NEW


def test_an_export_has_them_and_deleting_the_person_deletes_them(db: RecommendationsDB) -> None:
    gone, stays = replaced(db, "7"), replaced(db, "8")
    assert [row["before"] for row in db.person_data(["local:7"])["former_pictures"]] == [OLD]
    db.delete_person(["local:7"])
    with pytest.raises(NotStored):
        db.former_picture(gone)
    assert db.former_picture(stays).before == OLD


@pytest.mark.parametrize("picture", ["", "jpeg", "data:text/html;base64,AAAA", "data:image/png;base64,<x>"])
def test_only_pictures_are_kept(db: RecommendationsDB, picture: str) -> None:
    with pytest.raises(BadInput, match="data:image"):
        db.begin_picture("7", FormerPicture(picture, NEW))
    with pytest.raises(BadInput, match="data:image"):
        db.begin_picture("7", FormerPicture(None, picture))
    assert db.journal_entries() == []
