"""Others who ask the sidecar while a gallery runs: /health often, /identify/image now and then."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from time import perf_counter

import httpx
import numpy as np

HEALTH_EVERY_S = 1 / 20
IMAGE_EVERY_S = 1.0


class Callers:
    """Seconds that each answer took, kept in `health` and `image`. images: asked for in turn, each anew."""

    def __init__(self, images: Sequence[str]) -> None:
        self.health: list[float] = []
        self.image: list[float] = []
        self._images = cycle(images)

    async def ask(self, client: httpx.AsyncClient, done: asyncio.Event) -> None:
        """Until `done`; what was asked by then is waited for."""

        async def health() -> httpx.Response:
            return await client.get("/health")

        async def image() -> httpx.Response:
            body = {"image_id": next(self._images), "force": True}
            return await client.post("/identify/image", json=body)

        await asyncio.gather(
            _every(HEALTH_EVERY_S, health, self.health, done), _every(IMAGE_EVERY_S, image, self.image, done)
        )


async def _every(
    seconds: float, call: Callable[[], Awaitable[httpx.Response]], took: list[float], done: asyncio.Event
) -> None:
    """One call after another begins on time, however long those before it take."""

    async def one() -> None:
        began = perf_counter()
        answer = await call()
        took.append(perf_counter() - began)
        answer.raise_for_status()

    async with asyncio.TaskGroup() as group:
        due = asyncio.get_running_loop().time()
        while not done.is_set():
            group.create_task(one())
            due += seconds
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))


def quantiles_ms(took: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the slowest, milliseconds; and how many."""
    values = np.array(took) * 1000
    cuts = {f"p{cut}": float(np.percentile(values, cut)) for cut in (50, 95, 99)}
    return {"count": len(values), **cuts, "slowest": float(values.max())}
