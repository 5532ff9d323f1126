"""What is no video, or a broken one: a clear error, and whatever can be shown is shown."""

import io
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from fakes.videos import number_of, picture, write_video
from stash_sense.errors import NotAVideo, UnreadableVideo, VideoTooLarge
from stash_sense.media.video.frames import VideoLimits
from stash_sense.media.video.reader import VideoReader


def saved(kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(picture(0, 160, 90)).save(buffer, kind, **options)
    return buffer.getvalue()


def sound_only(path: Path) -> bytes:
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return path.read_bytes()


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hosts\n#EXT-X-ENDLIST\n"

NO_VIDEOS = {
    "empty": b"",
    "text": b"Hello, I am a text file.\n" * 40,
    "zeros": bytes(100_000),
    "JPEG": saved("JPEG"),
    "PNG": saved("PNG"),
    "WebP": saved("WebP"),
    "AVIF": saved("AVIF"),
    "playlist": PLAYLIST,
    "concat script": b"ffconcat version 1.0\nfile '/etc/hosts'\n",
    "session description": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "DASH": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>/etc/</BaseURL></MPD>",
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_VIDEOS)
def test_what_is_no_video_is_refused_as_such(tmp_path, kind):
    path = tmp_path / "scene.mp4"
    path.write_bytes(NO_VIDEOS[kind])
    with pytest.raises(NotAVideo, match=r"^scene\.mp4: .*videos are accepted\.$"):
        VideoReader(path)


def test_sound_alone_is_refused(tmp_path):
    sound_only(tmp_path / "sound.m4a")
    with pytest.raises(NotAVideo, match="no video in it, only sound or pictures"):
        VideoReader(tmp_path / "sound.m4a")


def test_a_cover_picture_is_no_video(tmp_path):
    sound_only(tmp_path / "plain.m4a")
    path = tmp_path / "song.mp4"
    with av.open(str(tmp_path / "plain.m4a")) as source, av.open(str(path), "w") as container:
        track = container.add_stream_from_template(source.streams.audio[0])
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 160, 90, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(saved("JPEG"))
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
        packet.time_base = Fraction(1, 1000)
        container.start_encoding()
        container.mux(packet)
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = track
                container.mux(packet)
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    with pytest.raises(NotAVideo, match="no video in it, only sound or pictures"):
        VideoReader(path)


@pytest.mark.parametrize("path", ["missing.mp4", "folder.mp4", "pipe.mp4", "nul\0.mp4"])
def test_what_is_no_file_is_refused(tmp_path, path):
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises((NotAVideo, UnreadableVideo)):
        VideoReader(tmp_path / path)


def test_a_video_without_its_index_is_damaged(video, tmp_path):
    """No moov: a recording that was never finished."""
    data = video("h264.mp4").read_bytes()
    path = tmp_path / "unfinished.mp4"
    path.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(UnreadableVideo, match="damaged or incomplete"):
        VideoReader(path)


@pytest.mark.parametrize("name", ["fast.mp4", "h264.mkv", "recorded.ts", "mpeg4.avi"])
def test_a_truncated_video_is_read_up_to_its_end(video, tmp_path, name):
    options = {
        "fast.mp4": {"container_options": (("movflags", "faststart"),)},
        "h264.mkv": {"sound": True},
        "recorded.ts": {"start": 100_000, "sound": True},
        "mpeg4.avi": {"codec": "mpeg4"},
    }[name]
    data = video(name, **options).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * 6 // 10])
    with VideoReader(path) as reader:
        assert number_of(reader.keyframe_at(0).pixels) == 0
        assert number_of(reader.frame_at(0.5).pixels) == 5
        beyond = reader.keyframe_at(3.9)
        assert beyond is None or beyond.time_s < 3
        assert all(frame.time_s < 3.5 for frame in reader.frames(0, 4, 0.5))


def test_frames_of_more_pixels_than_the_limit_are_refused(video):
    path = video("h264.mp4")
    with VideoReader(path, limits=VideoLimits(pixels=160 * 90)) as reader:
        assert reader.keyframe_at(1) is not None
    with pytest.raises(VideoTooLarge, match="160 x 90 pixels; at most 14,399"):
        VideoReader(path, limits=VideoLimits(pixels=160 * 90 - 1))


def test_a_picture_larger_than_stated_is_not_decoded(tmp_path):
    """The header says 16 x 16, the coded picture says 3,200 x 1,800."""
    large = write_video(
        tmp_path / "large.avi", codec="mjpeg", pixel_format="yuvj420p", size=(3200, 1800), frames=2
    )
    data = large.read_bytes()
    path = tmp_path / "lying.avi"
    path.write_bytes(data.replace(struct.pack("<II", 3200, 1800), struct.pack("<II", 16, 16)))
    with pytest.raises((UnreadableVideo, VideoTooLarge)):
        VideoReader(path, limits=VideoLimits(pixels=100_000))
