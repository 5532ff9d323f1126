"""What can be wrong with a picture: one class for each thing a person would do differently."""

from stash_sense.errors import BadInput


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
