"""The leave-out condition: who is enrolled in each split, by which photos, and which photos a gallery has.

Seeds and choices are those of tools/leave_out.py of the evaluation data, so that the figures agree with that
tool, which runs the command line once for each gallery and split.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SPLITS = 4
Truth = Mapping[str, Mapping[str, Sequence[str]]]
"""Gallery -> photo -> names."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to leave people, photos or references out.

    cast: which part of each gallery's people is enrolled; photos: share of a gallery's photos that are there;
    references: the most photos a person is enrolled with, None for all.
    """

    title: str
    cast: Literal["all", "half", "none"] = "half"
    photos: float = 1.0
    references: int | None = None

    @property
    def splits(self) -> range:
        """The splits that differ: only one where nothing is drawn."""
        drawn = self.cast == "half" or self.photos < 1 or self.references is not None
        return range(SPLITS if drawn else 1)

    def left_out(self, truth: Truth, known: frozenset[str], split: int) -> frozenset[str]:
        """Those of the known people of the galleries who are not enrolled in this split."""
        left: set[str] = set()
        for gallery, photos in sorted(truth.items()):
            cast = sorted({name for names in photos.values() for name in names} & known)
            random.Random(f"{gallery}{split // 2}").shuffle(cast)
            if self.cast != "all":
                left.update(cast if self.cast == "none" else cast[split % 2 :: 2])
        return frozenset(left)

    def chosen(self, photos: Sequence[str], split: int) -> list[str]:
        """The photos of a gallery that are there."""
        return [
            photo
            for photo in sorted(photos)
            if random.Random(f"{photo}{split}").random() < self.photos or self.photos >= 1
        ]

    def reference_photos(self, folder: Path, split: int) -> list[str]:
        """The names of the photos that the person of this folder is enrolled with."""
        photos = sorted(path.name for path in folder.iterdir())
        random.Random(f"{folder.name}{split}").shuffle(photos)
        return photos[: self.references]


VARIANTS = {
    "half": Variant("half of the cast left out"),
    "photos 0.5": Variant("and half of the photos", photos=0.5),
    "photos 0.25": Variant("and three quarters of the photos", photos=0.25),
    "references 1": Variant("and one reference a person", references=1),
    "none": Variant("nobody of the cast enrolled", cast="none"),
    "all": Variant("everybody enrolled", cast="all"),
}
"""By the names of the tool's options."""
