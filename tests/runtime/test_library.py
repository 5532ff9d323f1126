"""When the library's job rests."""

from datetime import datetime, timedelta

import pytest

from stash_sense.runtime.library import resumes_at
from stash_sense.settings import Settings


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("08:00-23:00", "07:59", None),
        ("08:00-23:00", "08:00", "23:00"),
        ("08:00-23:00", "22:59", "23:00"),
        ("08:00-23:00", "23:00", None),
        ("22:00-06:30", "23:15", "06:30"),
        ("22:00-06:30", "05:00", "06:30"),
        ("22:00-06:30", "12:00", None),
        ("", "12:00", None),
    ],
)
def test_it_rests_in_its_quiet_hours_also_over_midnight(tmp_path, hours, now, until):
    settings = Settings(DATA_DIR=tmp_path, quiet_hours=hours)
    moment = datetime.fromisoformat(f"2026-05-04T{now}:00").astimezone()
    resumes = resumes_at(settings, moment)
    if until is None:
        assert resumes is None
    else:
        end = datetime.fromtimestamp(resumes).astimezone()
        assert f"{end:%H:%M}" == until
        assert timedelta(0) < end - moment < timedelta(hours=24)
