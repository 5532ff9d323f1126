"""A folder of people, or part of one, that is out of reach deletes nobody."""

import os
import shutil

import pytest

from stash_sense.errors import BadInput, PeopleVanished


@pytest.fixture
def share(tmp_path, photo):
    """A second people folder, with four people."""
    for number, name in enumerate(("Ann", "Bea", "Cleo", "Dora")):
        photo(tmp_path / "share" / name / "1.png", (250, 60 + 60 * number, 30))
    return tmp_path / "share"


def refuse_listing(monkeypatch, name):
    real = os.scandir

    def scandir(path):
        if os.fspath(path).endswith(name):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


@pytest.mark.parametrize("what", ["empty", "gone", "a stray file", "unlisted"])
def test_a_share_that_is_away_is_refused_and_nobody_deleted(
    build, people, share, enrolled, monkeypatch, what
):
    build(people, share)
    if what == "unlisted":
        refuse_listing(monkeypatch, "share")
    else:
        shutil.rmtree(share)
    if what in ("empty", "a stray file"):
        share.mkdir()
    if what == "a stray file":
        (share / "README.txt").write_text("mount point")
    with pytest.raises(PeopleVanished, match="drive or share") as refused:
        build(people, share)
    assert what == "gone" or "--allow-empty" in str(refused.value)
    assert len(enrolled()) == 7


def test_a_share_without_most_of_its_people_is_refused(build, people, share, enrolled):
    build(people, share)
    for name in ("Ann", "Bea", "Cleo"):
        shutil.rmtree(share / name)
    with pytest.raises(PeopleVanished, match=r"holds 1 people, and the face database has 4 .*--allow-empty"):
        build(people, share)
    assert len(enrolled()) == 7


def test_people_removed_on_purpose_are_gone_and_named(build, people, share, enrolled):
    build(people, share)
    for name in ("Ann", "Bea"):
        shutil.rmtree(share / name)
    report = build(people, share)
    assert set(report.gone) == {"Ann", "Bea"}
    assert len(enrolled()) == 5


def test_all_people_renamed_are_not_taken_for_gone(build, share, enrolled):
    build(share)
    for name in ("Ann", "Bea", "Cleo", "Dora"):
        (share / name).rename(share / f"{name} B")
    build(share)
    assert set(enrolled()) == {"Ann B", "Bea B", "Cleo B", "Dora B"}


def test_an_empty_folder_is_built_without_when_allowed(build, people, share, enrolled):
    build(people, share)
    shutil.rmtree(share)
    share.mkdir()
    report = build(people, share, allow_empty=True)
    assert set(report.gone) == {"Ann", "Bea", "Cleo", "Dora"}
    assert len(enrolled()) == 3


def test_nobody_at_all_is_refused_even_when_allowed(build, share, enrolled):
    build(share)
    shutil.rmtree(share)
    share.mkdir()
    with pytest.raises(BadInput):
        build(share, allow_empty=True)
    assert len(enrolled()) == 4


def test_a_persons_folder_that_cannot_be_listed_keeps_the_person(build, share, enrolled, monkeypatch):
    build(share)
    refuse_listing(monkeypatch, "Ann")
    report = build(share)
    assert report.problems == ("Ann: cannot be listed (Input/output error); left out.",)
    assert (enrolled()["Ann"], report.faceless, report.analyzed) == (1, (), 0)


def test_photos_that_cannot_be_read_any_more_keep_their_faces(build, share, enrolled, monkeypatch):
    first = build(share)
    stat = os.stat

    def gone(path, *arguments, **options):
        if os.fspath(path).endswith(".png"):
            raise OSError(116, "Stale file handle")
        return stat(path, *arguments, **options)

    for entry in share.rglob("*.png"):
        entry.chmod(0)
    monkeypatch.setattr(os, "stat", gone)
    report = build(share)
    monkeypatch.undo()
    assert [photo.code for photo in report.skipped] == ["unreadable"] * 4
    assert (len(enrolled()), report.version) == (4, first.version)


def test_two_spellings_of_a_name_are_one_person(build, tmp_path, photo, enrolled):
    composed, apart = "Ren\u00e9e", "Rene\u0301e"
    for number, name in enumerate((composed, apart, f"{composed} ", f" {apart}", composed.upper())):
        photo(tmp_path / "people" / name / "1.png", (250, 60 + 10 * number, 30))
    build(tmp_path / "people")
    assert enrolled() == {composed: 4, composed.upper(): 1}


def test_a_person_of_an_earlier_spelling_is_not_taken_for_gone(build, tmp_path, photo):
    photo(tmp_path / "people" / "Rene\u0301e" / "1.png")
    build(tmp_path / "people")
    (tmp_path / "people" / "Rene\u0301e").rename(tmp_path / "people" / "Ren\u00e9e ")
    assert build(tmp_path / "people").gone == ()
