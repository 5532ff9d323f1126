"""The one table from error code to HTTP status knows every error of the house."""

import importlib
import pkgutil

import stash_sense
from stash_sense.api.problems import STATUS
from stash_sense.errors import StashSenseError

DOCUMENTED = {400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 501, 502, 503, 504}


def _all(kind):
    for child in kind.__subclasses__():
        yield child
        yield from _all(child)


def test_every_error_has_a_status():
    for module in pkgutil.walk_packages(stash_sense.__path__, "stash_sense."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    missing = {kind.__name__: kind.code for kind in _all(StashSenseError) if kind.code not in STATUS}
    assert missing == {}


def test_only_documented_statuses_are_used():
    assert set(STATUS.values()) <= DOCUMENTED
