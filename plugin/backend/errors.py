"""The one error that a call of the plugin ends with."""


class PluginError(Exception):
    """Its text is the message that the user reads.

    code: of the sidecar's problem or, where none answered, the plugin's own; empty for a caller's mistake.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
