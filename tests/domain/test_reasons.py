"""Reasons as sentences, as JSON, and as they are stored."""

import re
from pathlib import Path

import pytest

from stash_sense.domain.reasons import Reason, ReasonCode, ReasonPerson, percent

ADA, GRACE = ReasonPerson("a", "Ada", 0.4149), ReasonPerson("g", "Grace {name}", 0.12)
API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_is_a_sentence_in_percent_with_its_people_and_a_capital(code):
    text = str(Reason(code, (ADA, GRACE), 3))
    assert not re.search(r"[0-9]\.[0-9]|\{count|percent", text)
    assert re.match(r"[A-Z4]", text)
    assert not text.endswith(".")
    assert ("%" in text) <= ("Ada" in text)


def test_names_are_told_letter_for_letter():
    assert str(Reason(ReasonCode.RIVAL, (ADA, GRACE))) == "Not sure: 41% like Ada, but 12% like Grace {name}"


@pytest.mark.parametrize(("photos", "text"), [(1, "1 other photo of"), (12, "12 other photos of")])
def test_other_photos_are_counted_in_words_that_fit(photos, text):
    assert text in str(Reason(ReasonCode.TOGETHER, (ADA,), photos))


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.0, "0%"), (0.005, "1%"), (0.8649, "86%"), (0.86496, "87%"), (1.0, "100%")]
)
def test_a_confidence_is_rounded_as_the_answers_and_the_browser_round_it(confidence, text):
    assert percent(confidence) == text


def test_a_stored_reason_is_read_back_whole():
    reason = Reason(ReasonCode.AHEAD, (ADA, GRACE))
    assert Reason.from_stored(str(reason), reason.to_stored()) == reason


@pytest.mark.parametrize(
    "stored", [None, [], 7, ["gone-since", [], None], ["weak", [["a"]], None], ["weak", [], "x"]]
)
def test_a_reason_stored_without_a_readable_code_keeps_its_sentence(stored):
    reason = Reason.from_stored("Ada at 0.32", stored)
    assert (reason.code, str(reason)) == (None, "Ada at 0.32")


def test_a_sentence_that_was_changed_in_the_state_is_the_one_that_counts():
    stored = Reason(ReasonCode.WEAK, (ADA,)).to_stored()
    assert Reason.from_stored("", stored) == Reason(None)


def test_the_api_page_explains_every_code():
    rows = re.findall(r"^\| `([a-z-]+)` \| `reason_", API_PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [code.value for code in ReasonCode]
