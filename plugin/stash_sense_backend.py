"""Stash runs this for every call of the plugin: JSON on stdin, one JSON document on stdout, logs on stderr.

Standard library only, Python 3.8 and later.
"""

import json
import sys
import traceback

from backend import log
from backend.errors import Failure
from backend.modes import run


def main() -> int:
    """0 whenever an answer was written, be it a failure: Stash then shows its text."""
    try:
        answer = {"output": run(_asked())}
    except Failure as failure:
        log.error(str(failure))
        answer = {"error": str(failure)}
    except Exception as bug:  # noqa: BLE001 - Stash would say "exit status 1", and nothing of what happened
        for line in traceback.format_exc().splitlines():
            log.error(line)
        answer = {
            "error": f"Request failed: a fault in the plugin ({type(bug).__name__}); Stash's log has more"
        }
    sys.stdout.write(json.dumps(answer))
    return 0


def _asked() -> "dict[str, object]":
    try:
        asked = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    except ValueError as error:
        raise Failure(
            "Request failed: what came on stdin is no JSON; Stash runs this, not a person"
        ) from error
    if not isinstance(asked, dict):
        raise Failure("Request failed: what came on stdin is no JSON object")
    return asked


if __name__ == "__main__":
    sys.exit(main())
