"""Pictures made smaller."""

import numpy as np
import pytest

from stash_sense.faces.shrink import shrink_to_fit


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((400, 800), (160, 320)),
        ((800, 400), (320, 160)),
        ((100, 50), (100, 50)),
        ((40, 60_000), (1, 320)),
        ((60_000, 1), (320, 1)),
    ],
)
def test_a_picture_is_shrunk_to_the_longest_side_never_enlarged(shape, size):
    assert shrink_to_fit(np.zeros((*shape, 3), np.uint8), 320).shape[:2] == size
