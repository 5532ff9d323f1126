"""A video opens no file and no address but its own bytes, whatever it says."""

import os
import re
import shutil
import socket
import struct
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("strace"), reason="needs strace, which shows what a process opens"),
]

READS = """
import sys
from pathlib import Path
from stash_sense.errors import BadInput
from stash_sense.media.video.reader import VideoReader
for path in map(Path, sys.argv[1:]):
    try:
        with VideoReader(path) as reader:
            reader.keyframe_at(1), reader.frame_at(1.5), list(reader.frames(0, 3, 1))
        print(path.name, "read")
    except BadInput as error:
        print(path.name, type(error).__name__)
"""

OF_THE_PROGRAM = re.compile(
    r"\.(py|pyc|so|so\.[\d.]+|zip|pth|cfg|gz)$|/(lib|lib64|python[\d.]*|site-packages|bin)/|^/(etc|proc|sys|dev|usr)/"
)


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def with_references(data, reference):
    """An MP4, its index at the end, whose samples are said to lie in another file."""
    old = box(b"url ", b"\0\0\0\1")
    new = box(b"url ", b"\0\0\0\0" + reference.encode() + b"\0")
    place = data.index(old)
    data = bytearray(data.replace(old, new))
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = data.rindex(kind, 0, place) - 4
        (size,) = struct.unpack_from(">I", data, start)
        struct.pack_into(">I", data, start, size + len(new) - len(old))
    return bytes(data)


@pytest.fixture
def address():
    """Of a server that remembers whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/secret"
        with pytest.raises(BlockingIOError):
            server.accept()


def texts(targets):
    """Files that only refer to others, by the extension that they pretend to have."""
    segments = "".join(f"#EXTINF:10,\n{target}\n" for target in targets)
    files = "".join(f"file '{target}'\n" for target in targets)
    addresses = "".join(f"<BaseURL>{target}</BaseURL>" for target in targets)
    return {
        "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n{segments}#EXT-X-ENDLIST\n",
        "concat.mkv": f"ffconcat version 1.0\n{files}",
        "neighbour.mkv": f"ffconcat version 1.0\nfile '{targets[1]}'\n",
        "dash.webm": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period>"
        f"<AdaptationSet><Representation>{addresses}</Representation></AdaptationSet></Period></MPD>",
        "session.avi": f"v=0\no=- 0 0 IN IP4 127.0.0.1\na=control:{targets[-1]}\nm=video 5004 RTP/AVP 96\n",
    }


def test_what_a_video_refers_to_is_not_opened(video, tmp_path, address):
    canary = tmp_path / "canary.ts"
    canary.write_bytes(video("recorded.ts", start=100_000, sound=True).read_bytes())
    plain = video("h264.mp4").read_bytes()
    contents = {name: text.encode() for name, text in texts([canary, canary.name, address]).items()}
    contents |= {
        "good.mp4": plain,
        "file.mov": with_references(plain, str(canary)),
        "address.mov": with_references(plain, address),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    log = tmp_path / "log"
    done = subprocess.run(
        ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "200",
         "-e", "trace=open,openat,connect,socket,execve", "-o", log,
         sys.executable, "-c", READS, *(tmp_path / name for name in contents)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "ptrace" in done.stderr:
        pytest.skip("this machine lets nobody trace a process")
    assert done.returncode == 0, done.stderr
    assert "good.mp4 read" in done.stdout
    calls = log.read_text("utf-8", "replace")
    assert len(re.findall(r"execve\(", calls)) > len(contents)  # the decoding processes are traced too
    assert not re.search(r"\b(connect|socket)\(", calls)
    files = [line for line in calls.splitlines() if "O_DIRECTORY" not in line]
    opened = set(re.findall(r'open(?:at)?\([^"]*"([^"]*)"', "\n".join(files)))
    assert str(canary) not in opened
    strange = {path for path in opened if not OF_THE_PROGRAM.search(path)}
    assert strange == {str(tmp_path / name) for name in contents}
