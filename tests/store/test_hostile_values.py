"""Whatever arrives, a method answers or refuses in words; the file stays sound."""

import inspect
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import StashSenseError
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.maintenance import check_state
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.rematching import FaceMatches
from stash_sense.store.repositories.results import ImageResult

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        ["", " ", "\ud800", "\x00", "'; DROP TABLE image_fingerprints; --", "ü" * 1000, "1", 2**63,
         -(2**63) - 1, math.nan, math.inf, 1e308, b"bytes", [], {}, [1], ["1"], (), object(),
         np.float32(0.5), np.int64(3),
         np.bool_(1), "confirmed", "image", "done"]
    ),
)  # fmt: skip
METHODS = [
    "create_image_fingerprint",
    "get_image_fingerprint",
    "get_gallery_image_fingerprints",
    "add_image_fingerprint_face",
    "get_image_fingerprint_faces",
    "delete_image_fingerprint_faces",
    "delete_image_fingerprint",
    "get_image_result",
    "copy_image_result",
    "add_images_to_gallery",
    "get_face",
    "decide",
    "undecide",
    "undecide_all",
    "journal_begin",
    "journal_complete",
    "journal_undone",
    "journal_entries",
]
VALUES: list[Callable[..., Any]] = [
    Box,
    StoredMatch,
    DetectedFace,
    FaceMatches,
    PictureIdentity.of,
    ImageResult,
]


def test_methods_answer_or_refuse(torture: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, RecommendationsDB(Path(folder) / "stash_sense.db") as db:
        db.create_image_fingerprint("1")
        face = DetectedFace(Box(0, 0, 1, 1), 1)
        db.store_image_result(ImageResult("1", PictureIdentity.of([("md5", "m")]), "p", "v", [face]))
        db.journal_begin("image", ["1"], "1")

        @settings(
            max_examples=10_000 if torture else 400,
            deadline=None,
            database=None,
            derandomize=not torture,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def attack(data: st.DataObject) -> None:
            method = getattr(db, data.draw(st.sampled_from(METHODS)))
            names = list(inspect.signature(method).parameters)
            given_names = data.draw(st.integers(1, len(names)))
            try:
                method(**{name: data.draw(ANYTHING) for name in names[:given_names]})
            except StashSenseError as error:
                assert str(error)  # noqa: PT017  any other error fails the test by itself
            except TypeError as error:
                assert "missing" in str(error) or "not iterable" in str(error)  # noqa: PT017

        attack()
        assert check_state(db.path).ok


def test_values_are_whole_or_refused(torture: bool) -> None:
    @settings(
        max_examples=10_000 if torture else 400,
        deadline=None,
        database=None,
        derandomize=not torture,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attack(data: st.DataObject) -> None:
        make = data.draw(st.sampled_from(VALUES))
        names = list(inspect.signature(make).parameters)
        try:
            made = make(**{name: data.draw(ANYTHING) for name in names})
        except StashSenseError as error:
            assert str(error)  # noqa: PT017
        except ValueError as error:
            assert "unpack" in str(error)  # noqa: PT017  not the pairs that the signature asks for
        except (TypeError, AttributeError):
            pass  # not the type that the signature asks for: a caller's bug, and nothing was stored
        else:
            if isinstance(made, Box):
                assert 0 <= made.x <= made.x + made.w <= 1 + 2e-6

    attack()
