"""What can be wrong with a picture: one class for each thing a person would do differently."""

from stash_sense.errors import BadInput, StashSenseError


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
