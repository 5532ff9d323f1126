"""The plugin source: Stash's server installs the plugin from here, and sees its updates.

Without a secret: Stash's server sends none, and the plugin is public code.
"""

import asyncio
from email.utils import format_datetime

from fastapi import APIRouter
from fastapi.responses import Response

from stash_sense.api.dependencies import OfferedPluginDep
from stash_sense.runtime.plugin_source import ARCHIVE, INDEX, PluginSource

router = APIRouter(tags=["plugin"], prefix="/plugin", include_in_schema=False)

# HEAD: Stash asks whether the index is newer than the one that it remembers.
_METHODS = ["GET", "HEAD"]


@router.api_route(f"/{INDEX}", methods=_METHODS)
async def get_plugin_index(offered: OfferedPluginDep) -> Response:
    """The index of the source: one plugin."""
    source = await asyncio.to_thread(offered.source)
    return _file(source.index, "application/yaml", source)


@router.api_route(f"/{ARCHIVE}", methods=_METHODS)
async def get_plugin_archive(offered: OfferedPluginDep) -> Response:
    """The plugin as a zip."""
    source = await asyncio.to_thread(offered.source)
    return _file(source.archive, "application/zip", source)


def _file(content: bytes, media_type: str, source: PluginSource) -> Response:
    headers = {"Last-Modified": format_datetime(source.date, usegmt=True)}
    return Response(content, media_type=media_type, headers=headers)
