"""`database build --report`: what was set aside, as pictures on one page."""

import re
from pathlib import Path

import pytest

from stash_sense.cli.build_report import build_report_page
from stash_sense.domain.progress import NoProgress
from stash_sense.facedb.database import FaceDatabase


@pytest.fixture
def page(build, place):
    """The report of a build from these folders, as text."""

    def page(*folders):
        report = build(*folders)
        with FaceDatabase.open(place) as database:
            return build_report_page(report, database, lambda photo: Path(photo.path), NoProgress()).decode()

    return page


def test_each_photo_set_aside_is_shown_with_its_reason_beside_what_was_learned(page, people, photo):
    photo(people / "Red" / "3.png", (60, 250, 60))
    photo(people / "Blue" / "back.png", "black")
    text = page(people)
    red, blue = (text[text.index(f">{name}</h3>") :].split("</section>")[0] for name in ("Red", "Blue"))
    assert "more like Green" in red
    assert red.count('alt="A reference face of Red"') == 2
    assert f'alt="{people / "Red" / "3.png"}"' in red
    assert "no face found" in blue
    assert text.count("<figure>") == text.count('<figure>\n<img src="data:image/jpeg;base64,') == 2


def test_nobody_who_was_not_learned_is_missing(page, people, photo):
    (people / "Empty").mkdir()
    photo(people / "Dark" / "1.png", "black")
    text = page(people)
    assert '<li dir="auto">Empty</li>' in text
    assert "Not learned: no other photo shows the face." in text


def test_the_page_holds_everything_and_every_name_is_escaped(page, people, photo):
    photo(people / "<img src=x onerror=alert(1)>" / "1.png", "black")
    photo(people / "Red" / '"><b>.png', "black")
    text = page(people)
    assert "<img src=x" not in text
    assert '"><b>' not in text
    assert set(re.findall(r'src="([^"]{5})', text)) == {"data:"}
    assert "<script" not in text


def test_a_photo_that_cannot_be_shown_says_so(page, people):
    (people / "Red" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    text = page(people)
    assert "No picture" in text
    assert "cannot be decoded" in text


def test_without_anything_set_aside_the_page_says_so(page, people):
    assert "Every photo was used." in page(people)
