"""Photos to faces: in order, past bad ones, in bounded memory, and stopped at once when asked."""

import os
import threading
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stash_sense.domain.faces import EmbeddedFace, Quality
from stash_sense.machine import usable_cores
from stash_sense.recognition import analysis
from stash_sense.recognition.analysis import BATCHES_AHEAD, PHOTOS_PER_BATCH, analyze_photos


@pytest.fixture
def read(colours):
    return lambda paths: list(analyze_photos(paths, colours.engine, min_confidence=0.5))


@pytest.fixture
def many(tmp_path, photo):
    """Forty photos, alternately red and without a face."""
    return [photo(tmp_path / f"{i}.png", "black" if i % 2 else "red") for i in range(40)]


def test_the_order_is_the_order_of_the_paths(read, many):
    shuffled = [many[i] for i in np.random.default_rng(0).permutation(len(many))]
    assert [one.path for one in read(shuffled)] == shuffled


def test_each_photo_has_its_own_faces(read, many):
    assert [len(one.faces) for one in read(many)] == [1, 0] * 20


def test_no_photos_are_nothing(read):
    assert read([]) == []


def test_a_bad_photo_is_an_entry_and_the_rest_goes_on(read, many):
    many[3].write_bytes(b"")
    many[4].write_text("no picture")
    many[5].unlink()
    result = read(many)
    assert [i for i, one in enumerate(result) if one.error] == [3, 4, 5]
    assert [len(one.faces) for one in result[:7]] == [1, 0, 1, 0, 0, 0, 1]
    assert "no such file" in result[5].error


def test_a_bad_photo_has_no_size_and_no_faces(read, tmp_path):
    (one,) = read([tmp_path / "missing.jpg"])
    assert (one.width, one.height, one.faces) == (0, 0, ())


def test_only_bad_photos_are_only_entries(read, tmp_path):
    result = read([tmp_path / f"{i}.jpg" for i in range(20)])
    assert all(one.error for one in result)


def test_a_folder_among_the_paths_is_an_entry(read, tmp_path):
    (one,) = read([tmp_path])
    assert "is a folder" in one.error


def test_boxes_are_in_pixels_of_the_full_picture(read, tmp_path, photo):
    """The picture is halved to be searched."""
    (one,) = read([photo(tmp_path / "large.png", size=(3201, 2001))])
    assert (one.width, one.height) == (3201, 2001)
    assert one.faces[0].box.tolist() == [0, 0, 3201, 2001]
    assert one.faces[0].landmarks[0] == pytest.approx([1600.5, 1000.5])


@given(st.integers(1, 60_000), st.integers(1, 60_000), st.integers(1, 6))
def test_a_box_of_a_reduced_picture_never_leaves_the_full_one(width, height, halvings):
    size = np.array([-(-width // 2**halvings), -(-height // 2**halvings)])
    box = np.concatenate([[0, 0], size]).astype(np.float32)
    face = EmbeddedFace(box, 1, np.zeros((5, 2), np.float32), Quality(1, 1, 0, 0), {})
    scale = (np.array([width, height]) / size).astype(np.float32)
    (found,) = analysis.scale_faces([face], scale, width, height)
    assert (found.box <= [width, height, width, height]).all()


def test_only_a_few_steps_are_read_ahead(colours, many):
    with closing(analyze_photos(many, colours.engine, min_confidence=0.5)) as read:
        next(read)
        ahead = (BATCHES_AHEAD * usable_cores() + 1) * PHOTOS_PER_BATCH
        assert colours.engine.pictures <= ahead


def test_pixels_are_not_kept_with_the_results(read, many):
    for one in read(many):
        for face in one.faces:
            arrays = [face.box, face.landmarks, *face.embeddings.values()]
            assert all((array if array.base is None else array.base).nbytes < 10_000 for array in arrays)


def test_closing_early_leaves_no_thread(colours, many, worker_threads):
    read = analyze_photos(many, colours.engine, min_confidence=0.5)
    next(read)
    read.close()
    assert worker_threads() == []


def test_closing_early_leaves_the_rest_unread(colours, tmp_path, photo):
    paths = [photo(tmp_path / "1.png")] * 2000
    with closing(analyze_photos(paths, colours.engine, min_confidence=0.5)) as read:
        next(read)
    assert colours.engine.pictures < 100


def test_a_fault_of_the_engine_is_not_hidden(many, worker_threads):
    class Broken:
        def analyze(self, images, **options):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        list(analyze_photos(many, Broken(), min_confidence=0.5))
    assert worker_threads() == []


def test_reading_to_the_end_leaves_no_thread(read, many, worker_threads):
    before = threading.active_count()
    read(many)
    assert worker_threads() == []
    assert threading.active_count() == before


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="not to be set here")
def test_there_are_as_many_workers_as_cores_allowed():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
