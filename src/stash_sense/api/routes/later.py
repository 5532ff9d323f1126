"""Calls that the contract promises and that are not built: they say so."""

from typing import NoReturn

from fastapi import APIRouter

from stash_sense.api.openapi import documented
from stash_sense.errors import NotBuilt

router = APIRouter(tags=["not built"])

_PATHS = ("/identify/scene", "/jobs/scene", "/jobs/library")


async def _not_built() -> NoReturn:
    """Answers 501 until it is built."""
    raise NotBuilt("This does not work yet. GET /health lists under `features` what does.")


for _path in _PATHS:
    router.post(_path, status_code=501, response_model=None, responses=documented(501))(_not_built)
