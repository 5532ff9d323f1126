"""Names the people in a Stash library, on the owner's own machine."""

__version__ = "0.1.0"
