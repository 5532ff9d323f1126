"""Frames at asked times."""

import subprocess

import pytest

from stash_sense.media.video.reader import VideoReader


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Ten seconds of a test picture, a keyframe every two seconds."""
    path = tmp_path_factory.mktemp("videos") / "clip.mp4"
    source = "testsrc2=size=320x180:rate=10:duration=10"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast",
         "-g", "20", "-keyint_min", "20", "-pix_fmt", "yuv420p", path],
        check=True,
    )  # fmt: skip
    return path


def test_the_keyframe_before_a_time_is_found(clip):
    with VideoReader(clip) as video:
        frames = [video.keyframe_at(time_s) for time_s in (0, 1.9, 2, 9.9, 100)]
    assert [frame.time_s for frame in frames] == [0, 0, 2, 8, 8]
    assert all(frame.keyframe for frame in frames)


def test_the_frame_shown_at_a_time_is_found(clip):
    with VideoReader(clip) as video:
        assert [video.frame_at(time_s).time_s for time_s in (0, 3.14, 3.2)] == [0, 3.1, 3.2]


def test_a_part_is_read_through_in_steps(clip):
    with VideoReader(clip) as video:
        assert [frame.time_s for frame in video.frames(1, 3, 0.5)] == [1, 1.5, 2, 2.5, 3]
