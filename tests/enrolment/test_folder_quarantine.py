"""Photos in a person's folder that seem to show another person."""

from stash_sense.enrolment.folder import folder_report_json
from stash_sense.facedb import analyzed_photos


def quarantined(report):
    return [(photo.path, photo.reason) for photo in report.quarantined]


def test_a_photo_that_shows_another_person_is_quarantined_with_the_reason(build, people, photo, enrolled):
    wrong = photo(people / "Red" / "3.png", (60, 250, 60))
    report = build(people)
    ((path, reason),) = quarantined(report)
    assert path == str(wrong)
    assert reason.startswith("more like Green (9")
    assert (report.skipped, enrolled()) == ((), {"Blue": 1, "Green": 1, "Red": 2})
    assert folder_report_json(report)["quarantined"] == [
        {"photo": path, "why": reason, "code": "other-person"}
    ]


def test_the_only_photo_of_a_person_is_never_quarantined(build, people, photo, enrolled):
    photo(people / "Rouge" / "1.png", (252, 34, 34))
    report = build(people)
    assert report.quarantined == ()
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2, "Rouge": 1}


def test_of_two_photos_that_differ_the_one_of_nobody_else_stays(build, people, photo, enrolled):
    wrong = photo(people / "Blue" / "0.png", (60, 250, 60))
    assert [path for path, _ in quarantined(build(people))] == [str(wrong)]
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


def test_two_photos_that_differ_and_are_of_nobody_else_both_stay(build, people, photo, enrolled):
    photo(people / "Blue" / "2.png", "green")
    (people / "Green" / "1.png").unlink()
    assert build(people).quarantined == ()
    assert enrolled() == {"Blue": 2, "Red": 2}


def test_a_person_whose_photos_all_show_others_keeps_the_first(build, people, photo, enrolled):
    photo(people / "Mixed" / "1.png", (60, 60, 250))
    second = photo(people / "Mixed" / "2.png", (60, 250, 60))
    assert [path for path, _ in quarantined(build(people))] == [str(second)]
    assert enrolled()["Mixed"] == 1


def test_a_quarantined_photo_is_not_analyzed_again_and_changes_nothing(build, people, photo, colours):
    photo(people / "Red" / "3.png", (60, 250, 60))
    first = build(people)
    before = colours.engine.pictures
    again = build(people)
    assert colours.engine.pictures == before
    assert (again.version, again.quarantined) == (first.version, first.quarantined)


def test_a_quarantined_photo_comes_back_when_nobody_is_nearer(build, people, photo, colours, enrolled):
    photo(people / "Red" / "3.png", (60, 250, 60))
    build(people)
    before = colours.engine.pictures
    (people / "Green" / "1.png").unlink()
    report = build(people)
    assert report.quarantined == ()
    assert colours.engine.pictures == before
    assert enrolled() == {"Blue": 1, "Red": 3}


def test_a_quarantined_photo_whose_embedding_is_lost_is_analyzed_again(build, people, photo, place):
    photo(people / "Red" / "3.png", (60, 250, 60))
    first = build(people)
    (kept,) = place.glob(f"{analyzed_photos.SPOOL_PREFIX}*")
    kept.unlink()
    again = build(people)
    assert again.analyzed == 1
    assert again.quarantined == first.quarantined


def test_an_uncalibrated_pack_quarantines_nothing(build, people, photo, make_pack):
    photo(people / "Red" / "3.png", (60, 250, 60))
    assert build(people, pack=make_pack(calibrated=False)).quarantined == ()
