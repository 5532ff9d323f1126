"""The default pack's real networks on the free samples, with pinned numbers."""

import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

from stash_sense.media.photo import load_image

OBAMAS = ("obama2.jpg", "obama3.jpg", "obama_partial_face.jpg", "obama_partial_face2.jpg")
UPRIGHT_AFTER = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""EXIF orientation -> how an upright picture is stored with it."""


@pytest.fixture(scope="module")
def engine(pack):
    return pack.engine


@pytest.fixture(scope="module")
def obama(samples):
    return load_image(samples / "people/Barack Obama/obama.jpg").pixels


@pytest.fixture(scope="module")
def one(engine):
    """The only face of a picture."""

    def one(picture, *, reference=False):
        ((face,),) = engine.analyze([picture], reference=reference)
        return face

    return one


@pytest.fixture(scope="module")
def distance(pack, one):
    """The fused distance of a probe's face to a reference's."""

    def distance(probe, reference):
        probes, references = one(probe).embeddings, one(reference, reference=True).embeddings
        rows = ({slot: vector[None] for slot, vector in face.items()} for face in (probes, references))
        return float(pack.scorer.fused(*rows)[0, 0])

    return distance


def test_the_detector_finds_the_portrait(one, obama):
    face = one(obama)
    assert face.box == pytest.approx(np.array([378, 85, 605, 417]), abs=4)
    assert face.confidence == pytest.approx(0.905, abs=0.02)


def test_landmarks_lie_in_their_order(one, obama):
    right_eye, left_eye, nose, right_mouth, left_mouth = one(obama).landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_embeddings_are_unit_vectors(one, obama):
    for vector in one(obama).embeddings.values():
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("photo", "expected"), list(zip(OBAMAS, (0.185, 0.161, 0.079, 0.07), strict=True)), ids=OBAMAS
)
def test_photos_of_one_man_are_near_one_another(distance, samples, obama, photo, expected):
    assert distance(load_image(samples / "gallery" / photo).pixels, obama) == pytest.approx(
        expected, abs=0.06
    )


@pytest.mark.parametrize(
    "photo",
    ["people/Joe Biden/biden.jpg", "people/Eileen Collins/astronaut.png", "gallery/grace_hopper.jpg"],
)
def test_other_people_are_far(distance, samples, obama, photo):
    assert distance(load_image(samples / photo).pixels, obama) > 1.1


def test_a_reference_is_nearly_its_own_probe(distance, obama):
    assert distance(obama, obama) < 0.05


def test_there_is_no_face_in_a_cup_of_coffee(engine, samples):
    assert engine.analyze([load_image(samples / "gallery/coffee.png").pixels]) == [[]]


@pytest.mark.parametrize("shape", [(64, 64, 3), (33, 3199, 3), (3199, 33, 3), (1, 1600, 3), (40, 60_000, 3)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_empty_picture_of_any_shape_shows_nobody(engine, shape, value):
    assert engine.analyze([np.full(shape, value, np.uint8)]) == [[]]


def test_noise_does_no_harm(engine):
    noise = np.random.default_rng(0).integers(0, 256, (500, 700, 3), np.uint8)
    (faces,) = engine.analyze([noise], min_confidence=0.0)
    for face in faces:
        assert np.isfinite(face.box).all()
        assert all(np.isfinite(vector).all() for vector in face.embeddings.values())


def test_an_embedding_does_not_depend_on_its_neighbours_in_the_batch(engine, samples, obama):
    others = [load_image(path).pixels for path in sorted((samples / "gallery").iterdir())]
    ((alone,),) = engine.analyze([obama])
    among = engine.analyze([*others[:5], obama, *others[5:]])[5][0]
    for slot, vector in alone.embeddings.items():
        assert np.abs(vector - among.embeddings[slot]).max() < 1e-5


@pytest.mark.parametrize("side", [1500, 700])
def test_a_face_that_fills_the_picture_is_found(engine, obama, side):
    x1, y1, x2, y2 = 370, 90, 610, 410
    factor = side / (y2 - y1)
    close_up = cv2.resize(obama[y1:y2, x1:x2], None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    (faces,) = engine.analyze([close_up])
    assert len(faces) == 1
    width, height = faces[0].box[2:] - faces[0].box[:2]
    assert width * height > 0.6 * close_up.shape[0] * close_up.shape[1]


@pytest.mark.parametrize("turns", [1, 3])
def test_a_lying_portrait_is_found_where_it_lies(one, obama, turns):
    """The box of the turned picture is the upright box turned."""
    upright = one(obama)
    turned = one(np.ascontiguousarray(np.rot90(obama, turns)))
    height, width = obama.shape[:2]
    corners = upright.box.reshape(2, 2)
    for _ in range(turns):
        corners = np.stack([corners[:, 1], width - corners[:, 0]], axis=1)
        width, height = height, width
    expected = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    assert turned.box == pytest.approx(expected, abs=4)


@pytest.mark.parametrize("turns", [1, 3])
def test_a_lying_portrait_has_the_embedding_of_the_upright_one(one, obama, turns):
    turned = one(np.ascontiguousarray(np.rot90(obama, turns)))
    for slot, vector in one(obama).embeddings.items():
        assert float(vector @ turned.embeddings[slot]) > 0.98


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_changes_neither_box_nor_embedding(one, samples, orientation):
    with Image.open(samples / "people/Barack Obama/obama.jpg") as photo:
        upright = photo.convert("RGB")
    stored = upright
    if UPRIGHT_AFTER[orientation] is not None:
        stored = upright.transpose(UPRIGHT_AFTER[orientation])
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    stored.save(buffer, "PNG", exif=exif)
    face = one(load_image(buffer.getvalue()).pixels)
    plain = one(np.ascontiguousarray(np.asarray(upright)[..., ::-1]))
    assert face.box.tolist() == plain.box.tolist()
    for slot, vector in plain.embeddings.items():
        assert np.abs(vector - face.embeddings[slot]).max() < 1e-5


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_face_cut_by_the_border_keeps_its_box_inside(engine, obama, side):
    x1, y1, x2, y2 = 378, 85, 605, 417
    cut = {
        "left": obama[:, x1 + 50 :],
        "top": obama[y1 + 70 :],
        "right": obama[:, : x2 - 50],
        "bottom": obama[: y2 - 70],
    }[side]
    (faces,) = engine.analyze([np.ascontiguousarray(cut)])
    height, width = cut.shape[:2]
    assert len(faces) == 1
    assert (faces[0].box >= 0).all()
    assert (faces[0].box <= [width, height, width, height]).all()


def test_a_picture_that_may_not_be_written_to_is_read(engine, obama):
    frozen = obama.copy()
    frozen.flags.writeable = False
    assert len(engine.analyze([frozen])[0]) == 1


def test_a_view_of_a_picture_is_read_like_its_copy(one, obama):
    """RGB turned to BGR, every second pixel, columns first: pictures come in many strides."""
    for view in (obama[..., ::-1], obama[:, ::-1], obama[::2, ::2], np.asfortranarray(obama)):
        assert one(view).box.tolist() == one(np.ascontiguousarray(view)).box.tolist()


def test_several_threads_share_an_engine(engine, obama):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: engine.analyze([obama])[0][0].embeddings["arcface"], range(8)))
    assert all(np.array_equal(results[0], other) for other in results)
