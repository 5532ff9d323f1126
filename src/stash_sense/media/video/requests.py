"""The reader's requests, answered in the decoding process: whatever goes wrong becomes an answer.

Loads PyAV and the standard library only.
"""

from typing import Any

import av

from stash_sense.media.video.containers import Refused
from stash_sense.media.video.decoder import Decoder, TooFar
from stash_sense.media.video.messages import FAILED, FRAME, INFO, NO_FRAME, Document, pack
from stash_sense.media.video.pictures import Pictures

Parts = tuple[Any, ...]
"""Buffers to send one after another."""

_NO_FRAME: Parts = (pack(NO_FRAME, {}),)


class Requests:
    """One video. file: has `read`, `seek` and `tell`. opening: the first request, with the limits."""

    def __init__(self, file: Any, opening: Document) -> None:
        self._file = file
        self._opening = opening
        self._pictures = Pictures(opening["longest_side"])
        self._decoder: Decoder | None = None

    def answer(self, request: Document) -> Parts:
        """Open the video, if it is not open yet, or decode a frame."""
        try:
            return self._open() if self._decoder is None else self._frame(request, self._decoder)
        except Refused as error:
            return _failed(error.code, str(error))
        except TooFar:
            slow = _failed("unreadable-video", "takes too long to open")
            return slow if self._decoder is None else _NO_FRAME
        except MemoryError:
            return _failed("video-too-large", "needs more memory than the limit for decoding a video")
        except (av.FFmpegError, OSError, ValueError, ArithmeticError) as error:
            why = getattr(error, "strerror", None) or str(error)
            return _failed("unreadable-video", f"cannot be decoded ({why})")

    def _open(self) -> Parts:
        decoder = Decoder(
            self._file,
            pixels=self._opening["pixels"],
            seconds=self._opening["seconds"],
            most_scanned=self._opening["most_scanned"],
        )
        info = decoder.info()
        self._decoder = decoder
        return (pack(INFO, info),)

    def _frame(self, request: Document, decoder: Decoder) -> Parts:
        ask = {
            "keyframe_at": decoder.keyframe_at,
            "frame_at": decoder.frame_at,
            "next_frame": decoder.next_frame,
        }[request["what"]]
        decoded = ask(request["time_s"])
        if decoded is None:
            return _NO_FRAME
        document, rows = self._pictures.convert(decoded)
        return pack(FRAME, document), rows


def _failed(code: str, why: str) -> Parts:
    return (pack(FAILED, {"code": code, "why": why[:500]}),)
