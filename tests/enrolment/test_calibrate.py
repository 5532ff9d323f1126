"""Calibrating on a folder of people: which faces are taken."""

import numpy as np
import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment import calibrate as room
from stash_sense.enrolment.calibrate import FEWEST_PEOPLE, calibrate, embed_labelled
from stash_sense.errors import BadInput, Cancelled
from stash_sense.recognition import analysis


def test_one_face_a_photo_with_its_owner(people, colours):
    faces = embed_labelled(people, colours, NoProgress())
    assert sorted(faces.owners) == ["Blue", "Green", "Red", "Red"]
    assert {slot: rows.shape for slot, rows in faces.probes.items()} == {"arcface": (4, 3), "facenet": (4, 3)}


def test_every_photo_is_embedded_as_probe_and_as_reference(people, colours):
    embed_labelled(people, colours, NoProgress())
    assert set(colours.engine.references) == {False, True}


def test_photos_without_a_face_are_left_out(people, colours, photo):
    photo(people / "Nobody" / "1.png", "black")
    assert "Nobody" not in embed_labelled(people, colours, NoProgress()).owners


def test_photos_outside_a_persons_folder_are_left_out(people, colours, photo):
    photo(people / "loose.png")
    assert len(embed_labelled(people, colours, NoProgress()).owners) == 4


def test_no_face_at_all_is_refused(tmp_path, colours, photo):
    photo(tmp_path / "people" / "Nobody" / "1.png", "black")
    with pytest.raises(BadInput, match="no photo with a face in it"):
        embed_labelled(tmp_path / "people", colours, NoProgress())


def test_a_photo_that_vanishes_between_the_two_passes_is_left_out(people, colours, monkeypatch):
    real = analysis.analyze_photos

    def vanishing(paths, engine, *, reference, **knobs):
        if reference:
            (people / "Green" / "1.png").unlink()
        return real(paths, engine, reference=reference, **knobs)

    monkeypatch.setattr(room, "analyze_photos", vanishing)
    faces = embed_labelled(people, colours, NoProgress())
    assert sorted(faces.owners) == ["Blue", "Red", "Red"]
    assert len(faces.probes["arcface"]) == len(faces.references["arcface"]) == 3


def test_too_few_people_are_refused(people, colours):
    with pytest.raises(BadInput, match=f"3 people with a face: .* at least {FEWEST_PEOPLE}"):
        calibrate([embed_labelled(people, colours, NoProgress())], colours)


def test_stopping_leaves_no_thread(people, colours, progress, worker_threads):
    with pytest.raises(Cancelled):
        embed_labelled(people, colours, progress(stop_after=2))
    assert worker_threads() == []


def test_enough_people_give_a_calibration(tmp_path, colours, photo):
    random = np.random.default_rng(0)
    for i in range(FEWEST_PEOPLE):
        photo(tmp_path / "people" / str(i) / "1.png", tuple(random.integers(30, 256, 3).tolist()), (32, 32))
    made = calibrate([embed_labelled(tmp_path / "people", colours, NoProgress())], colours)
    assert made.made_on.startswith(f"{FEWEST_PEOPLE} faces: {FEWEST_PEOPLE} people")
    assert made.gallery_slack == room.GALLERY_SLACK
