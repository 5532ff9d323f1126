"""Every JPEG that libjpeg decodes is read, and none that lacks pixels, whatever its header and end say."""

import io

import numpy as np
import pytest
from PIL import Image

from media.jpegs import EOI, SOI, sampled_jpeg, segment, segments
from stash_sense.errors import NotAnImage, UnreadableImage
from stash_sense.media.photo import load_image

UPRIGHT = [(40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)]
TRAILERS = {
    "nothing": b"",
    "half an end marker": b"\xff",
    "zeros": bytes(500),
    "text": b"SEFT panorama" * 40,
    "a video": b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 8,
    "segments": b"\xff\xe1\0\x10" + bytes(14) + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + bytes(40),
    "another jpeg": SOI + b"\xff\xe0\0\x04ab" + EOI,
}


LAYOUTS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_blocks": 7},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "sampled 4x2": {},
}


@pytest.fixture(scope="module")
def layouts():
    """Soft noise, 160 x 120 px, in each way of arranging its scans."""
    coarse = np.random.default_rng(2).integers(0, 256, (30, 40, 3), np.uint8)
    noise = Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC)

    def encoded(mode="RGB", **options):
        buffer = io.BytesIO()
        noise.convert(mode).save(buffer, "JPEG", quality=90, **options)
        return buffer.getvalue()

    sampled = sampled_jpeg(np.asarray(noise), [(4, 2), (1, 1), (1, 1)])
    return {name: encoded(**options) for name, options in LAYOUTS.items()} | {"sampled 4x2": sampled}


def _near(found):
    return np.abs(np.array(found) - UPRIGHT).max() <= 8


@pytest.mark.parametrize("stray", [b"\0", b"\0\0\0\0", b"abc", b"\xff\0", b"\x12\xff\xff"], ids=bytes.hex)
def test_stray_bytes_before_any_segment_are_passed_over(files, centres, stray):
    parts = segments(files["JPEG"])
    for place in range(2, len(parts)):
        assert _near(centres(b"".join([*parts[:place], stray, *parts[place:]])))


@pytest.mark.parametrize("version", [b"\0\0", b"\1\5", b"\2\1", b"\xff\xff"], ids=bytes.hex)
def test_a_jfif_header_of_any_version_is_read(files, centres, version):
    assert _near(centres(files["JPEG"].replace(b"JFIF\0\1\1", b"JFIF\0" + version)))


@pytest.mark.parametrize(
    "content", [b"", b"J", b"JFIF\0", b"JFIF\0\1\1\0", b"JFIF\0\1\1\0\0\1\0\1\xff\xff", b"JFXX\0\x10"]
)
def test_a_jfif_header_of_any_length_is_read(files, centres, content):
    parts = segments(files["JPEG"])
    assert _near(centres(b"".join([SOI, segment(0xE0, content), *parts[2:]])))


@pytest.mark.parametrize("with_jfif", [True, False])
@pytest.mark.parametrize("transform", [1, 2, 7, 255])
def test_an_adobe_mark_with_an_unknown_transform_is_read(files, centres, transform, with_jfif):
    parts = segments(files["JPEG"])
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    assert _near(centres(b"".join([SOI, adobe, *parts[1 if with_jfif else 2 :]])))


@pytest.mark.parametrize("content", [b"", b"Adobe", b"Adobe\0\x64\0\0\0\0", b"Other\0\x64\0\0\0\0\7"])
def test_a_short_or_foreign_adobe_mark_is_read(files, centres, content):
    parts = segments(files["JPEG"])
    assert _near(centres(b"".join([SOI, parts[1], segment(0xEE, content), *parts[2:]])))


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xED, 0xEF, 0xFE])
def test_damage_in_a_segment_that_is_not_needed_is_passed_over(files, centres, marker):
    parts = segments(files["JPEG"])
    heads = [
        b"Exif\0\0MM",
        b"ICC_PROFILE\0",
        b"MPF\0II*\0\xff",
        b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff",
        b"",
    ]
    for head in heads:
        assert _near(centres(b"".join([*parts[:2], segment(marker, head), *parts[2:]])))


@pytest.mark.parametrize(
    "sampling",
    [
        [(3, 1), (1, 1), (1, 1)],
        [(1, 1), (2, 2), (2, 2)],
        [(4, 2), (1, 1), (1, 1)],
        [(1, 3), (1, 1), (1, 1)],
        [(2, 2), (2, 1), (1, 2)],
        [(2, 1), (1, 1), (2, 1)],
        [(4, 1), (2, 1), (1, 1)],
        [(2, 2), (2, 2), (1, 1)],
    ],
)
def test_any_chroma_sampling_is_read(quadrants, centres, sampling):
    assert _near(centres(sampled_jpeg(np.asarray(quadrants), sampling)))


def test_unusual_chroma_sampling_is_reduced_like_any_other(layouts):
    image = load_image(layouts["sampled 4x2"], wanted_side=40)
    assert (image.pixels.shape, image.width, image.height) == ((30, 40, 3), 160, 120)


@pytest.mark.parametrize("transform", [2, 9])
def test_ycck_is_read_with_and_without_a_known_transform(quadrants, encode, centres, transform):
    ycc = Image.eval(quadrants, lambda value: 255 - value).convert("YCbCr").split()
    inverted = [Image.eval(channel, lambda value: 255 - value) for channel in ycc]
    data = encode(Image.merge("CMYK", [*inverted, Image.new("L", quadrants.size)]), "JPEG", quality=95)
    place = data.index(b"Adobe") + 11
    assert _near(centres(data[:place] + bytes([transform]) + data[place + 1 :]))


@pytest.mark.parametrize("layout", ["baseline", "progressive", "CMYK"])
def test_a_mended_header_changes_no_pixel(layouts, layout):
    parts = segments(layouts[layout])
    mended = load_image(b"".join([*parts[:2], b"\0\0", *parts[2:]])).pixels
    assert np.array_equal(mended, load_image(layouts[layout]).pixels)


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_pixels_without_an_end_marker_are_read(layouts, layout, trailer):
    whole = load_image(layouts[layout]).pixels
    data = layouts[layout].removesuffix(EOI) + TRAILERS[trailer]
    assert np.array_equal(load_image(data).pixels, whole)


@pytest.mark.parametrize("ending", ["", "an end marker", "zeros", "segments"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_jpeg_that_lacks_pixels_is_refused_however_it_ends(layouts, layout, ending):
    data = layouts[layout]
    rest = {"an end marker": EOI, "zeros": bytes(len(data)), "segments": TRAILERS["segments"] + EOI}
    for part in (0.35, 0.5, 0.75, 0.9, 0.97):
        with pytest.raises(UnreadableImage, match="download it again"):
            load_image(data[: int(len(data) * part)] + rest.get(ending, b""))


@pytest.mark.parametrize("layout", ["with restarts", "progressive with restarts"])
def test_a_jpeg_that_ends_at_a_restart_is_refused(layouts, layout):
    data = layouts[layout]
    for number in range(0xD0, 0xD8):
        cut = data.rindex(bytes([0xFF, number]))
        for end in (cut, cut + 2):
            with pytest.raises(UnreadableImage):
                load_image(data[:end] + EOI)


def test_a_progressive_jpeg_that_lacks_whole_scans_is_refused(layouts):
    data = layouts["progressive"]
    scans = [at for at in range(len(data)) if data.startswith(b"\xff\xda", at)]
    for cut in scans[1:]:
        with pytest.raises(UnreadableImage):
            load_image(data[:cut])


def test_damage_within_the_pixels_of_a_whole_jpeg_is_not_a_reason_to_refuse_it(layouts):
    data = bytearray(layouts["with restarts"])
    middle = len(data) // 2
    data[middle : middle + 4] = b"\x12\x34\x56\x78"
    assert load_image(bytes(data)).width == 160


@pytest.mark.parametrize(("marker", "precision"), [(0xC1, 12), (0xC3, 8), (0xC7, 8), (0xC2, 12)])
def test_a_kind_of_jpeg_that_is_not_read_is_not_called_damaged(files, marker, precision):
    data = files["JPEG"]
    frame = data.index(b"\xff\xc0")
    data = (
        data[:frame]
        + bytes([0xFF, marker])
        + data[frame + 2 : frame + 4]
        + bytes([precision])
        + data[frame + 5 :]
    )
    with pytest.raises(
        NotAnImage, match=r"this kind of JPEG \(.*\) is not read\. Export it as an ordinary JPEG"
    ):
        load_image(data)


def test_an_arithmetic_jpeg_without_an_end_marker_is_refused_since_nothing_tells_whether_it_is_whole(files):
    data = files["JPEG"].replace(b"\xff\xc0", b"\xff\xc9", 1)
    assert load_image(data).width == 96
    with pytest.raises(UnreadableImage, match="its picture data ends early"):
        load_image(data.removesuffix(EOI))
