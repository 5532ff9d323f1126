"""What can go wrong with Stash: one class for each thing a person, or a caller, would do differently."""

from stash_sense.errors import StashSenseError


class StashError(StashSenseError):
    """Stash, or the way to it, stands in the way of the work."""

    code = "stash"


class StashNotConfigured(StashError):
    """STASH_URL is set to empty: there is no Stash to ask."""

    code = "stash-not-configured"


class StashNotReady(StashError):
    """Stash runs, but its owner has to do something in it first: its set-up, or a migration."""

    code = "stash-not-ready"


class StashUnreachable(StashError):
    """Nothing answers at Stash's address, or the connection broke: names the address and what to check."""

    code = "stash-unreachable"


class StashTooSlow(StashError):
    """Stash took the request and did not answer in time."""

    code = "stash-too-slow"


class KeyRefused(StashError):
    """Stash asks for an API key, or refuses the one it was sent."""

    code = "stash-key-refused"


class StashAnsweredWrongly(StashError):
    """An answer that Stash would not give: another server, a proxy's error page, a redirect, a failure."""

    code = "stash-answered-wrongly"


class RefusedByStash(StashError):
    """Stash understood the request and refused it; `messages` are Stash's own words."""

    code = "stash-refused"

    def __init__(self, operation: str, messages: tuple[str, ...]) -> None:
        super().__init__(f"Stash refused {operation}: {'; '.join(messages)}")
        self.messages = messages


class NotInStash(StashError):
    """There is no image, gallery or other thing with this id in Stash, or no longer."""

    code = "not-in-stash"


class MediaError(StashError):
    """One picture cannot be had from Stash; the others are not concerned."""

    code = "stash-media"


class NoPicture(MediaError):
    """Stash names no address for it, or its file is gone from the disk."""

    code = "no-picture"


class NotAPicture(MediaError):
    """What Stash serves for it is a video, a page, or something else that is no picture."""

    code = "not-a-picture"


class MediaTooLarge(MediaError):
    """More bytes than are accepted; found out before they were read."""

    code = "media-too-large"
