"""Frames out of videos: processor time for each, by codec, size and length, and the bytes that are read.

    python benchmarks/video.py [--seconds 2] [--frames 60]

The videos are made of the free samples, with noise: 2 s are encoded, and repeated without encoding again.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import lab
from stash_sense.media.photo import load_image
from stash_sense.media.video.reader import VideoReader

sys.path.insert(0, str(lab.REPOSITORY / "tests"))
usual_scheduling = import_module("fakes.videos").usual_scheduling

RATE = 25
GOP = 50
SHOTS = 4
SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "gallery"

CODECS = {
    "H.264": ("libx264", {"preset": "veryfast", "b": "5000000"}),
    "HEVC": ("libx265", {"preset": "ultrafast", "b": "4000000", "x265-params": "log-level=none"}),
    "AV1": ("libsvtav1", {"preset": "11", "b": "4000000"}),
    "VP9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "4000000"}),
}


class FileRanges:
    """A file as a range source."""

    def __init__(self, path: Path) -> None:
        self.name, self.size = path.name, path.stat().st_size
        self.bytes_read = 0
        self._file = path.open("rb")

    def read_at(self, offset: int, count: int) -> bytes:
        """As RangeSource."""
        self._file.seek(offset)
        data = self._file.read(count)
        self.bytes_read += len(data)
        return data


def pictures(width: int, height: int, seconds: float) -> Iterator[NDArray[np.uint8]]:
    """A slow pan over the samples side by side, from another one in each shot, with the noise of a camera."""
    rng = np.random.default_rng(0)
    photos = [load_image(path).pixels for path in sorted(SAMPLES.glob("*.jpg"))]
    tall = height * 5 // 4
    photos = [_as_tall(each, tall) for each in photos]
    noise = rng.integers(-6, 7, (height, width, 3), np.int16)
    count = int(seconds * RATE)
    for number in range(count):
        shot = number * SHOTS // count
        strip = np.hstack(photos[shot:] + photos[:shot])
        top, left = number % RATE * height // 4 // RATE, number % RATE * width // 4 // RATE
        pixels = strip[top : top + height, left : left + width] + np.roll(noise, number * 97, (0, 1))
        yield np.clip(pixels, 0, 255).astype(np.uint8)


def _as_tall(photo: NDArray[np.uint8], tall: int) -> NDArray[np.uint8]:
    size = (photo.shape[1] * tall // photo.shape[0], tall)
    return cv2.resize(photo, size).astype(np.uint8, copy=False)


def encode(path: Path, codec: str, size: tuple[int, int], seconds: float) -> None:
    """Write a video without sound."""
    name, options = CODECS[codec]
    with usual_scheduling(), av.open(str(path), "w") as container:
        track = container.add_stream(name, rate=RATE, options=options)
        assert isinstance(track, av.VideoStream)
        track.width, track.height = size
        track.pix_fmt = "yuv420p"
        track.gop_size = GOP
        for number, pixels in enumerate(pictures(*size, seconds)):
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))


def repeat(source: Path, target: Path, times: int) -> None:
    """Write the same pictures one time after another, as they are encoded."""
    with av.open(str(source)) as first, av.open(str(target), "w") as container:
        stream = first.streams.video[0]
        track = container.add_stream_from_template(stream)
        packets = [packet for packet in first.demux(stream) if packet.size]
        assert stream.time_base is not None
        length = round(len(packets) / RATE / stream.time_base)
        for time in range(times):
            for packet in packets:
                copy = av.Packet(bytes(packet))
                copy.stream, copy.is_keyframe, copy.time_base = track, packet.is_keyframe, stream.time_base
                copy.pts, copy.dts = (packet.pts or 0) + time * length, (packet.dts or 0) + time * length
                container.mux(copy)


def processor_time() -> tuple[float, float]:
    """Of this process, and of the children that have ended."""
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def measure(path: Path, frames: int, *, as_ranges: bool = False, only_open: bool = False) -> dict[str, float]:
    """Seconds of processor time here and in the decoding process, and bytes read."""
    here, there = processor_time()
    source = FileRanges(path) if as_ranges else path
    with VideoReader(source) as video:
        duration = video.info.duration_s or 0.0
        for number in range(0 if only_open else frames):
            video.keyframe_at(duration * (number + 0.5) / frames)
    now_here, now_there = processor_time()
    fetched = source.bytes_read if isinstance(source, FileRanges) else 0
    return {"here_s": now_here - here, "decoding_s": now_there - there, "bytes": fetched}


def read_through(path: Path, seconds: float) -> float:
    """Processor time for each second of video that is read through, a frame each second."""
    here, there = processor_time()
    with VideoReader(path) as video:
        for _ in video.frames(0, seconds, 1.0):
            pass
    now_here, now_there = processor_time()
    return (now_here - here + now_there - there) / seconds


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--frames", type=int, default=60)
    options = parser.parse_args()
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="stash-sense-video-") as folder:
        for codec in CODECS:
            short, path = Path(folder) / "short.mkv", Path(folder) / f"{codec}.mkv"
            encode(short, codec, (1920, 1080), options.seconds)
            repeat(short, path, int(600 / options.seconds))
            figures[f"{codec} 1080p, 10 min"] = report(codec, path, options.frames)
            print(
                f"  reading through: {1000 * read_through(short, options.seconds):.0f} ms a second of video"
            )
        short, path = Path(folder) / "short.mp4", Path(folder) / "large.mp4"
        encode(short, "H.264", (3840, 2160), 2.0)
        figures["H.264 4K"] = report("H.264 2160p", short, options.frames)
        encode(short, "H.264", (1920, 1080), options.seconds)
        for minutes in (30, 120):
            repeat(short, path, int(minutes * 60 / options.seconds))
            figures[f"H.264 1080p, {minutes} min"] = report(f"H.264, {minutes} min", path, options.frames)
    json.dump(figures, sys.stderr, indent=1)


def report(title: str, path: Path, frames: int) -> dict[str, float]:
    """Measure and print one video."""
    opened = measure(path, frames, only_open=True)
    file, ranges = measure(path, frames), measure(path, frames, as_ranges=True)
    here, decoding = (1000 * file[name] / frames for name in ("here_s", "decoding_s"))
    fetched = 1000 * (ranges["here_s"] + ranges["decoding_s"]) / frames
    print(
        f"{title}, {path.stat().st_size / 1e6:.0f} MB: {here + decoding:.1f} ms a frame, {here:.1f} of it in "
        f"this process; {opened['decoding_s']:.2f} s to start and open; as ranges {fetched:.1f} ms and "
        f"{ranges['bytes'] / frames / 1e6:.2f} MB a frame",
        flush=True,
    )
    return {
        "ms": here + decoding,
        "open_s": opened["decoding_s"],
        "ranges_ms": fetched,
        "ranges_mb": ranges["bytes"] / frames / 1e6,
    }


if __name__ == "__main__":
    main()
