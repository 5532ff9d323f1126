"""Durations as people read them."""

import pytest

from stash_sense.domain.progress import format_duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "60 min"), (7200, "2 h")]
)
def test_a_duration_has_one_unit(seconds, text):
    assert format_duration(seconds) == text
