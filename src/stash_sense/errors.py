"""The error tree: every error Stash Sense raises on purpose, its code, and what it means."""


class StashSenseError(Exception):
    """Anything that Stash Sense refuses or fails at, in a sentence that says what to do next."""

    code = "error"


class BadInput(StashSenseError):
    """What arrived cannot be worked with: says what arrived, what is accepted, and what to do."""

    code = "bad-input"


class MissingFile(StashSenseError):
    """A file that the work needs is absent, cut short or altered."""

    code = "missing-file"


class Busy(StashSenseError):
    """Another process holds what this one needs to write."""

    code = "busy"


class Cancelled(StashSenseError):
    """The person, or the process's end, asked for the work to stop."""

    code = "cancelled"


class UnknownPack(BadInput):
    """No manifest has this id."""

    code = "unknown-pack"


class AlteredFile(MissingFile):
    """A file is there, but its size or its sha256 is not the manifest's."""

    code = "altered-file"


class DownloadFailed(StashSenseError):
    """The server did not deliver the file, or not the file that the manifest names."""

    code = "download-failed"


class NoSpace(StashSenseError):
    """The disk has no room for what is to be written."""

    code = "no-space"


class CannotWrite(StashSenseError):
    """The data folder does not let us write."""

    code = "cannot-write"


class NotAnImage(BadInput):
    """What arrived is no picture of a kind that is read here: empty, a folder, a video, text."""

    code = "not-an-image"


class UnreadableImage(BadInput):
    """It should be a picture, but it cannot be opened, is damaged, or was cut short."""

    code = "unreadable-image"


class ImageTooLarge(BadInput):
    """More bytes or pixels than are accepted; found before anything is decoded."""

    code = "image-too-large"


class ImageTooSmall(BadInput):
    """Too few pixels for a face to be told from another."""

    code = "image-too-small"


class NotAFolder(BadInput):
    """The folder to be listed is missing, or is no folder."""

    code = "not-a-folder"


class BadUrl(BadInput):
    """Not the address of a picture on the web: another scheme, credentials in it, no host."""

    code = "bad-url"


class ForbiddenAddress(StashSenseError):
    """The address leads to where pictures are not fetched from: the home network, this machine."""

    code = "forbidden-address"


class UrlUnreachable(StashSenseError):
    """Nothing answers at the address."""

    code = "url-unreachable"


class UrlTooSlow(StashSenseError):
    """The server at the address took too long."""

    code = "url-too-slow"


class UrlAnsweredWrongly(StashSenseError):
    """The server at the address answered, but not with a picture's bytes."""

    code = "url-answered-wrongly"


class NoDatabase(StashSenseError):
    """There is no face database at the place named."""

    code = "no-database"


class BadDatabase(StashSenseError):
    """The files of a face database are cut short, altered or of an unknown format."""

    code = "bad-database"


class WriteFailed(StashSenseError):
    """A face database could not be written; the one before it is unchanged."""

    code = "database-write-failed"


class QueueFull(StashSenseError):
    """All places are taken; `pause_s` is after how many seconds one may be free."""

    code = "full"

    def __init__(self, message: str, pause_s: int = 1) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class ShuttingDown(StashSenseError):
    """The process is on its way out."""

    code = "stopping"


class StateError(StashSenseError):
    """The state file cannot be used, or not for this."""

    code = "state"


class NotAStateFile(StateError):
    """The file is no SQLite file, or one that belongs to another program."""

    code = "state-not-ours"


class NewerState(StateError):
    """A later program wrote the file; it was left exactly as it is."""

    code = "state-newer"


class StateDamaged(StateError):
    """SQLite finds the file's own structure broken."""

    code = "state-damaged"


class MigrationFailed(StateError):
    """A step of the migration failed; the file is as it was before."""

    code = "state-migration"


class DiskFull(StateError):
    """There was no room for what had to be written; nothing half-written stays."""

    code = "disk-full"


class StateUnwritable(StateError):
    """The file or its folder cannot be opened, read or written."""

    code = "state-unwritable"


class StateBusy(Busy):
    """Another process, or a long write of this one, held the state file for too long."""


class NotStored(StashSenseError):
    """The state holds nothing under that id."""

    code = "not-stored"


class NoSuchJob(StashSenseError):
    """No job has that id, or it ended so long ago that it was dropped."""

    code = "no-job"


class Conflict(BadInput):
    """The request contradicts what is already recorded."""

    code = "refused"


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


class StashKeyRefused(StashError):
    """Stash asks for an API key, or refuses the one it was sent."""

    code = "stash-key-refused"


class StashAnsweredWrongly(StashError):
    """An answer that Stash would not give: another server, a proxy's error page, a redirect, a failure."""

    code = "stash-answered-wrongly"


class StashRefused(StashError):
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


class BadParameter(BadInput):
    """A field is missing, unknown, of another type or out of range."""

    code = "bad-parameter"


class BodyTooLarge(BadInput):
    """More bytes than are accepted; the rest was not read."""

    code = "body-too-large"


class BodyTooSlow(BadInput):
    """The body did not arrive in time."""

    code = "body-too-slow"


class UnknownContentType(BadInput):
    """The body is announced as something that this call does not take."""

    code = "unknown-content-type"


class Unauthorized(StashSenseError):
    """No secret, or a wrong one."""

    code = "unauthorized"


class ForeignHost(StashSenseError):
    """The request was sent to a name that is not known to be ours: another page may be behind it."""

    code = "foreign-host"


class ForeignOrigin(StashSenseError):
    """A page of another server sent the request."""

    code = "foreign-origin"


class NotBuilt(StashSenseError):
    """The call is promised, and does not work yet."""

    code = "not-built"


class NotFound(StashSenseError):
    """There is no such call."""

    code = "not-found"


class MethodNotAllowed(StashSenseError):
    """There is such a call, but by another method."""

    code = "method-not-allowed"


class BadCalibration(StashSenseError):
    """A calibration's numbers contradict one another."""

    code = "bad-calibration"


class NoSecret(StashSenseError):
    """There is no secret where one is needed, or it cannot be kept from others."""

    code = "no-secret"


class CannotListen(StashSenseError):
    """The address and port of the settings cannot be taken."""

    code = "cannot-listen"


class BadSetting(BadInput):
    """A setting has a value that cannot be worked with."""

    code = "bad-setting"


class NoSuchReference(StashSenseError):
    """The face database in use has no such reference, or its photo is gone."""

    code = "no-reference"


class NotAnalysed(StashSenseError):
    """A picture at which our own program failed; the log has more."""

    code = "unreadable-image"


class NoCrop(StashSenseError):
    """The face is stored, but its image is gone, cannot be read, or is another picture by now."""

    code = "no-crop"


class NobodyToEnrol(BadInput):
    """Stash has no performer with a picture, or no picture shows a face; the old database stays."""

    code = "nobody-to-enrol"


class Starting(StashSenseError):
    """Networks and face database are still being opened."""

    code = "starting"


class NoSidecar(StashSenseError):
    """Nothing answers where the sidecar should be, or something else does."""

    code = "no-sidecar"


class SidecarRefused(StashSenseError):
    """The sidecar said no; its code and words are the error's."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class NotFaithful(StateError):
    """The table cannot be declared as ours without changing what it holds."""

    code = "state-not-faithful"


class BadLandmarks(StashSenseError):
    """The five points do not span a face in the picture (all in one place, far outside, or not finite)."""

    code = "bad-landmarks"
