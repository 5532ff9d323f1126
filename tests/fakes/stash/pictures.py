"""Originals, thumbnails and portraits, as Stash serves them."""

import io
import mimetypes
import re
from email.utils import format_datetime
from functools import lru_cache

from PIL import Image as Pillow
from PIL import ImageOps
from starlette.requests import Request
from starlette.responses import Response

from .library import File, Library

_LONGER_SIDE = 640
_DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
_THUMBNAILS = 4096


class Pictures:
    """The routes of pictures, over a library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def original(self, request: Request) -> Response:
        """A missing file gives 500, with the path in the text."""
        image = self._library.images.get(_id(request))
        if image is None or not image.files:
            return _not_found()
        file = image.files[0]
        try:
            return _whole_file(request, file)
        except FileNotFoundError:
            return Response(f"open {file.path}: no such file or directory\n", 500, media_type="text/plain")

    def thumbnail(self, request: Request) -> Response:
        """A JPEG; else the original; of a missing file a drawing with status 200."""
        image = self._library.images.get(_id(request))
        if image is None:
            return _not_found()
        file = image.files[0] if image.files else None
        try:
            data = _thumbnail(file.read()) if file and file.kind == "ImageFile" else None
            if data is not None:
                return Response(data, media_type="image/jpeg")
            if file is not None:
                return _whole_file(request, file)
        except FileNotFoundError:
            pass  # the drawing says so
        return Response(_DRAWING, media_type="image/svg+xml")

    def portrait(self, request: Request) -> Response:
        performer = self._library.performers.get(_id(request))
        if performer is None:
            return _not_found()
        image = performer.image
        if image is None or request.query_params.get("default") == "true":
            return Response(_placeholder(), media_type="image/png")
        data = image if isinstance(image, bytes) else image.read_bytes()
        return Response(data, media_type=_sniffed(data))

    def scene(self, request: Request) -> Response:
        """The stream serves the file, or what was put into the scene's `media`; the rest only the latter."""
        scene = self._library.scenes.get(_id(request))
        what = request.path_params["what"]
        data = None if scene is None else scene.media.get(what)
        if data is None and what == "stream" and scene is not None and scene.files:
            return _stream(request, scene.files[0])
        return _not_found() if data is None else Response(data, media_type=_type(f"{what}.mp4"))

    def scene_sheet(self, request: Request) -> Response:
        """`<hash>_sprite.jpg` and `<hash>_thumbs.vtt`."""
        digest, _, name = request.path_params["name"].partition("_")
        for scene in list(self._library.scenes.values()):
            if scene.files and scene.files[0].fingerprints.get("oshash") == digest:
                data = scene.media.get("sprite" if name == "sprite.jpg" else "vtt")
                if data is not None:
                    return Response(data, media_type="image/jpeg" if name == "sprite.jpg" else "text/vtt")
        return _not_found()


def _id(request: Request) -> int:
    text = request.path_params["id"]
    return int(text) if text.isascii() and text.isdigit() else 0


def _not_found() -> Response:
    return Response("Not Found\n", 404, media_type="text/plain")


def _whole_file(request: Request, file: File) -> Response:
    lasting = "private, max-age=31536000, immutable" if "t" in request.query_params else "no-cache"
    headers = {"Cache-Control": lasting, "Last-Modified": format_datetime(file.mod_time, usegmt=True)}
    return Response(file.read(), media_type=_type(file.basename), headers=headers)


_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


def _stream(request: Request, file: File) -> Response:
    """As Go's file server: ranges, Last-Modified, no ETag."""
    headers = {"Accept-Ranges": "bytes", "Last-Modified": format_datetime(file.mod_time, usegmt=True)}
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    try:
        if wanted is None:
            return Response(file.read(), media_type=_type(file.basename), headers=headers)
        first = int(wanted[1])
        last = min(int(wanted[2] or file.size), file.size - 1)
        if first >= file.size:
            headers["Content-Range"] = f"bytes */{file.size}"
            return Response("invalid range: failed to overlap\n", 416, headers, "text/plain")
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
        return Response(file.part(first, last), 206, headers, _type(file.basename))
    except FileNotFoundError:
        return _not_found()


def _type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _sniffed(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"


@lru_cache(_THUMBNAILS)
def _thumbnail(data: bytes) -> bytes | None:
    """None where none can be made; then Stash sends the original."""
    try:
        with Pillow.open(io.BytesIO(data)) as picture:
            if getattr(picture, "is_animated", False) or picture.format == "GIF":
                return None
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None
    upright.thumbnail((_LONGER_SIDE, _LONGER_SIDE))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=80)
    return out.getvalue()


@lru_cache(1)
def _placeholder() -> bytes:
    out = io.BytesIO()
    Pillow.new("RGB", (200, 300), (60, 60, 60)).save(out, "PNG")
    return out.getvalue()
