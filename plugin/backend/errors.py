"""What a call of the plugin can end with besides an answer."""


class Failure(Exception):
    """Its text is what the user reads."""
