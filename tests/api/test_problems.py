"""One table from error kind to HTTP status covers every error."""

import importlib
import pkgutil

import stash_sense
from stash_sense.api.problems import STATUS_BY_KIND, codes_of, status_of
from stash_sense.errors import KIND_BY_CODE, Conflict, ErrorKind, JobEnded, StashSenseError

DOCUMENTED = {400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504}


def _all(kind):
    for child in kind.__subclasses__():
        yield child
        yield from _all(child)


def test_every_kind_has_a_documented_status():
    assert set(STATUS_BY_KIND) == set(ErrorKind)
    assert set(STATUS_BY_KIND.values()) == DOCUMENTED


def test_every_error_is_defined_on_the_one_page():
    for module in pkgutil.walk_packages(stash_sense.__path__, "stash_sense."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    public = {error for error in _all(StashSenseError) if not error.__name__.startswith("_")}
    assert {error.__module__ for error in public} == {"stash_sense.errors"}


def test_errors_with_the_same_code_are_of_the_same_kind():
    differing = {error.__name__ for error in _all(StashSenseError) if KIND_BY_CODE[error.code] != error.kind}
    assert differing == set()


def test_a_conflict_is_answered_with_409():
    assert status_of(Conflict("It is recorded otherwise.")) == 409
    assert codes_of(409) == ["refused", "people-vanished", "video-changed"]


def test_an_awaited_job_fails_with_the_status_of_whatever_ended_it():
    assert status_of(JobEnded("Cancelled.")) == 503
    assert status_of(JobEnded("Stash took too long.", "stash-too-slow")) == 504
    assert status_of(JobEnded("A code that is not known.", "internal")) == 500
