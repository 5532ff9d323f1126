"""Large databases keep ten bits a number: little is lost, and packed rows are copied as they are."""

import numpy as np
import pytest

import stash_sense.facedb.vectors as room
from stash_sense.domain.identity import Person
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.facedb.layout import CARRY, LOWER, SCALE, STEPS, UPPER, Reference
from stash_sense.facedb.packing import Packer
from stash_sense.facedb.search import search_people
from stash_sense.facedb.vectors import FloatVectors, PackedVectors, VectorWriter


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def cone(count, dimension, seed=0):
    """Unit vectors in a narrow cone with few directions of their own, as networks give them."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(9).standard_normal((dimension // 4, dimension))
    return unit(3 + random.standard_normal((count, dimension // 4)) @ mix / 4)


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """Write rows in small pieces, packed; returns them as stored."""

    def packed(vectors, widths, name="packed"):
        monkeypatch.setattr(room, "PACKED_FROM", vectors.nbytes // 3)
        monkeypatch.setattr(room, "BLOCK_ROWS", 7)
        (tmp_path / name).mkdir()
        writer = VectorWriter(tmp_path / name, widths)
        for row in range(0, len(vectors), 3):
            writer.append(vectors[row : row + 3])
        writer.finish()
        return PackedVectors(tmp_path / name, *vectors.shape)

    return packed


def test_a_number_is_kept_to_a_thousandth_of_the_largest(packed):
    vectors = np.concatenate([cone(200, 32), cone(200, 21, 1)], axis=1)
    stored = packed(vectors, [32, 21]).load(range(200))
    assert np.abs(stored - vectors).max() < 3e-3 * np.abs(vectors - vectors.mean(axis=0)).max()


def test_scores_suffer_less_than_if_each_number_were_rounded_alone():
    vectors, probes = cone(4000, 64), cone(200, 64, 1)
    packer = Packer.fitted(vectors, [64])
    carried = probes @ (packer.scale.unpack(packer.pack(vectors)) - vectors).T
    alone = Packer(packer.scale, [np.eye(64, dtype=np.float32)])
    plain = probes @ (packer.scale.unpack(alone.pack(vectors)) - vectors).T
    assert carried.std() < plain.std() / 2


def test_single_rows_are_those_of_the_whole(packed):
    stored = packed(cone(50, 10), [10])
    rows = np.array([49, 0, 17])
    assert (stored.load(rows) == stored.load(range(50))[rows]).all()


def test_equal_vectors_and_zeros_are_kept(packed):
    same = np.ones((20, 6), np.float32)
    assert np.allclose(packed(same, [3, 3]).load(range(20)), 1)
    assert np.allclose(packed(0 * same, [3, 3], "zeros").load(range(20)), 0)


def test_few_vectors_stay_as_they_are(tmp_path):
    vectors = cone(50, 10)
    writer = VectorWriter(tmp_path, [10])
    writer.append(vectors)
    writer.finish()
    assert (FloatVectors(tmp_path, 50, 10).load(range(50)) == vectors).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_search_equals_comparing_every_row_as_it_is_stored(packed, seed):
    random = np.random.default_rng(seed)
    counts = random.integers(1, 6, 300)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    vectors = random.standard_normal((starts[-1], 24)).astype(np.float32)
    stored = packed(vectors, [16, 8])
    probes = random.standard_normal((9, 24)).astype(np.float32)
    left = stored.search(starts, probes, 7)
    right = search_people(stored.load(range(len(vectors))), starts, probes, 7)
    assert (left.people == right.people).all()
    assert (left.rows == right.rows).all()
    assert left.scores == pytest.approx(right.scores, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_missed_where_rounding_leaves_much_open(packed, seed):
    """One number of a query dwarfs the others, and most rows differ from one another in these alone."""
    random = np.random.default_rng(seed)
    vectors = np.hstack([np.full((900, 1), 5), random.standard_normal((900, 23))]).astype(np.float32)
    vectors[::90] *= 20
    probes = random.standard_normal((9, 24)).astype(np.float32)
    probes[:, 0] = 200
    stored, starts = packed(vectors, [16, 8]), np.arange(0, 901, 3)
    right = search_people(stored.load(range(900)), starts, probes, 5)
    left = stored.search(starts, probes, 5)
    assert (left.rows == right.rows).all()


def test_more_queries_than_are_searched_at_once(packed, monkeypatch):
    monkeypatch.setattr("stash_sense.facedb.packed_search.QUERIES_AT_ONCE", 4)
    vectors = cone(60, 16)
    starts = np.arange(61)
    stored = packed(vectors, [16])
    assert stored.search(starts, vectors[:11], 1).people[:, 0].tolist() == list(range(11))


def test_of_equals_those_enrolled_first_are_taken(packed):
    stored = packed(np.repeat(cone(2, 12), 25, axis=0), [12])
    found = stored.search(np.arange(51), stored.load(range(25, 26)), 3)
    assert found.people.tolist() == [[25, 26, 27]]
    assert found.rows.tolist() == [[25, 26, 27]]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_query_that_is_no_number_finds_nobody_and_leaves_the_others_right(packed, value):
    vectors = cone(60, 16)
    queries = np.stack([np.full(16, value, np.float32), vectors[5]])
    found = packed(vectors, [16]).search(np.arange(61), queries, 2)
    assert found.people[0].tolist() == [-1, -1]
    assert found.people[1, 0] == 5


def test_a_query_of_zeros_is_as_near_to_everybody(packed):
    found = packed(cone(60, 16), [16]).search(np.arange(61), np.zeros((1, 16), np.float32), 3)
    assert found.people.tolist() == [[0, 1, 2]]


def test_nobody_asked_for_and_no_queries(packed):
    stored = packed(cone(30, 16), [16])
    assert stored.search(np.arange(31), np.zeros((0, 16), np.float32), 3).people.shape == (0, 3)
    assert stored.search(np.arange(31), np.ones((1, 16), np.float32), 0).people.shape == (1, 0)


def test_copies_of_packed_rows_lose_nothing_however_often(packed, tmp_path):
    vectors = cone(90, 16)
    stored = packed(vectors, [16])
    first = stored.load(range(90))
    for generation in range(3):
        (tmp_path / f"{generation}").mkdir()
        writer = VectorWriter(tmp_path / f"{generation}", [16])
        writer.append(cone(4, 16, generation))
        writer.copy(stored, range(90))
        writer.finish()
        stored = PackedVectors(tmp_path / f"{generation}", 94, 16)
        assert (stored.load(range(4, 94)) == first).all()
        stored = PackedVectors(tmp_path / f"{generation}", 94, 16)
        (tmp_path / f"only-{generation}").mkdir()
        cut = VectorWriter(tmp_path / f"only-{generation}", [16])
        cut.copy(stored, range(4, 94))
        cut.finish()
        stored = PackedVectors(tmp_path / f"only-{generation}", 90, 16)


def test_a_rebuild_of_a_large_database_rounds_nothing_again(large, writer, place):
    with FaceDatabase.open(place) as database:
        first = np.concatenate(list(database.vectors(range(80)).values()), axis=1)
    for _ in range(3):
        with writer() as one:
            for person in range(40):
                references = [Reference(f"{person}/{face}", (0, 0, 1, 1), 1) for face in range(2)]
                with FaceDatabase.open(place) as database:
                    rows = database.rows(person)
                    own = np.stack([database.row_vector(row) for row in rows])
                one.add_person(Person(f"{person}", "x"), references, own)
            one.commit(["/people"])
    with FaceDatabase.open(place) as database:
        again = np.concatenate(list(database.vectors(range(80)).values()), axis=1)
    assert again == pytest.approx(first, abs=2e-3)
    assert (again == first).mean() > 0.9


@pytest.fixture
def large(writer, place, monkeypatch):
    """A packed database of 40 people with two faces each; returns their vectors."""
    monkeypatch.setattr(room, "PACKED_FROM", 100)
    vectors = unit(np.random.default_rng(0).standard_normal((80, 6)))
    with writer() as one:
        for person in range(40):
            references = [Reference(f"{person}/{face}", (0, 0, 1, 1), 1) for face in range(2)]
            one.add_person(Person(f"{person}", "x"), references, vectors[2 * person : 2 * person + 2])
        one.commit(["/people"])
    return vectors


def test_a_large_database_is_packed_and_searched_alike(large, place):
    with FaceDatabase.open(place) as database:
        assert database.manifest.format == 2
        assert database.search(large[::2], 1).people[:, 0].tolist() == list(range(40))
        assert np.concatenate(list(database.vectors(range(80)).values()), axis=1) == pytest.approx(
            large, abs=5e-3
        )
        assert database.row_vector(7) == pytest.approx(large[7], abs=5e-3)


@pytest.mark.parametrize("file", [UPPER, LOWER, STEPS, SCALE, CARRY])
def test_a_cut_file_of_a_large_database_is_named(large, place, file):
    path = place / current_version(place) / file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Exception, match=f"{file}: .*Build the database again"):
        FaceDatabase.open(place)
