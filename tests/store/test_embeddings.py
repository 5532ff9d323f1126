"""Half the bytes, the same cosines."""

import numpy as np
import pytest

from stash_sense.errors import BadInput
from stash_sense.store.repositories.matches import decode_embeddings, encode_embeddings


@pytest.mark.parametrize(("first", "second"), [(128, 128), (512, 512)])
@pytest.mark.parametrize("norm", [0.05, 1.0, 1.4, 25.0])
def test_rounding_moves_no_cosine_by_a_thousandth(first: int, second: int, norm: float) -> None:
    rng = np.random.default_rng(3)
    # A narrow cone as well as spread-out vectors: the default pack's two networks give one of each.
    for offset in (0.0, 3.0):
        given = rng.standard_normal((400, first)).astype(np.float32) + offset
        given *= norm / np.linalg.norm(given, axis=1, keepdims=True)
        stored, _ = decode_embeddings(
            [encode_embeddings(one, np.ones(second))[0] for one in given], (first, second)
        )
        assert np.abs(cosines(stored) - cosines(given)).max() < 1e-3


def cosines(vectors: np.ndarray) -> np.ndarray:
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_a_face_takes_two_bytes_a_value() -> None:
    assert len(encode_embeddings(np.ones(128), np.ones(128))[0]) == 512
    assert len(encode_embeddings(np.ones(512), np.ones(512))[0]) == 2048


def test_a_pack_of_one_network_leaves_the_first_empty() -> None:
    blob, sizes = encode_embeddings(np.zeros(0), [4, 5])
    facenet, arcface = decode_embeddings([blob] * 2, sizes)
    assert (sizes, facenet.shape, arcface.tolist()) == ((0, 2), (2, 0), [[4, 5]] * 2)
    with pytest.raises(BadInput, match=r"arcface embedding has shape \(0,\)"):
        encode_embeddings([4, 5], np.zeros(0))


def test_both_vectors_come_back_in_their_places() -> None:
    facenet, arcface = decode_embeddings([encode_embeddings([1, 2, 3], [4, 5])[0]] * 2, (3, 2))
    assert facenet.tolist() == [[1, 2, 3]] * 2
    assert arcface.tolist() == [[4, 5]] * 2
    assert facenet.dtype == np.float32
