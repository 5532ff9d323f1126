"""A log line is one JSON object with the documented fields, and never holds a secret."""

import json
import logging
import sys

from stash_sense.api.log_repeats import RepeatFilter
from stash_sense.api.telemetry import REDACTED, JsonLineFormatter, RecentEvents

SECRET = 'a "quoted" secret'


def record(message, *args, level=logging.INFO, error=None, **extra):
    made = logging.LogRecord("stash_sense.some.module", level, "file.py", 1, message, args, error)
    made.__dict__.update(extra)
    return made


def line(*args, secrets=(SECRET,), **kwargs):
    return json.loads(JsonLineFormatter(secrets).format(record(*args, **kwargs)))


def test_a_line_has_time_level_logger_message_and_request_id():
    fields = line("%s of %s", 1, 2)
    assert set(fields) == {"time", "level", "logger", "message", "request_id"}
    assert fields["message"] == "1 of 2"
    assert (fields["level"], fields["logger"]) == ("info", "stash_sense.some.module")
    assert fields["request_id"] == "-"


def test_the_time_is_utc_with_milliseconds():
    made = record("x")
    made.created, made.msecs = 1_800_000_000.25, 250.0
    assert json.loads(JsonLineFormatter(()).format(made))["time"] == "2027-01-15T08:00:00.250Z"


def test_extra_fields_stand_beside_the_others_with_their_types():
    fields = line("answered", route="/health", status=200, ms=1.5)
    assert (fields["route"], fields["status"], fields["ms"]) == ("/health", 200, 1.5)


def test_an_exception_is_told_as_error():
    try:
        int(SECRET)
    except ValueError:
        fields = line("it failed", error=sys.exc_info())
    assert "ValueError" in fields["error"]
    assert SECRET not in fields["error"]


def test_a_secret_is_hidden_in_message_and_fields_whatever_json_escapes():
    fields = line("sent %s", SECRET, url=f"http://x/?key={SECRET}", nested={"key": "plain-secret"},
                  secrets=(SECRET, "plain-secret"))  # fmt: skip
    assert fields["message"] == f"sent {REDACTED}"
    assert fields["url"] == f"http://x/?key={REDACTED}"
    assert fields["nested"] == {"key": REDACTED}


def test_a_very_short_secret_blots_out_no_words():
    assert line("a test of words", secrets=("test",))["message"] == "a test of words"


def test_recent_events_are_the_last_warnings_without_secrets():
    events = RecentEvents(JsonLineFormatter((SECRET,)), capacity=2)
    for number in range(3):
        events.handle(record(f"{number} {SECRET}", level=logging.WARNING))
    assert [event.message for event in events.newest_first()] == [f"2 {REDACTED}", f"1 {REDACTED}"]


def test_what_is_repeated_does_not_displace_other_events():
    events = RecentEvents(JsonLineFormatter(()), capacity=5)
    events.handle(record("the state is damaged", level=logging.ERROR))
    for _ in range(50):
        events.handle(record("the same", level=logging.WARNING))
    assert [(event.message, event.times) for event in events.newest_first()] == [
        ("the same", 50), ("the state is damaged", 1),
    ]  # fmt: skip


def test_one_source_with_ever_new_texts_does_not_displace_others():
    events = RecentEvents(JsonLineFormatter(()), capacity=5)
    rare = record("the state is damaged", level=logging.ERROR)
    rare.lineno = 2
    events.handle(rare)
    for number in range(50):
        events.handle(record(f"image {number} cannot be fetched", level=logging.WARNING))
    assert "the state is damaged" in [event.message for event in events.newest_first()]
    assert len(events.newest_first()) == 5


def test_the_same_line_is_written_sixty_times_a_minute_and_then_counted():
    at = [0.0]
    repeats = RepeatFilter(lambda: at[0])
    assert sum(repeats.filter(record("GET other 401")) for _ in range(1000)) == 60
    assert repeats.filter(record("another"))
    at[0] = 61.0
    after = record("GET other 401")
    assert repeats.filter(after)
    assert after.repeats == 940


def test_the_memory_of_lines_is_bounded():
    repeats = RepeatFilter()
    assert all(repeats.filter(record(f"line {number}")) for number in range(1000))
    assert len(repeats._seen) == 256
