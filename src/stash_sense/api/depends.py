"""What a route gets: `Depends` on these, never a global."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from stash_sense.api.access import KNOWN
from stash_sense.api.bodies import Bodies
from stash_sense.api.logs import RecentEvents
from stash_sense.api.metrics import Metrics
from stash_sense.runtime.sidecar import Sidecar
from stash_sense.stash.client import StashClient
from stash_sense.store.async_state import AsyncState


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


# Coroutines, even those that await nothing: plain functions would run in a thread, and getting there and back
# takes longer than the rest of an answer while the workers keep Python busy.


async def _desk(request: Request) -> Desk:
    return _at(request)


async def _sidecar(request: Request) -> Sidecar:
    return _at(request).sidecar


async def _stash(request: Request) -> StashClient:
    return _at(request).sidecar.services.require_stash()


async def _state(request: Request) -> AsyncState:
    return await _at(request).sidecar.state.ready()


async def _known(request: Request) -> bool:
    return bool(request.scope[KNOWN])


AtDesk = Annotated[Desk, Depends(_desk)]
InSidecar = Annotated[Sidecar, Depends(_sidecar)]
WithStash = Annotated[StashClient, Depends(_stash)]
"""Stash; a call that needs it is answered with 400 where none is set up."""
WithState = Annotated[AsyncState, Depends(_state)]
"""The state; a call that needs it is answered with 503 if it cannot be opened."""
IsKnown = Annotated[bool, Depends(_known)]
"""Whether the caller brought the secret, or none is asked for."""
