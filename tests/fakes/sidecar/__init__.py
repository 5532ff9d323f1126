"""A stand-in for the sidecar: the contract's calls, strictly checked, over a small state that tests set."""

from .contract import performer_of
from .library import suggestion_of
from .server import SidecarStandIn
from .state import Problem

__all__ = ["Problem", "SidecarStandIn", "performer_of", "suggestion_of"]
