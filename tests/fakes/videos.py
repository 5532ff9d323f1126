"""Videos made for tests, without FFmpeg's programs. By default the pictures tell which way is up."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RED, GREEN, BLUE, WHITE = (0, 0, 220), (0, 200, 0), (220, 0, 0), (235, 235, 235)
"""BGR of the upper left, upper right, lower left and lower right quarter."""

_BITS = 8

_QUICK = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libsvtav1": {"preset": "11"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def picture(number: int, width: int, height: int) -> np.ndarray:
    """Four quarters in four colours, and across the middle the number in eight black or white fields."""
    pixels = np.empty((height, width, 3), np.uint8)
    half_width, half_height = width // 2, height // 2
    pixels[:half_height, :half_width], pixels[:half_height, half_width:] = RED, GREEN
    pixels[half_height:, :half_width], pixels[half_height:, half_width:] = BLUE, WHITE
    top, bottom = int(height * 0.4), int(height * 0.6)
    for bit in range(_BITS):
        left, right = width * bit // _BITS, width * (bit + 1) // _BITS
        pixels[top:bottom, left:right] = 255 if number >> bit & 1 else 0
    return pixels


def number_of(pixels: np.ndarray) -> int:
    """The number of the frame that a decoded picture shows."""
    height, width = pixels.shape[:2]
    return sum(
        1 << bit for bit in range(_BITS) if pixels[height // 2, int(width * (bit + 0.5) / _BITS)].mean() > 127
    )


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """The colours near the four corners, BGR, in the order of RED, GREEN, BLUE, WHITE if upright."""
    height, width = pixels.shape[:2]
    rows, columns = (height // 5, height - height // 5), (width // 6, width - width // 6)
    return [tuple(int(value) for value in pixels[row, column]) for row in rows for column in columns]


@contextmanager
def usual_scheduling() -> Iterator[None]:
    """Undo what SVT-AV1 does where root runs it: make the process a real-time one of the highest priority.

    Each process started later would be one too, and two of them that wait in a loop stop the whole machine.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


def write_video(
    path: Path,
    *,
    pictures: Sequence[np.ndarray] | None = None,
    codec: str = "libx264",
    size: tuple[int, int] = (160, 90),
    frames: int = 40,
    rate: int = 10,
    gop: int = 10,
    times: tuple[int, ...] | None = None,
    start: int = 0,
    pixel_format: str = "yuv420p",
    aspect: Fraction | None = None,
    rotation: int = 0,
    options: tuple[tuple[str, str], ...] = (),
    container_options: tuple[tuple[str, str], ...] = (),
    streams: int = 1,
    sound: bool = False,
) -> Path:
    """Write a video; the extension says which format.

    pictures: (h, w, 3) uint8 BGR, all of one size, one for each frame; else `frames` numbered pictures of
    `size`. gop: frames from one keyframe to the next. times: of the frames, and start: of the first one, in
    1/rate s. rotation: degrees counterclockwise that turn the pictures upright.
    """
    if pictures is None:
        pictures = [picture(number, *size) for number in range(len(times) if times else frames)]
    size = pictures[0].shape[1::-1]
    with usual_scheduling(), av.open(str(path), "w", options=dict(container_options)) as container:
        tracks = [_track(container, codec, size, rate, pixel_format) for _ in range(streams)]
        for track in tracks:
            track.gop_size = gop
            track.options = {**_QUICK.get(codec, {}), **dict(options)}
            if aspect is not None:
                track.sample_aspect_ratio = aspect
            if rotation:
                track.set_display_rotation(rotation)
        if sound:
            _add_sound(container, start / rate, len(pictures) / rate)
        for pixels, time in zip(pictures, times or range(len(pictures)), strict=True):
            for track in tracks:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24").reformat(
                    format=pixel_format
                )
                frame.pts, frame.time_base = start + time, Fraction(1, rate)
                container.mux(track.encode(frame))
        for track in tracks:
            container.mux(track.encode(None))
    return path


def _track(container, codec, size, rate, pixel_format):
    track = container.add_stream(codec, rate=rate)
    track.width, track.height = size
    track.pix_fmt = pixel_format
    track.codec_context.time_base = Fraction(1, rate)
    track.codec_context.thread_count = 1
    return track


def _add_sound(container, start_s, seconds):
    track = container.add_stream("aac", rate=8000, layout="mono")
    for start in range(int(8000 * start_s), int(8000 * (start_s + seconds)), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))
