"""A PNG is read despite damage in chunks that are not needed, and refused for damage in those that are."""

import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from stash_sense.errors import UnreadableImage
from stash_sense.media.photo import load_image

UPRIGHT = [(40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)]
SIGNATURE = 8
ANCILLARY = {
    b"tEXt": b"Comment\0text",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"text"),
    b"iTXt": b"Comment\0\0\0\0\0text",
    b"iCCP": b"profile\0\0" + zlib.compress(b"no profile"),
    b"gAMA": b"\0\0\xb1\x8f",
    b"cHRM": bytes(32),
    b"sRGB": b"\0",
    b"pHYs": b"\0\0\x0b\x13\0\0\x0b\x13\1",
    b"tIME": bytes(7),
    b"bKGD": bytes(6),
    b"sBIT": b"\x08\x08\x08",
    b"tRNS": bytes(6),
    b"eXIf": b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0",
    b"abCd": b"of another program",
}


def chunk(kind, content, wrong=0):
    body = kind + content
    return len(content).to_bytes(4) + body + (zlib.crc32(body) ^ wrong).to_bytes(4)


def chunks(data):
    """Kind and content of each chunk."""
    position, found = SIGNATURE, []
    while position < len(data):
        length = int.from_bytes(data[position : position + 4])
        found.append((data[position + 4 : position + 8], data[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def joined(data, parts):
    return data[:SIGNATURE] + b"".join(parts)


def _near(found):
    return np.abs(np.array(found) - UPRIGHT).max() == 0


@pytest.mark.parametrize("place", [1, -1])
@pytest.mark.parametrize("kind", ANCILLARY)
def test_a_wrong_checksum_where_no_pixel_depends_on_it_is_passed_over(files, centres, kind, place):
    parts = [chunk(*each) for each in chunks(files["PNG"])]
    parts.insert(place, chunk(kind, ANCILLARY[kind], wrong=1))
    assert _near(centres(joined(files["PNG"], parts)))


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"IDAT"])
def test_a_wrong_checksum_that_pixels_depend_on_is_refused(quadrants, encode, kind):
    data = encode(quadrants.quantize(8), "PNG")
    parts = [chunk(*each, wrong=each[0] == kind) for each in chunks(data)]
    with pytest.raises(UnreadableImage, match=f"the checksum of its chunk {kind.decode()} is wrong"):
        load_image(joined(data, parts))


def test_a_wrong_checksum_of_the_end_mark_is_no_damage(files, centres):
    parts = [chunk(*each, wrong=each[0] == b"IEND") for each in chunks(files["PNG"])]
    assert _near(centres(joined(files["PNG"], parts)))


def test_a_critical_chunk_that_is_not_of_png_is_refused(files):
    parts = [chunk(*each) for each in chunks(files["PNG"])]
    with pytest.raises(UnreadableImage, match="CgBI"):
        load_image(joined(files["PNG"], [chunk(b"CgBI", bytes(4)), *parts]))


@pytest.mark.parametrize("kind", [b"acTL", b"fcTL", b"fdAT"])
def test_a_wrong_checksum_in_an_animation_leaves_its_first_picture(quadrants, encode, centres, kind):
    other = Image.new("RGB", quadrants.size)
    data = encode(quadrants, "PNG", save_all=True, append_images=[other], default_image=True)
    parts = [chunk(*each, wrong=each[0] == kind) for each in chunks(data)]
    assert _near(centres(joined(data, parts)))


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_what_inflates_without_end_beside_the_pixels_is_not_inflated(files, centres, kind):
    packed = zlib.compress(bytes(5_000_000), 9)
    head = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
    parts = [chunk(*each) for each in chunks(files["PNG"])]
    parts[1:1] = [chunk(kind, head + packed)] * 50
    assert _near(centres(joined(files["PNG"], parts)))


def test_the_orientation_behind_the_pixels_is_still_heeded(files):
    parts = [chunk(*each) for each in chunks(files["PNG"])]
    parts.insert(-1, chunk(b"eXIf", ANCILLARY[b"eXIf"]))
    assert load_image(joined(files["PNG"], parts)).width == 64


def test_a_png_of_ever_more_chunks_is_refused(files, monkeypatch):
    monkeypatch.setattr(sys.modules["stash_sense.media.png"], "_MAX_CHUNKS", 1000)
    data = files["PNG"]
    with pytest.raises(UnreadableImage, match="too many pieces"):
        load_image(data[:33] + chunk(b"tEXt", b"") * 1000 + data[33:])


def test_all_pixels_without_an_end_chunk_are_read(files, centres):
    assert _near(centres(files["PNG"][:-12]))
