"""The one error that a call of the plugin ends with."""


class PluginError(Exception):
    """Its text is the message that the user reads."""
