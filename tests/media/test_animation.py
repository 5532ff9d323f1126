"""Animations: the first frame is the picture; up to eight others, spread to the end, can be looked at."""

from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from stash_sense.errors import ImageTooLarge, UnreadableImage
from stash_sense.media import decode
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import later_frames, load_image

KINDS = ["GIF", "PNG", "WEBP", "AVIF"]
LOSSLESS = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95, "speed": 10, "subsampling": "4:0:0"}}


@pytest.fixture
def animation(encode):
    """An animation whose frames differ in brightness, 5 a frame."""

    def animation(kind, count, size=(48, 40)):
        first, *others = [Image.new("L", size, 5 * number) for number in range(count)]
        options = LOSSLESS.get(kind, {})
        return encode(first, kind, save_all=True, append_images=others, duration=100, **options)

    return animation


def frames(data, **options):
    with closing(later_frames(data, **options)) as images:
        return list(images)


@pytest.mark.parametrize("count", [2, 3, 9, 40])
@pytest.mark.parametrize("kind", KINDS)
def test_the_frames_looked_at_are_spread_to_the_end(animation, kind, count):
    images = frames(animation(kind, count))
    numbers = [image.frame for image in images]
    assert numbers[-1] == count - 1
    assert len(numbers) == min(8, count - 1)
    assert max(np.diff([0, *numbers])) <= -(-count // 8)
    assert [int(image.pixels.mean()) for image in images] == pytest.approx([5 * n for n in numbers], abs=2)


@pytest.mark.parametrize("kind", KINDS)
def test_any_frame_can_be_loaded_by_its_number(animation, kind):
    data = animation(kind, 12)
    loaded = [load_image(data, frame=number) for number in (0, 5, 11)]
    assert [image.frame for image in loaded] == [0, 5, 11]
    assert [int(image.pixels.mean()) for image in loaded] == pytest.approx([0, 25, 55], abs=2)


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_has_several_frames_is_animated(animation, kind):
    assert load_image(animation(kind, 3)).animated
    assert not load_image(animation(kind, 1)).animated
    assert frames(animation(kind, 1)) == []


def test_the_pages_of_a_tiff_are_no_animation(quadrants, encode):
    assert not load_image(encode(quadrants, "TIFF", save_all=True, append_images=[quadrants])).animated


def test_a_frame_that_does_not_exist_is_refused(animation):
    with pytest.raises(UnreadableImage):
        load_image(animation("GIF", 3), frame=3)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_whose_rest_is_missing_still_has_its_first_frame(animation, kind):
    data = animation(kind, 30)
    assert load_image(data[: len(data) * 9 // 10]).width == 48 if kind != "WEBP" else load_image(data).width


def test_of_a_long_animation_only_its_beginning_is_decoded(animation, monkeypatch):
    monkeypatch.setattr(decode, "_ANIMATION_PIXELS", 48 * 40 * 20)
    assert [image.frame for image in frames(animation("GIF", 50))][-1] == 19


def test_the_frames_together_are_held_to_the_limit_of_one_picture(animation):
    with pytest.raises(ImageTooLarge):
        frames(animation("GIF", 3, (400, 300)), limits=MediaLimits(pixels=100_000))
