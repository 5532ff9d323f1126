"""Why work is not taken on."""

from stash_sense.errors import StashSenseError


class Full(StashSenseError):
    """All places are taken; `pause_s` is after how many seconds one may be free."""

    code = "full"

    def __init__(self, message: str, pause_s: int = 1) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class Stopping(StashSenseError):
    """The process is on its way out."""

    code = "stopping"
