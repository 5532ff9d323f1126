"""Damaged videos of every format: frames, or one of our errors, within the limits."""

import random
import resource
from contextlib import suppress
from pathlib import Path

import pytest

from media.damage import damaged
from stash_sense.errors import BadInput
from stash_sense.media.video.frames import VideoLimits
from stash_sense.media.video.reader import VideoReader

pytestmark = pytest.mark.slow

LIMITS = VideoLimits(seconds=10, memory_bytes=1_000_000_000, pixels=4_000_000)

SOURCES = {
    "h264.mp4": {},
    "hevc.mp4": {"codec": "libx265"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "recorded.ts": {"start": 100_000, "sound": True},
    "wmv.wmv": {"codec": "wmv2"},
    "flash.flv": {"codec": "flv"},
    "av1.mp4": {"codec": "libsvtav1"},
    "moving.gif": {"codec": "gif", "pixel_format": "rgb8", "frames": 10},
    "h264.mkv": {"sound": True},
}


def processor_time_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_damage_raises_only_our_errors(video, tmp_path, torture):
    chance = random.Random("videos 1")
    descriptors = len(list(Path("/dev/fd").iterdir()))
    slowest = shown = 0
    for round_ in range(500 if torture else 25):
        name = list(SOURCES)[round_ % len(SOURCES)]
        path = tmp_path / name
        path.write_bytes(damaged(video(name, **SOURCES[name]).read_bytes(), chance))
        began = processor_time_of_children()
        with suppress(BadInput), VideoReader(path, limits=LIMITS) as reader:
            shown += 1
            with suppress(BadInput):
                reader.keyframe_at(2.5)
            with suppress(BadInput):
                reader.frame_at(1.25)
            with suppress(BadInput):
                list(reader.frames(0, 4, 1))
        slowest = max(slowest, processor_time_of_children() - began)
    assert slowest < 6 * 2 * LIMITS.seconds
    assert shown
    assert len(list(Path("/dev/fd").iterdir())) == descriptors
