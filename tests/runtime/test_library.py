"""When the library's job rests."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from stash_sense.runtime import library
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
    moment = datetime.fromisoformat(f"2026-05-04T{now}:00")
    resumes = resumes_at(settings, moment)
    if until is None:
        assert resumes is None
    else:
        end = datetime.fromtimestamp(resumes).astimezone().replace(tzinfo=None)
        assert f"{end:%H:%M}" == until
        assert timedelta(0) < end - moment < timedelta(hours=24)


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("evening", "utc_end"),
    [("2026-03-28T23:15", "2026-03-29T04:30"), ("2026-10-24T23:15", "2026-10-25T05:30")],
)
def test_it_goes_on_in_time_where_the_clock_is_put_forward_or_back_meanwhile(
    berlin, tmp_path, evening, utc_end, monkeypatch
):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromisoformat(evening)

    monkeypatch.setattr(library, "datetime", Clock)
    resumes = resumes_at(Settings(DATA_DIR=tmp_path, quiet_hours="22:00-06:30"))
    assert datetime.fromtimestamp(resumes, UTC) == datetime.fromisoformat(f"{utc_end}Z")
