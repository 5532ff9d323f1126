"""What is no picture, or no whole one, is refused with a sentence a person can act on; nothing hangs."""

import os
import pickle
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from stash_sense.errors import BadInput, NotAnImage, UnreadableImage
from stash_sense.media.photo import load_image

FORMATS = ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]
OTHER_FILES = {
    "is empty": b"",
    "is text": b"Dear diary, today I was photographed.",
    "is a web page": b"\n<!DOCTYPE html><title>404</title>",
    "is an SVG drawing": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "is an MP4 or QuickTime video": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41",
    "is a Matroska or WebM video": b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x23",
    "is an AVI video": b"RIFF\x24\x10\0\0AVI LIST",
    "is a PDF document": b"%PDF-1.7\n",
    "is a Photoshop document": b"8BPS\0\1\0\0",
    "is a PostScript document": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "is an archive": b"PK\x03\x04\x14\0\0\0",
    "is a JPEG XL picture": b"\xff\x0a\xfa\x1f",
    "is in no known picture format": bytes(range(200, 256)) + b"\0\1",
}


@pytest.fixture
def photo(tmp_path):
    return tmp_path / "photo.jpg"


@pytest.mark.parametrize("what", OTHER_FILES)
def test_what_is_no_picture_is_named(photo, what):
    photo.write_bytes(OTHER_FILES[what])
    with pytest.raises(NotAnImage, match=f"^photo.jpg: {what}.* JPEG, PNG, .* are accepted"):
        load_image(photo)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\x0a\xfa\x1f",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\xff\x4f\xff\x51\0\x2f",
    ],
)
def test_a_picture_of_a_format_that_is_not_read_is_to_be_exported_as_jpeg(data):
    with pytest.raises(
        NotAnImage, match=r"is a JPEG (XL|2000) picture; .* Export it as JPEG and send that\.$"
    ):
        load_image(data)


def test_text_that_begins_like_a_bitmap_is_text():
    with pytest.raises(NotAnImage, match="is text"):
        load_image(b"BMW, Audi and other names of cars")


def test_a_name_may_be_given_for_bytes():
    with pytest.raises(NotAnImage, match=r"^Image 12: is empty"):
        load_image(b"", name="Image 12")


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_cut_short_is_refused(files, kind, part):
    data = files[kind]
    with pytest.raises(UnreadableImage, match="download it again"):
        load_image(data[: int(len(data) * part)])


def test_a_jpeg_that_lacks_its_last_rows_is_refused(noisy_jpeg):
    with pytest.raises(UnreadableImage, match="its picture data ends early"):
        load_image(noisy_jpeg[: len(noisy_jpeg) * 95 // 100])


def test_a_jpeg_whose_rest_is_still_empty_space_is_refused(noisy_jpeg):
    half = len(noisy_jpeg) // 2
    with pytest.raises(UnreadableImage, match="its picture data ends early"):
        load_image(noisy_jpeg[:half] + bytes(half))


def test_a_progressive_jpeg_cut_short_is_refused(noise, encode):
    data = encode(noise, "JPEG", progressive=True)
    with pytest.raises(UnreadableImage):
        load_image(data[: len(data) // 2])


def test_an_exif_thumbnail_does_not_pass_for_the_end_of_a_cut_jpeg(noise, noisy_jpeg, encode):
    thumbnail = b"Exif\0\0" + encode(noise.resize((64, 48)), "JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    cut = noisy_jpeg[: len(noisy_jpeg) // 2]
    with pytest.raises(UnreadableImage):
        load_image(cut[:2] + segment + cut[2:])


@pytest.mark.parametrize("length", range(3, 40))
def test_a_jpeg_cut_within_its_first_bytes_is_refused(files, length):
    with pytest.raises(UnreadableImage):
        load_image(files["JPEG"][:length])


def test_a_missing_file_is_refused(photo):
    with pytest.raises(UnreadableImage, match=r"^photo.jpg: no such file"):
        load_image(photo)


def test_a_file_that_vanishes_before_it_is_opened_is_refused(photo, files, monkeypatch):
    photo.write_bytes(files["JPEG"])
    whole = os.open

    def vanish(path, flags):
        photo.unlink()
        return whole(path, flags)

    monkeypatch.setattr(os, "open", vanish)
    with pytest.raises(UnreadableImage, match="no such file"):
        load_image(photo)


def test_a_file_that_may_not_be_read_is_refused(photo, files, monkeypatch):
    photo.write_bytes(files["JPEG"])

    def refuse(path, flags):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UnreadableImage, match=r"permission denied\. Let the user that runs Stash Sense"):
        load_image(photo)


def test_a_disk_error_is_a_refusal_with_its_reason(photo, files, monkeypatch):
    photo.write_bytes(files["JPEG"])

    def fail(path, flags):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(UnreadableImage, match="Input/output error"):
        load_image(photo)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(NotAnImage, match="is a folder"):
        load_image(tmp_path)


def test_a_pipe_is_refused_without_waiting(photo):
    os.mkfifo(photo)
    with pytest.raises(NotAnImage, match="is a pipe, a socket or a device"):
        load_image(photo)


def test_a_pipe_that_takes_a_file_s_place_is_refused_without_waiting(photo, files, monkeypatch):
    photo.write_bytes(files["JPEG"])
    regular = photo.stat()
    photo.unlink()
    os.mkfifo(photo)
    monkeypatch.setattr(Path, "stat", lambda path, **_: regular)
    with pytest.raises(NotAnImage, match="is a pipe"):
        load_image(photo)


def test_a_socket_is_refused(photo):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(photo))
        with pytest.raises(NotAnImage, match="is a pipe"):
            load_image(photo)


def test_a_device_is_refused():
    with pytest.raises(NotAnImage, match="is a pipe, a socket or a device"):
        load_image(Path("/dev/zero"))


def test_a_link_to_itself_is_refused(photo):
    photo.symlink_to(photo)
    with pytest.raises(UnreadableImage, match="cannot be read"):
        load_image(photo)


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 300 + ".jpg"])
def test_an_impossible_path_is_refused(tmp_path, name):
    with pytest.raises(UnreadableImage, match="cannot be read"):
        load_image(tmp_path / name)


@pytest.mark.parametrize("name", ["Zoë 'X' \"Y\" <b>.jpg", "\u05d0\u05d1\u05d2.jpg", "\U0001f600.jpg"])
def test_an_unusual_name_is_kept_in_the_message(tmp_path, name):
    with pytest.raises(UnreadableImage) as caught:
        load_image(tmp_path / name)
    assert str(caught.value).startswith(f"{name}: ")


def test_a_name_that_is_not_utf_8_makes_a_message_that_can_be_written(tmp_path):
    with pytest.raises(UnreadableImage) as caught:
        load_image(tmp_path / os.fsdecode(b"b\xff.jpg"))
    assert str(caught.value).encode().startswith("b\ufffd.jpg: ".encode())


def test_the_bytes_of_a_video_are_not_read(photo, monkeypatch):
    photo.write_bytes(OTHER_FILES["is an AVI video"] + bytes(2**20))
    read = []
    whole = os.fdopen

    class Counting:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def fileno(self):
            return self.file.fileno()

        def read(self, count):
            read.append(count)
            return self.file.read(count)

    monkeypatch.setattr(os, "fdopen", lambda *args: Counting(whole(*args)))
    with pytest.raises(NotAnImage):
        load_image(photo)
    assert sum(read) == 64


def test_a_camera_raw_file_is_refused_for_its_thumbnail(quadrants, encode):
    data = encode(quadrants, "TIFF", tiffinfo={254: 1})
    with pytest.raises(NotAnImage, match="camera's raw file"):
        load_image(data)


def test_errors_survive_the_way_between_processes():
    with pytest.raises(BadInput) as caught:
        load_image(b"")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_no_file_stays_open(photo, files):
    photo.write_bytes(files["JPEG"])
    opened = Path("/proc/self/fd")
    before = len(list(opened.iterdir()))
    load_image(photo)
    assert len(list(opened.iterdir())) == before


def test_many_threads_decode_the_same(files):
    expected = {kind: load_image(files[kind]).pixels for kind in FORMATS}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda kind: (kind, load_image(files[kind]).pixels), FORMATS * 20))
    assert all(np.array_equal(pixels, expected[kind]) for kind, pixels in found)


def test_a_file_is_not_changed_by_reading_it(photo, files):
    photo.write_bytes(files["HEIC"])
    photo.chmod(stat.S_IRUSR)
    load_image(photo)
    assert photo.read_bytes() == files["HEIC"]
