"""Pictures in, faces out: each with its own embedding, box and landmarks, whatever the batches."""

import numpy as np
import pytest

from stash_sense.domain.faces import Detection
from stash_sense.faces.detect import DetectorSpec, FoundFaces
from stash_sense.faces.embed import Embedder, EmbedderSpec
from stash_sense.faces.engine import EMBED_BATCH, FaceEngine

SPEC = DetectorSpec(main_side=1024, close_side=320, close_share=0.1, operating_point=0.75, turned_score=0.8)


class FakeDetector:
    """Gives the faces it is told for each picture, by the picture's first pixel."""

    spec = SPEC

    def __init__(self, faces):
        self.faces = faces

    def search(self, image, min_confidence, finer=None):
        fine = finer() if finer else image
        return FoundFaces(fine, self.faces[int(image[0, 0, 0])])


@pytest.fixture
def engine(fake_session, template):
    """An engine whose embeddings are the crop's mean colour; with the sessions, to see the batches."""

    def engine(faces):
        sessions = {
            slot: fake_session(lambda blob: {"out": blob.mean(axis=(2, 3))})
            for slot in ("arcface", "facenet")
        }
        spec = EmbedderSpec(112, template, 112, "BGR", "NCHW", 0.0, 1.0, 3)
        embedders = {slot: Embedder(session, spec) for slot, session in sessions.items()}
        return FaceEngine(FakeDetector(faces), embedders), sessions["arcface"]

    return engine


def coloured_squares(count, detection):
    """A picture of `count` squares side by side, each in a colour of its own, and their faces."""
    colours = np.random.default_rng(count).integers(60, 256, (count, 3))
    picture = np.zeros((100, 100 * count, 3), np.uint8)
    for i, colour in enumerate(colours):
        picture[:, 100 * i : 100 * i + 100] = colour
    return picture, [detection(100 * i + 10, 10, 80) for i in range(count)], colours


def test_every_face_has_the_embedding_of_its_own_pixels(engine, detection):
    pictures, faces, colours = [], [], []
    for index, count in enumerate([3, 1, EMBED_BATCH + 2, 2]):
        picture, found, own = coloured_squares(count, detection)
        picture[0, 0, 0] = index
        pictures.append(picture)
        faces.append(found)
        colours.append(own)
    result = engine(faces)[0].analyze(pictures)
    for per_picture, own in zip(result, colours, strict=True):
        for face, colour in zip(per_picture, own, strict=True):
            assert face.embeddings["arcface"] == pytest.approx(colour / np.linalg.norm(colour), abs=0.01)


def test_faces_of_several_pictures_share_batches(engine, detection):
    picture, faces, _ = coloured_squares(3, detection)
    picture[0, 0, 0] = 0
    network, session = engine([faces])
    network.analyze([picture] * 4)
    assert sum(len(blob) for blob in session.seen) == 12
    assert len(session.seen) == -(-12 // EMBED_BATCH)


def test_a_picture_without_a_face_is_an_empty_list(engine, detection):
    picture = np.zeros((50, 50, 3), np.uint8)
    assert engine([[]])[0].analyze([picture, picture]) == [[], []]


def test_no_pictures_are_no_lists(engine):
    assert engine([])[0].analyze([]) == []


def test_a_box_is_clamped_to_the_picture(engine, detection):
    (face,) = engine([[detection(-20, -30, 200)]])[0].analyze([np.zeros((100, 120, 3), np.uint8)])[0]
    assert face.box.tolist() == [0, 0, 120, 100]


def test_a_face_without_usable_landmarks_is_left_out(engine, detection):
    good, bad = detection(10, 10, 80), Detection(np.zeros(4, np.float32), 0.9, np.zeros((5, 2), np.float32))
    (faces,) = engine([[bad, good]])[0].analyze([np.zeros((100, 100, 3), np.uint8)])
    assert [face.box.tolist() for face in faces] == [[10, 10, 90, 90]]


def test_faces_of_a_finer_picture_are_in_pixels_of_the_given_one_and_embedded_from_the_finer(
    engine, detection
):
    fine = np.zeros((400, 800, 3), np.uint8)
    fine[..., 1] = 200
    network, session = engine([[detection(200, 100, 80)]])
    (face,) = network.analyze([np.zeros((100, 200, 3), np.uint8)], finer=lambda: lambda: fine)[0]
    assert face.box.tolist() == [50, 25, 70, 45]
    assert (face.landmarks > [50, 25]).all()
    assert (face.landmarks < [70, 45]).all()
    assert session.seen[0].mean(axis=(0, 2, 3)).tolist() == [0, 200, 0]
    assert face.quality.size == 80


def test_confidence_is_calibrated(engine, detection):
    found = [detection(10, 10, 80, score=SPEC.operating_point)]
    (face,) = engine([found])[0].analyze([np.zeros((100, 100, 3), np.uint8)])[0]
    assert face.confidence == 0.5
