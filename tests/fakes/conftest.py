"""The stand-in, asked without our client."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from PIL import Image

from fakes.stash import StashStandIn
from waiting import PATIENCE_S


@pytest.fixture
def stash() -> Iterator[StashStandIn]:
    with StashStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def http(stash: StashStandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stash.url, timeout=PATIENCE_S, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def ask(http: httpx.Client) -> Callable[..., dict[str, Any]]:
    """A document and its variables in, the whole answer out."""

    def ask(query: str, **variables: object) -> dict[str, Any]:
        return http.post("/graphql", json={"query": query, "variables": variables}).json()

    return ask


@pytest.fixture
def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (800, 600), "red").save(out, "JPEG")
    return out.getvalue()
