"""Photos that show several people: whose face is enrolled, and when none is."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from fakes.colours import COLOURS
from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.enrolment.set_aside import several_faces
from stash_sense.faces.engine import SLOTS


@pytest.fixture(autouse=True)
def faces_of_columns(colours, monkeypatch):
    """A face for each run of columns of one colour."""

    def faces(image):
        row = image[0].astype(np.float32)
        edges = [0, *(np.flatnonzero(np.abs(np.diff(row, axis=0)).max(axis=1) > 5) + 1), len(row)]
        found = []
        for left, right in pairwise(edges):
            colour = row[left] - 20
            vector = (colour / np.linalg.norm(colour)).astype(np.float32)
            box = np.array([left, 0, right, len(image)], np.float32)
            found.append(
                EmbeddedFace(
                    box, 0.9, np.ones((5, 2), np.float32), Quality(1, 60, 0, 0), dict.fromkeys(SLOTS, vector)
                )
            )
        return found

    monkeypatch.setattr(colours.engine, "_faces", faces)


@pytest.fixture
def group():
    """A photo with side by side columns of these colours and widths."""

    def group(path, *columns, height=60):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (sum(width for _, width in columns), height))
        at = 0
        for colour, width in columns:
            image.paste(COLOURS.get(colour, colour), (at, 0, at + width, height))
            at += width
        image.save(path)
        return str(path)

    return group


def set_aside(report):
    return [(photo.path, photo.reason, photo.code) for photo in report.skipped]


@pytest.mark.parametrize(("his", "hers"), [(40, 40), (40, 60)])
def test_the_other_person_of_an_only_photo_is_not_enrolled(build, people, group, enrolled, his, hers):
    duo = group(people / "Adam" / "duo.png", ((250, 250, 30), his), ((250, 30, 250), hers))
    report = build(people)
    assert "Adam" not in enrolled()
    assert report.faceless == ("Adam",)
    assert set_aside(report) == [(duo, several_faces(2), "several-faces")]


def test_a_photo_of_the_person_alone_shows_who_is_who_on_the_others(build, people, group, photo, enrolled):
    photo(people / "Adam" / "alone.png", (250, 250, 30))
    group(people / "Adam" / "duo.png", ((250, 250, 40), 60), ((30, 60, 250), 40))
    other = group(people / "Adam" / "also duo.png", ((250, 250, 40), 40), ((30, 60, 250), 60))
    report = build(people)
    assert enrolled()["Adam"] == 2
    assert [path for path, _, _ in set_aside(report)] == [other]


def test_photos_of_the_same_couple_bear_nothing_out(build, people, group, enrolled):
    for number in range(3):
        group(people / "Adam" / f"{number}.png", ((250, 30, 200 + 10 * number), 60), ((250, 250, 30), 40))
    report = build(people)
    assert "Adam" not in enrolled()
    assert len(report.skipped) == 3


def test_a_small_face_in_the_background_changes_nothing(build, people, group, enrolled):
    group(people / "Adam" / "1.png", ((250, 250, 30), 90), ((250, 30, 250), 10))
    assert (build(people).skipped, enrolled()["Adam"]) == ((), 1)


def test_a_photo_set_aside_counts_once_another_shows_the_person(
    build, people, group, photo, enrolled, colours
):
    group(people / "Adam" / "duo.png", ((250, 250, 40), 60), ((250, 30, 250), 40))
    build(people)
    again = build(people)
    assert (again.analyzed, len(again.skipped)) == (0, 1)
    photo(people / "Adam" / "alone.png", (250, 250, 30))
    assert (build(people).analyzed, enrolled()["Adam"]) == (1, 2)


def test_without_a_calibration_nothing_bears_a_guess_out(build, people, group, photo, colours, make_pack):
    pack = make_pack(calibrated=False)
    pack.engine._faces = colours.engine._faces
    photo(people / "Adam" / "alone.png", (250, 250, 30))
    group(people / "Adam" / "duo.png", ((250, 250, 40), 60), ((250, 30, 250), 40))
    assert len(build(people, pack=pack).skipped) == 1
