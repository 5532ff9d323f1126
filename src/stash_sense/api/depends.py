"""What a route gets: `Depends` on these, never a global."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from stash_sense.api.access import KNOWN
from stash_sense.api.bodies import Bodies
from stash_sense.api.logs import RecentEvents
from stash_sense.api.metrics import Metrics
from stash_sense.recognition.state_in_use import StateInUse
from stash_sense.runtime.sidecar import Sidecar
from stash_sense.stash.client import StashClient


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """Everything that the routes work with, built by `create_app`.

    bodies: of those that hold a picture; small_bodies: of those that hold a few fields.
    """

    sidecar: Sidecar
    bodies: Bodies
    small_bodies: Bodies
    metrics: Metrics
    events: RecentEvents


def _at(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


# Coroutines, although they wait for nothing: others would run in a thread, and to get there and back takes
# longer than all the rest of an answer while the workers keep Python busy.


async def _desk(request: Request) -> Desk:
    return _at(request)


async def _sidecar(request: Request) -> Sidecar:
    return _at(request).sidecar


async def _stash(request: Request) -> StashClient:
    return _at(request).sidecar.library.need_stash()


async def _state(request: Request) -> StateInUse:
    return _at(request).sidecar.state


async def _known(request: Request) -> bool:
    return bool(request.scope[KNOWN])


AtDesk = Annotated[Desk, Depends(_desk)]
InSidecar = Annotated[Sidecar, Depends(_sidecar)]
WithStash = Annotated[StashClient, Depends(_stash)]
"""Stash; a call that needs it is answered with 400 where none is set up."""
WithState = Annotated[StateInUse, Depends(_state)]
IsKnown = Annotated[bool, Depends(_known)]
"""Whether the caller brought the secret, or none is asked for."""
