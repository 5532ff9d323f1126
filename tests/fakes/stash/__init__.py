"""A stand-in for Stash: a real HTTP server that holds a library in memory and answers as Stash does."""

from .execution import LATEST, OLDEST, RECOMMENDED, schema
from .faults import Chunked, Delay, Dribble, Drop, Hold, Status, Truncate
from .library import Library
from .page import missing as page_lacks
from .plugins import Plugin, install_from
from .record import Seen
from .server import StashStandIn

__all__ = [
    "LATEST",
    "OLDEST",
    "RECOMMENDED",
    "Chunked",
    "Delay",
    "Dribble",
    "Drop",
    "Hold",
    "Library",
    "Plugin",
    "Seen",
    "StashStandIn",
    "Status",
    "Truncate",
    "install_from",
    "page_lacks",
    "schema",
]
