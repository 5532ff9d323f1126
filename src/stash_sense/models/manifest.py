"""Model packs: their manifests, their files in installed packages, and a user's own calibration.

Another pack is another JSON file under `packs/`; no code knows a pack by name. Packages that carry weights
are located but never imported: `face_recognition_models` fails on import today.
"""

import hashlib
import importlib.util
import json
import logging
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stash_sense.errors import AlteredFile, MissingFile, UnknownPack
from stash_sense.files import explained_write_errors, write_atomically

log = logging.getLogger(__name__)

DEFAULT_PACK = "stash-sense-default"
AS_IS: Literal["onnx-as-is"] = "onnx-as-is"

Role = Literal["detector", "facenet", "arcface"]

Point = tuple[float, float]

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

PackId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class FrozenModel(BaseModel):
    """Values that are validated once and never change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(FrozenModel):
    """The terms for using a file's weights. stated: whether their author states them anywhere."""

    name: str
    stated: bool
    holder: str
    url: str
    notice: str = ""


class PackageSource(FrozenModel):
    """A file inside an installed Python package. `path` is relative to the package's own folder."""

    package: str
    version: str
    path: str

    @property
    def install_command(self) -> str:
        """The command that restores the file."""
        return f"pip install --force-reinstall --no-deps {self.package}=={self.version}"


class UrlSource(FrozenModel):
    """A file on the web."""

    url: str


class Recipe(FrozenModel):
    """How the source becomes the ONNX file to run; with a new version the file is made again."""

    name: Literal["onnx-as-is", "yunet", "sface-clean", "dlib-resnet-v1"] = AS_IS
    version: int = 1


class PackFile(FrozenModel):
    """One network: where its weights come from, their size and hash, and the name of the prepared file."""

    role: Role
    name: FileName
    source: PackageSource | UrlSource
    size: int = Field(gt=0)  # bytes of the source
    sha256: Sha256  # of the source
    recipe: Recipe = Recipe()
    licence: Licence


class PixelFormat(FrozenModel):
    """A network's input: `(pixel - mean) / scale` of values 0..255, in this channel order and layout."""

    colour: Literal["RGB", "BGR"]
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: float = 0.0
    scale: float = Field(default=1.0, gt=0)


class DetectorSettings(FrozenModel):
    """How the detector is run. `kind` says how its outputs are decoded; sides are padded to multiples of
    `pad_to` px.

    `main_side`, `close_side`: the longest side of the two passes, px; the second finds faces that fill the
    picture, and adds only those of at least `close_share` of its longest side. `operating_point`: the raw
    score that is a detection confidence of 0.5; `turned_score`: the raw score from which a picture is not
    turned to look for a surer face, and which a face in a turned picture must reach.
    """

    kind: Literal["yunet", "scrfd"]
    pixels: PixelFormat
    pad_to: int = Field(default=32, gt=0)
    main_side: int = Field(gt=0)
    close_side: int = Field(gt=0)
    close_share: float = Field(ge=0, le=1)
    operating_point: float = Field(gt=0, lt=1)
    turned_score: float = Field(gt=0, lt=1)


class EmbedderSettings(FrozenModel):
    """One embedding network and the crop that it takes.

    The face is aligned by the similarity that takes its five landmarks to `template` (pixels of a square
    of `crop` px; right eye, left eye, nose, right and left corner of the mouth, as seen in the picture
    from left to right), then the square is resized to `size` px if that differs.
    `mirror`: whether references only, or all faces, are averaged with the embedding of their mirror image.
    """

    title: str
    size: int = Field(gt=0)
    crop: int | None = Field(default=None, gt=0)
    pixels: PixelFormat
    template: tuple[Point, Point, Point, Point, Point]
    mirror: Literal["references", "always"]
    dimension: int = Field(gt=0)

    @property
    def crop_size(self) -> int:
        """The side in pixels of the square that `template` is given in."""
        return self.crop or self.size


class SlotSettings(FrozenModel):
    """The two embedding families that are fused; a pack of one network leaves the first empty."""

    facenet: EmbedderSettings | None = None
    arcface: EmbedderSettings

    @property
    def filled(self) -> dict[Role, EmbedderSettings]:
        """Those that have a network, in the order of a database's rows."""
        return {"arcface": self.arcface, **({"facenet": self.facenet} if self.facenet else {})}


class PackManifest(FrozenModel):
    """A model pack. `calibration` is None if the pack was never measured: then no verdict is a match.

    releases: names by which releases of public face databases call networks that are just these.
    """

    id: PackId
    title: str
    description: str
    files: tuple[PackFile, ...]
    detector: DetectorSettings
    slots: SlotSettings
    calibration: dict[str, Any] | None
    releases: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_file_a_role(self) -> Self:
        roles, wanted = sorted(file.role for file in self.files), sorted(["detector", *self.slots.filled])
        if roles != wanted:
            raise ValueError(f"a pack has a file for its detector and each slot, {wanted}, not {roles}")
        if len({file.name for file in self.files}) != len(self.files):
            raise ValueError("two files of a pack have the same name")
        return self

    @property
    def downloads(self) -> tuple[PackFile, ...]:
        """The files to be downloaded."""
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
    """The folder of an installed top-level package; None if it is not installed."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) if folders else None


def package_file(source: PackageSource) -> Path:
    """The file's path. Raises MissingFile if the package is not installed or lacks the file."""
    folder = package_folder(source.package)
    if folder is None:
        raise MissingFile(
            f"{source.path}: the package {source.package} that carries it is not installed. "
            f"Run: {source.install_command}"
        )
    path = folder / source.path
    if not path.is_file():
        raise MissingFile(f"{path}: the file is missing. Run: {source.install_command}")
    return path


def licence_text(manifest: PackManifest) -> str:
    """What a person should read before using the pack: who owns each file, and on what terms it is used."""
    lines = [f"{manifest.title} ({manifest.id})", manifest.description, ""]
    for file in manifest.files:
        licence = file.licence
        lines.append(f"{file.name}: licence {licence.name}")
        lines.append(
            f"  by: {licence.holder}" if licence.stated else "  THE LICENCE OF THESE WEIGHTS IS NOT STATED."
        )
        if licence.notice:
            lines.append(f"  {licence.notice}")
        lines.append(f"  see: {licence.url}")
    return "\n".join(lines)


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


def calibration_path(pack_id: str, data_dir: Path) -> Path:
    """The path of a user's calibration of the pack."""
    return data_dir / "models" / pack_id / "calibration.json"


def save_calibration(pack_id: str, data_dir: Path, fingerprint: str, calibration: dict[str, Any]) -> Path:
    """Write a calibration made on the pack of this fingerprint. Raises NoSpace or CannotWrite."""
    path = calibration_path(pack_id, data_dir)
    text = json.dumps({"fingerprint": fingerprint, "calibration": calibration}, indent=1) + "\n"
    with explained_write_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode("utf-8"))
    return path


def with_user_calibration(manifest: PackManifest, data_dir: Path) -> PackManifest:
    """The manifest with the user's own calibration, if there is one for this state of the pack.

    One made on another state is ignored: its numbers are of other embeddings. Raises AlteredFile.
    """
    path = calibration_path(manifest.id, data_dir)
    if not path.is_file():
        return manifest
    remedy = f"Run: stash-sense models calibrate {manifest.id} --people FOLDER, or delete the file."
    try:
        stored = json.loads(path.read_bytes())
        fingerprint, calibration = stored["fingerprint"], stored["calibration"]
    except (ValueError, TypeError, KeyError) as error:
        raise AlteredFile(f"{path}: not a calibration ({error!r}). {remedy}") from error
    if not isinstance(calibration, dict):
        raise AlteredFile(f"{path}: holds no calibration. {remedy}")
    if fingerprint != manifest.fingerprint:
        log.warning("%s: ignored, as it was made on another state of the pack. %s", path, remedy)
        return manifest
    return manifest.model_copy(update={"calibration": calibration})
