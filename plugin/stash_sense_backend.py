"""Stash runs this for every call of the plugin: JSON on stdin, one JSON document on stdout, logs on stderr.

Standard library only, Python 3.8 and later.
"""

import json
import sys
import traceback

from backend import log
from backend.errors import PluginError
from backend.http_client import parse_json
from backend.modes import run


def main() -> int:
    """Returns 0 whenever an answer was written, even an error: Stash then shows its text."""
    try:
        answer = {"output": run(_read_request())}
    except PluginError as error:
        log.error(str(error))
        answer = {"error": str(error)}
    except Exception as bug:  # noqa: BLE001 - Stash would only say "exit status 1"
        for line in traceback.format_exc().splitlines():
            log.error(line)
        answer = {
            "error": f"Request failed: internal error in the plugin ({type(bug).__name__}). See Stash's log"
        }
    sys.stdout.write(json.dumps(answer, allow_nan=False))
    return 0


def _read_request() -> "dict[str, object]":
    try:
        request = parse_json(sys.stdin.buffer.read())
    except (ValueError, RecursionError) as error:
        raise PluginError(
            "Request failed: stdin is not valid JSON. Stash runs this program; do not start it by hand"
        ) from error
    if not isinstance(request, dict):
        raise PluginError("Request failed: stdin is not a JSON object")
    return request


if __name__ == "__main__":
    sys.exit(main())
