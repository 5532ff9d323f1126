"""The error tree: every error that Stash Sense raises on purpose, with its code and its kind.

A `code` never changes; `api.problems` maps each kind to a status. Subclasses inherit both by default.
"""

from enum import Enum

ErrorKind = Enum(
    "ErrorKind",
    "BAD_INPUT UNSUPPORTED TOO_LARGE TOO_SLOW PRECONDITION UNAUTHORIZED FORBIDDEN NOT_FOUND CONFLICT FULL "
    "BUSY UNAVAILABLE CANCELLED METHOD_NOT_ALLOWED UPSTREAM_FAILED UPSTREAM_TIMED_OUT INTERNAL",
)  # what sort of failure an error is, whatever reports it
KIND_BY_CODE = {"error": ErrorKind.INTERNAL}  # every code of the tree, filled in as its class is defined


class StashSenseError(Exception):
    """Any refusal or failure, in a sentence that says what to do next.

    numbers: those of the sentence, by what they count, for translations of it.
    """

    code: str = "error"
    kind: ErrorKind = ErrorKind.INTERNAL

    def __init__(self, *args: object, **numbers: float) -> None:
        super().__init__(*args)
        self.numbers = numbers

    def __init_subclass__(cls, *, code: str = "", kind: ErrorKind | None = None) -> None:
        cls.code = code or cls.code
        cls.kind = kind or cls.kind
        KIND_BY_CODE.setdefault(cls.code, cls.kind)


# Without blank lines, so that the tree stays on one page.
# fmt: off
class BadInput(StashSenseError, code="bad-input", kind=ErrorKind.BAD_INPUT):
    """The input is unusable. The message says what arrived, what is accepted and what to do."""
class Conflict(BadInput, code="refused", kind=ErrorKind.CONFLICT):
    """The request contradicts what is already recorded."""
class PeopleVanished(BadInput, code="people-vanished", kind=ErrorKind.CONFLICT):
    """Most people of the face database are missing from where they came from: a share is away, perhaps."""
class BadSetting(BadInput, code="bad-setting"):
    """A setting has an unusable value."""
class MissingFile(StashSenseError, code="missing-file", kind=ErrorKind.UNAVAILABLE):
    """A required file is absent, truncated or altered."""
class AlteredFile(MissingFile, code="altered-file"):
    """A file's size or sha256 differs from the manifest's."""
class CannotWrite(StashSenseError, code="cannot-write", kind=ErrorKind.UNAVAILABLE):
    """The data folder is not writable."""
class NoSpace(StashSenseError, code="no-space", kind=ErrorKind.UNAVAILABLE):
    """The disk is too full for what is to be written."""
class Busy(StashSenseError, code="busy", kind=ErrorKind.BUSY):
    """Another process holds the lock that this one needs for writing."""
class Starting(StashSenseError, code="starting", kind=ErrorKind.BUSY):
    """What the call needs is still being opened."""
class EngineError(StashSenseError, code="engine", kind=ErrorKind.UNAVAILABLE):
    """The networks or the face database failed to open in an unexpected way. The log has the details."""
class Unavailable(StashSenseError):
    """What the call needs is not open. Takes code, kind and message of the problem that keeps it closed."""
    def __init__(self, problem: StashSenseError) -> None:
        super().__init__(str(problem))
        self.code, self.kind = problem.code, problem.kind
class ShuttingDown(StashSenseError, code="stopping", kind=ErrorKind.BUSY):
    """The process is shutting down."""
class Cancelled(StashSenseError, code="cancelled", kind=ErrorKind.CANCELLED):
    """A person or the process's shutdown stopped the work."""
class QueueFull(StashSenseError, code="full", kind=ErrorKind.FULL):
    """No capacity is left. pause_s: seconds after which to try again."""
    def __init__(self, message: str, pause_s: int = 1) -> None:
        super().__init__(message)
        self.pause_s = pause_s
class UnknownPack(BadInput, code="unknown-pack", kind=ErrorKind.UNAVAILABLE):
    """No manifest has this pack id."""
class DownloadFailed(StashSenseError, code="download-failed", kind=ErrorKind.UPSTREAM_FAILED):
    """The server did not deliver the file that the manifest names."""
class BadCalibration(StashSenseError, code="bad-calibration", kind=ErrorKind.UNAVAILABLE):
    """A calibration's numbers contradict one another."""

# Pictures, uploaded or by URL
class NotAnImage(BadInput, code="not-an-image", kind=ErrorKind.UNSUPPORTED):
    """Not an image in a supported format: empty, a folder, a video, text."""
class UnreadableImage(BadInput, code="unreadable-image"):
    """An image that is damaged, truncated, or cannot be opened."""
class NotAnalysed(StashSenseError, code=UnreadableImage.code, kind=UnreadableImage.kind):
    """Our own code failed at an image. The log has the cause."""
class ImageTooLarge(BadInput, code="image-too-large", kind=ErrorKind.TOO_LARGE):
    """More bytes or pixels than accepted, found before decoding."""
class ImageTooSmall(BadInput, code="image-too-small"):
    """Too few pixels to tell one face from another."""
class BadLandmarks(StashSenseError, code="bad-landmarks", kind=ErrorKind.BAD_INPUT):
    """The five landmarks span no face: coincident, far outside the image, or not finite."""
class NotAFolder(BadInput, code="not-a-folder"):
    """The folder to list is missing or is a file."""
class BadUrl(BadInput, code="bad-url"):
    """Not an http(s) URL with a host and without credentials."""
class ForbiddenAddress(StashSenseError, code="forbidden-address", kind=ErrorKind.FORBIDDEN):
    """The URL leads to a private address: the home network or this machine."""
class UrlUnreachable(StashSenseError, code="url-unreachable", kind=ErrorKind.UPSTREAM_FAILED):
    """Nothing answers at the URL."""
class UrlTooSlow(StashSenseError, code="url-too-slow", kind=ErrorKind.UPSTREAM_TIMED_OUT):
    """The URL's server did not deliver in time."""
class UrlAnsweredWrongly(StashSenseError, code="url-answered-wrongly", kind=ErrorKind.UPSTREAM_FAILED):
    """The URL's server answered with something other than an image."""

# Videos
class NotAVideo(BadInput, code="not-a-video", kind=ErrorKind.UNSUPPORTED):
    """Not a video in a supported format: empty, a picture, a playlist, only sound."""
class UnreadableVideo(BadInput, code="unreadable-video"):
    """A video that is damaged, truncated, cannot be opened, or fails its decoder."""
class KnownToFail(StashSenseError):
    """A video that failed before and has not changed since. Takes code and message of that failure."""
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.kind = code, KIND_BY_CODE.get(code, ErrorKind.BAD_INPUT)
class VideoTooLarge(BadInput, code="video-too-large", kind=ErrorKind.TOO_LARGE):
    """More pixels in a frame than accepted, found before decoding."""

# Face database
class NoDatabase(StashSenseError, code="no-database", kind=ErrorKind.UNAVAILABLE):
    """There is no face database here."""
class BadDatabase(StashSenseError, code="bad-database", kind=ErrorKind.UNAVAILABLE):
    """A face database whose files are truncated, altered or in an unknown format."""
class WriteFailed(StashSenseError, code="database-write-failed", kind=ErrorKind.UNAVAILABLE):
    """The face database could not be written. The previous one is unchanged."""
class NobodyToEnrol(BadInput, code="nobody-to-enrol"):
    """No performer has a picture that shows a face. The previous database is unchanged."""
class NoSuchReference(StashSenseError, code="no-reference", kind=ErrorKind.NOT_FOUND):
    """The face database in use has no such reference, or its photo is gone."""

# State file, and the jobs in it
class StateError(StashSenseError, code="state", kind=ErrorKind.UNAVAILABLE):
    """The state file is unusable."""
class NotAStateFile(StateError, code="state-not-ours"):
    """Not an SQLite file, or another program's."""
class NewerState(StateError, code="state-newer"):
    """A newer program wrote the file. It is left untouched."""
class StateDamaged(StateError, code="state-damaged"):
    """SQLite reports a corrupt file."""
class NotFaithful(StateError, code="state-not-faithful"):
    """An older table cannot be redeclared as ours without changing its rows."""
class MigrationFailed(StateError, code="state-migration"):
    """A migration step failed. The file is as it was before."""
class DiskFull(StateError, code="disk-full"):
    """The disk is full. Nothing half-written stays."""
class StateUnwritable(StateError, code="state-unwritable"):
    """The file or its folder cannot be opened, read or written."""
class StateReplaced(StateError, code="state-replaced"):
    """The file was deleted, moved or replaced while it is open: what is written now would be lost."""
class StateBusy(Busy):
    """The state file stayed locked for too long by another process or a long write."""
class NotStored(StashSenseError, code="not-stored", kind=ErrorKind.NOT_FOUND):
    """Nothing is stored under that id."""
class NoCrop(StashSenseError, code="no-crop", kind=ErrorKind.NOT_FOUND):
    """The face is stored, but its image is gone, unreadable, or has become another picture."""
class NoSuchJob(StashSenseError, code="no-job", kind=ErrorKind.NOT_FOUND):
    """No job has that id, or it ended long ago and was dropped."""
class JobCrashed(StashSenseError, code="crashed", kind=ErrorKind.UNAVAILABLE):
    """The process ended several times in a row during this job."""
class JobEnded(StashSenseError, code="cancelled", kind=ErrorKind.CANCELLED):
    """An awaited job ended without a whole result. It takes the code of whatever ended the job."""
    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code, self.kind = code, KIND_BY_CODE.get(code, ErrorKind.INTERNAL)

# Stash
class StashError(StashSenseError, code="stash", kind=ErrorKind.UPSTREAM_FAILED):
    """Stash, or the connection to it, failed."""
class StashNotConfigured(StashError, code="stash-not-configured", kind=ErrorKind.PRECONDITION):
    """STASH_URL is empty: there is no Stash to ask."""
class StashNotReady(StashError, code="stash-not-ready"):
    """Stash waits for its owner to finish its setup or a migration."""
class StashUnreachable(StashError, code="stash-unreachable"):
    """No connection to Stash. The message names the address and what to check."""
class StashTooSlow(StashError, code="stash-too-slow", kind=ErrorKind.UPSTREAM_TIMED_OUT):
    """Stash accepted the request and did not answer in time."""
class StashKeyRefused(StashError, code="stash-key-refused"):
    """Stash requires an API key or refuses the one it was sent."""
class StashAnsweredWrongly(StashError, code="stash-answered-wrongly"):
    """Not an answer of Stash: another server's, a proxy's error page, a redirect, a failure."""
class BadAddress(StashAnsweredWrongly, code="bad-stash-url", kind=ErrorKind.PRECONDITION):
    """STASH_URL is not a usable address."""
class StashRefused(StashError, code="stash-refused"):
    """Stash understood the request and refused it. messages: in Stash's own words."""
    def __init__(self, operation: str, messages: tuple[str, ...]) -> None:
        super().__init__(f"Stash refused {operation}: {'; '.join(messages)}")
        self.messages = messages
class OutageTooLong(StashError):
    """Stash stayed away longer than a job waits. It takes the code of the failure itself."""
    def __init__(self, error: StashError, waited_s: float) -> None:
        advice = "Finished work is kept; try again when Stash is back."
        super().__init__(f"{error} Gave up after {waited_s:g} s. {advice}")
        self.code, self.kind = error.code, error.kind
class NotInStash(StashError, code="not-in-stash", kind=ErrorKind.NOT_FOUND):
    """Stash has no image, gallery or other object with this id (any more)."""
class MediaError(StashError, code="stash-media"):
    """Stash cannot deliver one picture. Others are not affected."""
class NoPicture(MediaError, code="no-picture", kind=ErrorKind.PRECONDITION):
    """Stash names no path for the image, or its file is gone."""
class NotAPicture(MediaError, code="not-a-picture", kind=ErrorKind.UNSUPPORTED):
    """Stash serves a video, a page or another non-image."""
class MediaTooLarge(MediaError, code="media-too-large", kind=ErrorKind.TOO_LARGE):
    """More bytes than accepted, found before reading them."""
class NoVideo(MediaError, code="no-video", kind=ErrorKind.PRECONDITION):
    """Stash has no file for the scene, or its file is gone."""
class VideoChanged(MediaError, code="video-changed", kind=ErrorKind.CONFLICT):
    """The scene's file was replaced or is being written while it is read."""

# Stash-boxes
class StashBoxError(StashSenseError, code="stash-box", kind=ErrorKind.UPSTREAM_FAILED):
    """A stash-box refused a request or failed at it."""
class NoSuchStashBox(BadInput, code="no-stash-box", kind=ErrorKind.NOT_FOUND):
    """Stash has no such stash-box in its settings, or none of its performers has an id there."""
class NotAStashBox(StashBoxError, code="not-a-stash-box"):
    """What answers at the endpoint is no stash-box: a site with another interface, a page, a redirect."""
class StashBoxUnreachable(StashBoxError, code="stash-box-unreachable"):
    """No connection to a stash-box, for as long as a build waits."""
class StashBoxTooSlow(StashBoxError, code="stash-box-too-slow", kind=ErrorKind.UPSTREAM_TIMED_OUT):
    """A stash-box accepted a request and did not answer in time."""
class StashBoxLimited(StashBoxError, code="stash-box-limited"):
    """A stash-box takes no more requests for now, for longer than a build waits."""
class StashBoxKeyRefused(StashBoxError, code="stash-box-key-refused"):
    """A stash-box requires an API key, refuses the one it was sent, or the key may not read."""
class BoxImageRefused(StashBoxError, code="stash-box-image"):
    """A stash-box cannot deliver one picture. Others are not affected."""
class BoxImageGone(BoxImageRefused):
    """A stash-box lists a picture that it does not have any more."""

# The sidecar and requests to it
class BadParameter(BadInput, code="bad-parameter"):
    """A field is missing, unknown, of the wrong type or out of range."""
class BodyTooLarge(BadInput, code="body-too-large", kind=ErrorKind.TOO_LARGE):
    """The body has more bytes than accepted. The rest was not read."""
class BodyTooSlow(BadInput, code="body-too-slow", kind=ErrorKind.TOO_SLOW):
    """The body did not arrive in time."""
class UnknownContentType(BadInput, code="unknown-content-type", kind=ErrorKind.UNSUPPORTED):
    """The body has a content type that the call does not accept."""
class Unauthorized(StashSenseError, code="unauthorized", kind=ErrorKind.UNAUTHORIZED):
    """The secret is missing or wrong."""
class ClocksDiffer(Unauthorized, code="clocks-differ"):
    """A signed request's time is too far from this machine's. The message says by how much."""
class Replayed(Unauthorized, code="replayed"):
    """A signed request that was answered before, or may have been."""
class TooManyAttempts(QueueFull, code="too-many-attempts"):
    """Too many wrong secrets came from this address."""
class ForeignHost(StashSenseError, code="foreign-host", kind=ErrorKind.FORBIDDEN):
    """The Host header names an unknown host, as in DNS rebinding."""
class ForeignOrigin(StashSenseError, code="foreign-origin", kind=ErrorKind.FORBIDDEN):
    """A page of another server sent the request."""
class NotFound(StashSenseError, code="not-found", kind=ErrorKind.NOT_FOUND):
    """There is no such call."""
class MethodNotAllowed(StashSenseError, code="method-not-allowed", kind=ErrorKind.METHOD_NOT_ALLOWED):
    """The call exists, but with another method."""
class NoSecret(StashSenseError, code="no-secret", kind=ErrorKind.UNAVAILABLE):
    """A required secret is missing or cannot be kept private."""
class CannotListen(StashSenseError, code="cannot-listen", kind=ErrorKind.UNAVAILABLE):
    """The configured address and port cannot be bound."""
class NoSidecar(StashSenseError, code="no-sidecar", kind=ErrorKind.UPSTREAM_FAILED):
    """No sidecar answers at its address."""
class SidecarRefused(StashSenseError, code="sidecar-refused", kind=ErrorKind.UPSTREAM_FAILED):
    """The sidecar answered with a problem document, whose code and detail this error takes."""
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
