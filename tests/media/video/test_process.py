"""The decoding process: replaced when it fails, limited, told no secrets, and gone afterwards."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fakes.videos import number_of
from stash_sense.errors import BadInput, Cancelled, StashUnreachable, UnreadableVideo, VideoTooLarge
from stash_sense.media.video import process as process_module
from stash_sense.media.video.frames import VideoLimits
from stash_sense.media.video.messages import FRAME, INFO, NO_FRAME
from stash_sense.media.video.reader import VideoReader
from stash_sense.media.video.requests import Requests
from waiting import until

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


class Ranges:
    """A range source; it fails while `error` is set."""

    name = "The video of scene 1"

    def __init__(self, data):
        self.data, self.size, self.error, self.bytes_read, self.reads = data, len(data), None, 0, 0

    def read_at(self, offset, count):
        self.reads += 1
        if self.error:
            raise self.error
        data = self.data[offset : offset + count]
        self.bytes_read += len(data)
        return data


def pid_of(reader):
    return reader._process._process.pid


def is_gone(pid):
    """Whether a process has ended, be it that nobody has asked for its status yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_process_that_was_killed_is_replaced(video):
    with VideoReader(video("h264.mp4")) as reader:
        os.kill(pid_of(reader), signal.SIGKILL)
        assert number_of(reader.keyframe_at(1).pixels) == 10


def test_an_interrupt_from_the_terminal_is_the_readers_alone(video):
    with VideoReader(video("h264.mp4")) as reader:
        os.kill(pid_of(reader), signal.SIGINT)
        pid = pid_of(reader)
        assert number_of(reader.keyframe_at(1).pixels) == 10
        assert pid_of(reader) == pid


def test_a_process_that_hangs_is_replaced(video):
    with VideoReader(video("h264.mp4")) as reader:
        os.kill(pid_of(reader), signal.SIGSTOP)
        reader._process._seconds = 0.1
        assert number_of(reader.keyframe_at(1).pixels) == 10


def test_a_call_in_which_the_process_fails_twice_is_an_error(video, monkeypatch):
    with VideoReader(video("h264.mp4")) as reader:
        monkeypatch.setattr(process_module, "_START", "pass")
        os.kill(pid_of(reader), signal.SIGKILL)
        with pytest.raises(UnreadableVideo, match=r"^h264\.mp4: decoding it failed twice"):
            reader.keyframe_at(1)
        monkeypatch.undo()
        assert number_of(reader.keyframe_at(1).pixels) == 10


LIES = {
    "noise": "b'hello, this is no message'",
    "a huge message": "b'I\\xff\\xff\\xff\\xff'",
    "a list": "b'I\\0\\0\\0\\2[]'",
    "a deep one": "b'I\\0\\0\\x20\\0' + b'[' * 8192",
    "no fields": "b'I\\0\\0\\0\\2{}'",
    "a frame nobody asked for": "pack(b'F', {'height': 1, 'row_bytes': 3}) + bytes(3)",
    "a frame too large": "pack(b'F', {'height': 1 << 40, 'row_bytes': 3})",
    "bytes from before the file": "pack(b'R', {'offset': -5, 'count': 3})",
    "nothing is asked for": "pack(b'R', {})",
    "no number": "pack(b'I', {'duration_s': float('nan'), 'width': 'x', 'height': []})",
    "a number without end": "pack(b'I', {'duration_s': 10 ** 400, 'width': 1, 'height': 1})",
}


@pytest.mark.parametrize("lie", LIES)
def test_nothing_that_the_process_says_is_believed(video, monkeypatch, lie):
    start = "import sys, os; sys.path += sys.argv[1:]; from stash_sense.media.video.messages import pack; "
    monkeypatch.setattr(process_module, "_START", start + f"os.write(1, {LIES[lie]}); os.close(1)")
    with pytest.raises(UnreadableVideo):
        VideoReader(video("h264.mp4"))


def test_ranges_are_read_as_a_file_is(video):
    source = Ranges(video("h264.mp4").read_bytes())
    with VideoReader(source) as reader:
        assert [number_of(frame.pixels) for frame in reader.frames(0, 3, 1)] == [0, 10, 20, 30]
    assert source.bytes_read


def test_an_error_of_the_source_passes_as_it_is_and_is_not_tried_again(video):
    source = Ranges(video("h264.mp4").read_bytes())
    with VideoReader(source) as reader:
        os.kill(pid_of(reader), signal.SIGKILL)
        source.error, source.reads = StashUnreachable("Stash is away."), 0
        with pytest.raises(StashUnreachable, match=r"^Stash is away\.$"):
            reader.keyframe_at(3)
        assert source.reads == 1
        source.error = None
        assert number_of(reader.keyframe_at(3).pixels) == 30


def test_closing_ends_a_call_of_another_thread(video):
    reader = VideoReader(video("h264.mp4"))
    os.kill(pid_of(reader), signal.SIGSTOP)
    errors = []

    def call():
        try:
            reader.keyframe_at(1)
        except Cancelled as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    until(reader._call.locked)
    reader.close()
    thread.join(60)
    assert len(errors) == 1
    with pytest.raises(Cancelled):
        reader.frame_at(0)


@linux
def test_nothing_is_left_of_it(video):
    def left():
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
        return len(list(Path("/proc/self/fd").iterdir())), set(children), threading.active_count()

    before = left()
    for _ in range(3):
        with VideoReader(video("h264.mp4")) as reader:
            os.kill(pid_of(reader), signal.SIGKILL)
            reader.keyframe_at(1)
        with pytest.raises(BadInput):
            VideoReader(video("h264.mp4"), limits=VideoLimits(pixels=10))
    # Not more than before: what an earlier test left may end meanwhile.
    until(lambda: all(now <= then for now, then in zip(left(), before, strict=True)))


@linux
def test_it_holds_the_video_and_its_pipes_and_knows_no_secret(video, monkeypatch):
    monkeypatch.setenv("STASH_API_KEY", "a-secret-key")
    path = video("h264.mp4")
    with VideoReader(path) as reader:
        reader.keyframe_at(1)
        process = Path(f"/proc/{pid_of(reader)}")
        held = {str(file.readlink()) for file in (process / "fd").iterdir()}
        assert {name for name in held if not name.startswith("pipe:")} == {str(path), "/dev/null"}
        assert b"a-secret-key" not in (process / "environ").read_bytes() + (process / "cmdline").read_bytes()


@linux
def test_it_ends_with_a_reader_that_is_killed_at_work(video):
    script = (
        "import sys; from pathlib import Path; from stash_sense.media.video.reader import VideoReader\n"
        "reader = VideoReader(Path(sys.argv[1])); print(reader._process._process.pid, flush=True)\n"
        "while True: reader.frame_at(0.9)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, video("h264.mp4")], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    with parent:
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    until(lambda: is_gone(pid))


@linux
def test_memory_is_limited(video):
    path = video("large-frames.avi", codec="mjpeg", pixel_format="yuvj420p", size=(4000, 3000), frames=1)
    with pytest.raises((VideoTooLarge, UnreadableVideo)):
        VideoReader(path, limits=VideoLimits(memory_bytes=150_000_000))
    with VideoReader(path) as reader:
        assert reader.info.width == 4000


def test_a_frame_too_far_from_a_keyframe_is_none(video):
    opening = {"pixels": 100_000, "seconds": 30, "longest_side": 100, "most_scanned": 0}
    with video("one-keyframe.mp4", gop=1000).open("rb") as file:
        requests = Requests(file, opening)
        assert requests.answer(opening)[0].startswith(INFO)
        assert requests.answer({"what": "frame_at", "time_s": 3.0})[0].startswith(FRAME)
        requests._decoder._seconds = -1
        assert requests.answer({"what": "frame_at", "time_s": 3.0})[0].startswith(NO_FRAME)
