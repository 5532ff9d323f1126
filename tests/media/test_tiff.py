"""Every layout of a TIFF comes out right or is refused as a kind that is not read, never as damaged."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from media.tiffs import Layout, tiff
from stash_sense.errors import NotAnImage, UnreadableImage
from stash_sense.media.photo import load_image

HEIGHT, WIDTH = 40, 56
CENTRES = [(24, 16), (72, 16), (24, 48), (72, 48)]
GREY_RAMP = np.tile(np.linspace(0, 1, WIDTH), (HEIGHT, 1))[..., None]
FALLING = np.tile(np.linspace(1, 0, HEIGHT)[:, None], WIDTH)[..., None]
COLOURS = np.concatenate([GREY_RAMP, GREY_RAMP[:, ::-1], FALLING], 2)
UPRIGHT = [(40, 40, 220), (40, 200, 40), (220, 60, 60), (190, 190, 190)]
SHOWN = {0: GREY_RAMP, 1: GREY_RAMP, 2: COLOURS, 3: GREY_RAMP, 5: COLOURS, 6: COLOURS, 8: None}
"""What each meaning of the samples shows, 0 to 1; nothing where only a refusal is right."""
REFUSAL = re.compile(r"this kind of TIFF is not read \(.+\); export it as JPEG and send that\.$")

READ = [
    *(Layout(0, bits) for bits in (1, 4, 8, 16)),
    Layout(0, 4, reversed_bits=True),
    Layout(0, 16, compression=8, tiled=True),
    *(Layout(1, bits) for bits in (1, 2, 4, 8, 12, 16)),
    *(Layout(1, bits, planar=True) for bits in (4, 8, 16)),
    *(Layout(1, 32, kind) for kind in "if"),
    Layout(1, extra=(2,)),
    Layout(1, 16, big_endian=True),
    *(Layout(2, bits, big_endian=True) for bits in (8, 16)),
    *(Layout(2, bits, big_tiff=True) for bits in (8, 16)),
    *(Layout(2, bits, extra=(alpha,)) for bits in (8, 16) for alpha in (0, 1, 2)),
    *(Layout(2, bits, planar=True) for bits in (8, 16)),
    Layout(2, 16, planar=True, big_endian=True),
    Layout(2, 16, planar=True, extra=(2,)),
    Layout(2, 16, planar=True, compression=8, predictor=2, tiled=True),
    Layout(2, 16, compression=8, predictor=2),
    *(Layout(3, bits) for bits in (1, 2, 4, 8)),
    *(Layout(5, bits, planar=planar) for bits in (8, 16) for planar in (False, True)),
]


def stored(layout):
    """The samples, as numbers, of what `SHOWN` has for their meaning."""
    shown = SHOWN[layout.photometric]
    values = GREY_RAMP.repeat(3, 2) if shown is None else shown
    if layout.photometric in (0, 5):
        values = 1 - values
    if layout.photometric == 5:
        values = np.concatenate([values, np.zeros_like(GREY_RAMP)], 2)
    white = {"u": 2.0**layout.bits - 1, "i": 2.0 ** (layout.bits - 1) - 1, "f": 1.0}[layout.kind]
    values = np.concatenate([values] + [np.ones_like(GREY_RAMP)] * len(layout.extra), 2) * white
    if layout.kind == "f":
        return values
    return np.rint(values).astype(f"{layout.kind}{max(1, 2 ** (layout.bits - 1).bit_length() // 8)}")


def written(layout):
    if layout.photometric == 3:
        palette = np.rint(np.arange(2**layout.bits) * 65535 / (2**layout.bits - 1)).astype(int).tolist()
        layout = replace(layout, tags=((320, "H", tuple(palette * 3)),))
    return tiff(stored(layout), layout)


def is_right(layout, pixels):
    shown = SHOWN[layout.photometric]
    steps = 2 ** min(layout.bits, 8) - 1
    return shown is not None and np.abs(pixels[..., ::-1] / 255 - shown).max() <= 0.01 + 0.5 / steps


@pytest.mark.parametrize("layout", READ, ids=str)
def test_a_usual_layout_comes_out_right(layout):
    assert is_right(layout, load_image(written(layout)).pixels)


def every_layout(meaning):
    """Those that the generator can write."""
    flags = [False, True]
    for bits, kind, *rest in itertools.product(
        [1, 2, 4, 8, 12, 16, 32, 64], "uif", flags, flags, [1, 8], [1, 2], flags,
        [(), (0,), (1,), (2,), (2, 0)], flags, flags,
    ):  # fmt: skip
        layout = Layout(meaning, bits, kind, *rest)
        several = meaning in (2, 5, 6, 8) or layout.extra
        differences = layout.compression == 8 and kind != "f" and bits in (8, 16, 32)
        if (
            (bits >= {"u": 1, "i": 8, "f": 16}[kind] and (bits != 64 or kind == "f"))
            and (bits in (8, 16, 32, 64) or not (several or kind == "i"))
            and (bits <= 8 or meaning != 3)
            and (layout.predictor == 1 or differences)
        ):
            yield layout


@pytest.mark.parametrize("meaning", SHOWN)
def test_any_layout_comes_out_right_or_is_refused_as_its_kind(meaning, torture):
    outcomes = set()
    for layout in itertools.islice(every_layout(meaning), None, None, 1 if torture else 29):
        try:
            pixels = load_image(written(layout)).pixels
        except NotAnImage as error:
            outcome = str(error)
        else:
            outcome = "right" if is_right(layout, pixels) else f"wrong: {layout}"
        outcomes.add("refused" if REFUSAL.search(outcome) else outcome)
    assert outcomes == ({"refused"} if meaning in (6, 8) else {"right", "refused"})


@pytest.mark.parametrize("compression", [6, 34676, 34712, 34887, 34925, 50000, 50001, 50002, 52546, 12345])
def test_what_is_packed_in_an_unread_way_is_not_called_damaged(compression):
    data = tiff(stored(Layout(2)), Layout(2, compression=compression))
    with pytest.raises(NotAnImage, match=r"this kind of TIFF is not read \(.* inside\); export it as JPEG"):
        load_image(data)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_each_usual_compression_is_read(quadrants, encode, centres, mode, compression):
    picture = quadrants.convert(mode)
    data = encode(picture, "TIFF", compression=compression)
    expected = [picture.convert("RGB").getpixel(place)[::-1] for place in CENTRES]
    assert np.abs(np.array(centres(data)) - expected).max() <= 12


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_is_read(encode, compression):
    picture = Image.linear_gradient("L").convert("1", dither=Image.Dither.NONE)
    pixels = load_image(encode(picture, "TIFF", compression=compression)).pixels
    assert np.array_equal(pixels[..., 0], np.asarray(picture.convert("L")))


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("layout", [Layout(2, 16, planar=True), Layout(2), Layout(1, compression=8)], ids=str)
def test_a_tiff_cut_short_is_still_called_damaged(layout, part):
    data = written(layout)
    directory = int.from_bytes(data[4:8], "little")
    pixels = int((directory - 8) * part)
    moved = data[:4] + (8 + pixels).to_bytes(4, "little") + data[8 : 8 + pixels] + data[directory:]
    for cut in (data[: int(len(data) * part)], moved[: 8 + pixels + 10]):
        with pytest.raises(UnreadableImage, match="download it again"):
            load_image(cut)


def test_each_of_a_tiff_s_pages_but_the_first_is_left_alone(quadrants, encode, centres):
    data = encode(quadrants, "TIFF", save_all=True, append_images=[Image.new("F", (64, 64))])
    assert np.abs(np.array(centres(data)) - UPRIGHT).max() <= 1
