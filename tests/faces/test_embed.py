"""What an embedding network is fed: colour, layout, numbers, size and mirror images as its pack says."""

import dataclasses

import numpy as np
import pytest

from stash_sense.faces.embed import Embedder, EmbedderSpec, unit_rows

SIDE = 8


@pytest.fixture
def spec(template):
    return EmbedderSpec(
        crop_side=SIDE,
        template=template,
        side=SIDE,
        colour="BGR",
        layout="NCHW",
        mean=0.0,
        scale=1.0,
        dimension=3,
    )


@pytest.fixture
def fed(fake_session):
    """What a network of a spec is fed for these crops, call by call."""

    def fed(spec, crops, *, reference=False):
        session = fake_session(lambda blob: {"out": np.ones((len(blob), spec.dimension), np.float32)})
        Embedder(session, spec).embed(crops, reference=reference)
        return session.seen

    return fed


@pytest.fixture
def crops():
    return list(np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8))


def test_planes_of_the_crop_as_it_is(spec, fed, crops):
    (blob,) = fed(spec, crops)
    assert blob.dtype == np.float32
    assert (blob == np.stack(crops).transpose(0, 3, 1, 2)).all()


def test_the_colours_turned_for_a_network_of_rgb(spec, fed, crops):
    (blob,) = fed(dataclasses.replace(spec, colour="RGB"), crops)
    assert (blob == np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2)).all()


def test_rows_of_pixels_for_a_network_of_nhwc(spec, fed, crops):
    (blob,) = fed(dataclasses.replace(spec, layout="NHWC"), crops)
    assert (blob == np.stack(crops)).all()


def test_mean_and_scale_applied(spec, fed, crops):
    (blob,) = fed(dataclasses.replace(spec, mean=127.5, scale=128.0), crops)
    assert np.allclose(blob, (np.stack(crops).transpose(0, 3, 1, 2) - 127.5) / 128, atol=1e-6)


def test_a_crop_of_another_side_is_resized(spec, fed):
    grey = np.full((SIDE, SIDE, 3), 77, np.uint8)
    (blob,) = fed(dataclasses.replace(spec, side=12), [grey])
    assert blob.shape == (1, 3, 12, 12)
    assert (blob == 77).all()


def test_all_at_once_as_the_community_pack_wants_it(spec, fed):
    """FaceNet512: a 112 px crop in 160 px, RGB, rows of pixels, -1 to 1."""
    community = dataclasses.replace(
        spec, crop_side=112, side=160, colour="RGB", layout="NHWC", mean=127.5, scale=127.5
    )
    orange = np.full((112, 112, 3), (0, 128, 255), np.uint8)
    (blob,) = fed(community, [orange])
    assert blob.shape == (1, 160, 160, 3)
    assert np.allclose(blob, [1, 0.5 / 127.5, -1], atol=1e-6)


@pytest.mark.parametrize(("layout", "across"), [("NCHW", 3), ("NHWC", 2)])
def test_a_reference_is_seen_in_the_mirror_too(spec, fed, crops, layout, across):
    plain, mirrored = fed(dataclasses.replace(spec, layout=layout), crops, reference=True)
    assert (mirrored == np.flip(plain, axis=across)).all()


def test_a_probe_is_not_mirrored_by_default(spec, fed, crops):
    assert len(fed(spec, crops)) == 1


def test_a_probe_is_mirrored_where_the_pack_says_always(spec, fed, crops):
    assert len(fed(dataclasses.replace(spec, mirror="always"), crops)) == 2


def test_both_sides_count_the_same_in_the_average(spec, fake_session):
    """Each is scaled to length 1 before they are added."""
    answers = iter([[[3.0, 0.0, 0.0]], [[0.0, 400.0, 0.0]]])
    session = fake_session(lambda _: {"out": np.array(next(answers), np.float32)})
    (vector,) = Embedder(session, spec).embed([np.zeros((SIDE, SIDE, 3), np.uint8)], reference=True)
    assert vector == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0])


def test_an_output_of_any_shape_is_a_row_a_face(spec, fake_session):
    session = fake_session(lambda blob: {"out": np.ones((len(blob), 3, 1, 1), np.float32)})
    vectors = Embedder(session, spec).embed([np.zeros((SIDE, SIDE, 3), np.uint8)] * 2, reference=False)
    assert vectors.shape == (2, 3)


def test_no_faces_are_no_rows_and_no_call(spec, fake_session):
    session = fake_session(lambda blob: {})
    assert Embedder(session, spec).embed([], reference=True).shape == (0, 3)
    assert session.seen == []


def test_rows_are_scaled_to_length_one():
    assert unit_rows(np.array([[3.0, 4.0], [0.1, 0.0]], np.float32)) == pytest.approx(
        np.array([[0.6, 0.8], [1, 0]])
    )


def test_a_row_of_zeros_stays():
    assert unit_rows(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]
