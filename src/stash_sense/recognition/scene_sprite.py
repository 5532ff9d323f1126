"""The sprite of a scene as a last resort: small pictures that Stash has generated, 160 px wide as a rule."""

from collections.abc import Callable, Sequence
from functools import partial

from stash_sense.domain.faces import Pixels
from stash_sense.errors import NoVideo
from stash_sense.faces.engine import FaceEngine
from stash_sense.media.formats import MediaLimits
from stash_sense.media.photo import load_image
from stash_sense.recognition.crops import face_crops
from stash_sense.recognition.scene_sampling import SceneFrame
from stash_sense.stash.scenes import SpriteCell
from stash_sense.stash.types import Media

SPRITE = "sprite-1"
"""What a result that rests on a sprite is stored with in place of the sampler's version."""

CELLS_TOGETHER = 12
"""Cells analysed at a time: an interactive call may have to wait for them."""

Cell = tuple[float, Pixels]
"""The moment in seconds, and the picture."""


def cut_cells(sheet: Media, cells: Sequence[SpriteCell], limits: MediaLimits, most: int) -> list[Cell]:
    """At most `most` of the cells, evenly over the scene. Raises NoVideo where none is within the sheet.

    Raises also what `load_image` raises.
    """
    pixels = load_image(sheet.data, limits=limits).pixels
    height, width = pixels.shape[:2]
    inside = [cell for cell in cells if cell.x + cell.width <= width and cell.y + cell.height <= height]
    if not inside:
        raise NoVideo("The sprite that Stash has generated is empty. Generate it again in Stash.")
    chosen = [inside[at * len(inside) // most] for at in range(most)] if len(inside) > most else inside
    return [
        (cell.time_s, pixels[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width].copy())
        for cell in chosen
    ]


def analyze_cells(cells: Sequence[Cell], engine: FaceEngine, min_confidence: float) -> list[SceneFrame]:
    """The faces of some cells, in pixels of the cells: their quality says how small they are."""
    found = engine.analyze([pixels for _, pixels in cells], min_confidence=min_confidence)
    return [
        SceneFrame(
            time_s,
            pixels.shape[1],
            pixels.shape[0],
            tuple(faces),
            face_crops(pixels, faces),
        )
        for (time_s, pixels), faces in zip(cells, found, strict=True)
    ]


def units_of(
    cells: Sequence[Cell], engine: FaceEngine, min_confidence: float
) -> list[Callable[[], list[SceneFrame]]]:
    """The work on all cells, in small units."""
    return [
        partial(analyze_cells, cells[start : start + CELLS_TOGETHER], engine, min_confidence)
        for start in range(0, len(cells), CELLS_TOGETHER)
    ]
