"""Every format and codec of a library: the right frame at the right time, whichever way up."""

import os
from fractions import Fraction

import numpy as np
import pytest

from fakes.videos import BLUE, GREEN, RED, WHITE, corners, number_of, write_video
from stash_sense.media.video.reader import VideoReader

FRAGMENTED = (("movflags", "frag_keyframe+empty_moov"),)

KINDS = {
    "h264.mp4": ("h264", {}),
    "hevc.mp4": ("hevc", {"codec": "libx265"}),
    "av1.mp4": ("av1", {"codec": "libsvtav1"}),
    "vp9.webm": ("vp9", {"codec": "libvpx-vp9"}),
    "mpeg4.avi": ("mpeg4", {"codec": "mpeg4"}),
    "wmv.wmv": ("wmv2", {"codec": "wmv2"}),
    "flash.flv": ("flv1", {"codec": "flv"}),
    "h264.mkv": ("h264", {"sound": True}),
    "recorded.ts": ("h264", {"start": 100_000, "sound": True}),
    "fragments.mp4": ("h264", {"container_options": FRAGMENTED}),
    "live.webm": ("vp9", {"codec": "libvpx-vp9", "container_options": (("live", "1"),)}),
    "odd.webm": ("vp9", {"codec": "libvpx-vp9", "size": (161, 91)}),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_the_right_frame_is_found_in(video, name):
    codec, options = KINDS[name]
    with VideoReader(video(name, **options)) as reader:
        info = reader.info
        keyframes = [reader.keyframe_at(time_s) for time_s in (0, 0.95, 1.5, 3.9, 100)]
        exact = [reader.frame_at(time_s) for time_s in (0, 1.25, 3.3)]
        through = list(reader.frames(0.5, 2.5, 0.5))
    assert info.codec == codec
    assert (info.width, info.height) == options.get("size", (160, 90))
    assert info.frame_rate == 10
    assert info.duration_s == pytest.approx(4, abs=0.3)
    assert [number_of(frame.pixels) for frame in keyframes] == [0, 0, 10, 30, 30]
    assert [frame.time_s for frame in keyframes] == pytest.approx([0, 0, 1, 3, 3], abs=0.002)
    assert all(frame.keyframe for frame in keyframes)
    assert [number_of(frame.pixels) for frame in exact] == [0, 12, 33]
    assert [number_of(frame.pixels) for frame in through] == [5, 10, 15, 20, 25]
    assert [frame.time_s for frame in through] == pytest.approx([0.5, 1, 1.5, 2, 2.5], abs=0.002)


UPRIGHT = [RED, GREEN, BLUE, WHITE]
TURNED = {90: [GREEN, WHITE, RED, BLUE], 180: [WHITE, BLUE, GREEN, RED], -90: [BLUE, RED, WHITE, GREEN]}


def assert_colours(pixels, expected, tolerance=12):
    assert np.abs(np.subtract(corners(pixels), expected)).max() <= tolerance


@pytest.mark.parametrize("degrees", TURNED)
def test_a_turned_phone_is_turned_upright(video, degrees):
    with VideoReader(video(f"turned{degrees}.mp4", rotation=degrees)) as reader:
        frame = reader.keyframe_at(0)
    size = (160, 90) if degrees == 180 else (90, 160)
    assert (reader.info.width, reader.info.height) == size
    assert frame.pixels.shape == (size[1], size[0], 3)
    assert frame.pixels.flags.c_contiguous
    assert_colours(frame.pixels, TURNED[degrees])


@pytest.mark.parametrize("name", ["h264.mp4", "odd.webm", "hevc.mp4"])
def test_colours_are_those_that_were_recorded(video, name):
    with VideoReader(video(name, **KINDS[name][1])) as reader:
        assert_colours(reader.keyframe_at(0).pixels, UPRIGHT)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(Fraction(2), (320, 90)), (Fraction(1, 2), (160, 180)), (Fraction(100), (160, 90))],
)
def test_pixels_that_are_not_square_are_made_square(video, aspect, size):
    with VideoReader(video(f"aspect{aspect.numerator}.mp4", aspect=aspect, frames=3)) as reader:
        frame = reader.keyframe_at(0)
    assert (reader.info.width, reader.info.height) == size
    assert frame.pixels.shape == (size[1], size[0], 3)
    assert_colours(frame.pixels, UPRIGHT)


INTERLACED = (("flags", "+ildct+ilme"),)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mpeg2video"])
def test_of_an_interlaced_frame_one_moment_is_shown(tmp_path, codec):
    pictures = []
    for at in range(6):
        combed = np.zeros((120, 160, 3), np.uint8)
        combed[0::2, 10 * at : 10 * at + 40] = 255
        combed[1::2, 10 * at + 40 : 10 * at + 80] = 255  # half a frame later it is elsewhere
        pictures.append(combed)
    path = write_video(tmp_path / "interlaced.mkv", pictures=pictures, codec=codec, gop=1, options=INTERLACED)
    with VideoReader(path) as reader:
        frames = [reader.keyframe_at(0.1 * at) for at in range(6)]
    for at, frame in enumerate(frames):
        assert frame.pixels.shape == (120, 160, 3)
        assert frame.pixels[:, 10 * at + 5 : 10 * at + 35].min() > 200
        assert frame.pixels[:, 10 * at + 45 :].max() < 60


def test_large_frames_are_reduced_before_they_are_sent(video):
    path = video("large.mp4", size=(640, 360), rotation=90, frames=3)
    with VideoReader(path, longest_side=200) as reader:
        frame = reader.keyframe_at(0)
    assert frame.pixels.shape == (200, 112, 3)
    assert (reader.info.width, reader.info.height) == (360, 640)
    assert frame.scale == pytest.approx([360 / 112, 640 / 200])
    assert_colours(frame.pixels, TURNED[90])


B_FRAMES = {"options": (("preset", "medium"), ("bf", "3"))}


@pytest.mark.parametrize("name", ["b-frames.mp4", "b-frames.mkv", "b-frames.ts"])
def test_frames_out_of_order_are_at_their_times(video, name):
    """The first frames of an MP4 with B-frames are decoded before time zero."""
    with VideoReader(video(name, **B_FRAMES)) as reader:
        keyframes = [reader.keyframe_at(time_s) for time_s in (0, 0.99, 1.01, 2.999, 3.001)]
        exact = [reader.frame_at(time_s) for time_s in (0.05, 1.95, 3.95)]
        through = list(reader.frames(0.05, 4, 0.5))
        beyond = reader.frame_at(1e300)
    assert [number_of(frame.pixels) for frame in keyframes] == [0, 0, 10, 20, 30]
    assert [number_of(frame.pixels) for frame in exact] == [0, 19, 39]
    for frame in (*keyframes, *exact, *through):
        assert frame.time_s == pytest.approx(number_of(frame.pixels) / 10, abs=0.002)
    assert [frame.time_s for frame in through] == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], abs=0.21)
    assert number_of(beyond.pixels) == 39


def test_a_video_with_one_keyframe_is_read_exactly(video):
    with VideoReader(video("one-keyframe.mp4", gop=1000)) as reader:
        assert [reader.keyframe_at(time_s).time_s for time_s in (0, 2, 3.9)] == [0, 0, 0]
        assert number_of(reader.frame_at(3.55).pixels) == 35
        assert [number_of(frame.pixels) for frame in reader.frames(1, 3, 1)] == [10, 20, 30]


def test_the_frame_that_stands_still_is_shown_until_the_next(video):
    """Variable frame rate."""
    path = video("uneven.mp4", times=(0, 1, 2, 30, 31, 60, 61, 62, 63, 100))
    with VideoReader(path) as reader:
        assert [number_of(reader.frame_at(time_s).pixels) for time_s in (0.15, 2.9, 3, 9.9, 10)] == [
            1,
            2,
            3,
            8,
            9,
        ]
        assert [number_of(frame.pixels) for frame in reader.frames(0, 10, 1)] == [0, 2, 3, 4, 5, 8, 9]


def test_a_step_back_in_the_timestamps_is_read_over(video):
    """Two recordings put together without a thought."""
    first = video("recorded.ts", **KINDS["recorded.ts"][1]).read_bytes()
    second = video("early.ts", start=10, sound=True).read_bytes()
    path = video("recorded.ts", **KINDS["recorded.ts"][1]).with_name("joined.ts")
    path.write_bytes(first + second)
    with VideoReader(path) as reader:
        assert number_of(reader.keyframe_at(0).pixels) == 0
        assert number_of(reader.frame_at(1.25).pixels) == 12
        assert reader.keyframe_at(3.5) is not None
        assert list(reader.frames(0, 6, 1))


def test_of_many_streams_one_is_read(video):
    with VideoReader(video("many.mkv", codec="mpeg4", streams=100, frames=3)) as reader:
        assert number_of(reader.frame_at(0.2).pixels) == 2


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="there is no scheduling policy to ask for")
def test_making_an_av1_video_leaves_the_scheduling_as_it_was(tmp_path):
    before = os.sched_getscheduler(0)
    write_video(tmp_path / "av1.mp4", codec="libsvtav1", frames=3)
    assert os.sched_getscheduler(0) == before
