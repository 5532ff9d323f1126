"""A release of a public face database: checked whole, then read a person at a time."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stash_sense.domain.progress import Progress
from stash_sense.enrolment.public_archive import (
    EMBEDDINGS,
    FACES,
    MANIFEST,
    PERFORMERS,
    VOYAGER,
    release_files,
)
from stash_sense.enrolment.public_index import PublicIndex, open_index
from stash_sense.enrolment.public_people import (
    Performers,
    ReleasedPerson,
    read_json,
    read_performers,
    read_performers_database,
    released_person,
    universal_key,
)
from stash_sense.errors import BadInput

_AGAIN = "Download the release again."
_HASHED_AT_ONCE = 2**20
_PAGES_KEPT = 512
"""Faces read before their pages are given back: mapped pages count as memory in use."""
_SHORTEST = 1e-3
"""Length below which a vector has no direction: networks give lengths from 1 up, indexes unit vectors."""


class _Kind(BaseModel):
    """What a release is taken for where its manifest does not say. model: the networks of its vectors."""

    name: str
    model: str


_VOYAGER_KIND = _Kind(name="stash-sense-data", model="facenet512+arcface")
_USEARCH_KIND = _Kind(name="stash-sense2-data", model="buffalo_l")


class ReleaseManifest(BaseModel):
    """`manifest.json`. base: the version that a delta changes. removed: ids that are gone.

    merged: former id -> id. dimensions: slot -> numbers. Other fields are somebody else's and ignored.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str = Field(min_length=1, max_length=100)
    name: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    model: str | None = None
    pack: str | None = None
    pack_fingerprint: str | None = None
    dimensions: dict[str, int] = {}
    checksums: dict[str, str] = {}
    base: str | None = Field(None, min_length=1, max_length=100)
    removed: tuple[str, ...] = ()
    merged: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class ImportingPack:
    """What a release must have been made with. models: names under which releases know its networks.

    dimensions: slot -> numbers, in the order of a database's rows; slots without a network are left out.
    """

    id: str
    fingerprint: str
    models: Collection[str]
    dimensions: Mapping[str, int]


@dataclass(slots=True, eq=False)
class PublicRelease:
    """A release that was checked. name: the same for all its versions. digest: of its content.

    people: key -> person, with at least one face. faces: key -> the numbers of their faces. removed: keys of
    people who are gone. refused: why -> how many faces or people are not taken.
    """

    name: str
    version: str
    base: str | None
    digest: str
    people: dict[str, ReleasedPerson]
    faces: dict[str, NDArray[np.int64]]
    removed: frozenset[str]
    refused: Counter[str]
    _indexes: Sequence[tuple[str, PublicIndex, NDArray[np.int64]]]
    _read: int = field(default=0)

    def vectors(self, key: str) -> NDArray[np.float32]:
        """(n, d) float32: a person's faces, the slots' unit vectors side by side. Raises BadInput."""
        numbers = self.faces[key]
        parts = []
        for name, index, places in self._indexes:
            vectors = index.read(places[numbers])
            lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
            if not np.isfinite(lengths).all() or (lengths < _SHORTEST).any():
                raise BadInput(f"{name}: a vector of {key} is not a number or has no direction. {_AGAIN}")
            parts.append((vectors / lengths).astype(np.float32))
        self._read += len(numbers)
        if self._read >= _PAGES_KEPT:
            self._read = 0
            for _, index, _ in self._indexes:
                index.give_back()
        return np.concatenate(parts, axis=1)


@contextmanager
def open_release(path: Path, pack: ImportingPack, work: Path, progress: Progress) -> Iterator[PublicRelease]:
    """Check a release and open it for reading. work: a folder to unpack into, removed at the end.

    Raises BadInput with the reason for which it cannot be imported, NoSpace, OSError.
    """
    with release_files(path, work, progress) as files, ExitStack() as stack:
        is_voyager = FACES in files
        kind = _VOYAGER_KIND if is_voyager else _USEARCH_KIND
        names = VOYAGER if is_voyager else {"arcface": EMBEDDINGS}
        manifest = _manifest(files)
        _check_pack(manifest, kind, pack)
        digest = _check_sums(files, manifest, progress)
        missing = [
            name for name in (*names.values(), *([PERFORMERS] if is_voyager else [])) if name not in files
        ]
        if missing:
            raise BadInput(f"{path.name}: {' and '.join(missing)} missing. {_AGAIN}")
        slots = {slot: stack.enter_context(open_index(files[name])) for slot, name in names.items()}
        _check_dimensions({slot: index.dimension for slot, index in slots.items()}, manifest, pack)
        removed = frozenset(filter(None, map(universal_key, manifest.removed)))
        refused: Counter[str] = Counter()
        people, faces, places = _contents(files, manifest, slots, removed, refused)
        indexes = [(names[slot], slots[slot], places[slot]) for slot in pack.dimensions]
        yield PublicRelease(
            manifest.name or kind.name,
            manifest.version,
            manifest.base,
            digest,
            people,
            faces,
            removed,
            refused,
            indexes,
        )


def _contents(
    files: Mapping[str, Path],
    manifest: ReleaseManifest,
    slots: Mapping[str, PublicIndex],
    removed: Collection[str],
    refused: Counter[str],
) -> tuple[dict[str, ReleasedPerson], dict[str, NDArray[np.int64]], dict[str, NDArray[np.int64]]]:
    """People and the numbers of their faces by key, and by slot where in the file each face's vector is."""
    if FACES in files:
        performers, owners = read_performers(files), _listed_owners(files[FACES])
        places = {slot: _places(VOYAGER[slot], index, len(owners)) for slot, index in slots.items()}
    else:
        performers, known = read_performers_database(files)
        (index,) = slots.values()
        kept = np.flatnonzero(index.keys >= 0)
        owners = [known.get(key) for key in index.keys[kept].tolist()]
        places = {"arcface": kept}
    for former, current in manifest.merged.items():
        performers.lead(former, current)
    people, faces = _people(performers, owners, removed, refused)
    return people, faces, places


def _manifest(files: Mapping[str, Path]) -> ReleaseManifest:
    if MANIFEST not in files:
        raise BadInput(f"{MANIFEST} is missing: it has the version and the checksums. {_AGAIN}")
    content = read_json(files[MANIFEST])
    try:
        return ReleaseManifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise BadInput(f"{MANIFEST}: {where}: {first['msg']}. {_AGAIN}") from error


def _check_pack(manifest: ReleaseManifest, kind: _Kind, pack: ImportingPack) -> None:
    remedy = "Vectors of different networks cannot be compared. Use that pack (setting pack), then import."
    if manifest.pack is not None:
        if manifest.pack != pack.id:
            raise BadInput(
                f"The release was made with the model pack {manifest.pack[:60]}, and {pack.id} is in use. "
                + remedy
            )
        if manifest.pack_fingerprint not in (None, pack.fingerprint):
            raise BadInput(f"The release was made with another state of the model pack {pack.id}. {remedy}")
        return
    model = manifest.model or kind.model
    if model not in pack.models:
        raise BadInput(
            f"The release was made with the networks {model[:60]}, which the model pack {pack.id} in use "
            f"does not have. {remedy}"
        )


def _check_dimensions(found: dict[str, int], manifest: ReleaseManifest, pack: ImportingPack) -> None:
    wanted = dict(pack.dimensions)
    if found != wanted:
        raise BadInput(
            f"The release has {_numbers(found)} a face, and the model pack {pack.id} in use has "
            f"{_numbers(wanted)}. Use the pack that the release was made with (setting pack), then import."
        )
    if manifest.dimensions and manifest.dimensions != found:
        raise BadInput(
            f"{MANIFEST} says {_numbers(manifest.dimensions)}, and the files have {_numbers(found)}. {_AGAIN}"
        )


def _numbers(dimensions: Mapping[str, int]) -> str:
    return " and ".join(f"{count} numbers of {slot}" for slot, count in sorted(dimensions.items()))


def _check_sums(files: Mapping[str, Path], manifest: ReleaseManifest, progress: Progress) -> str:
    """Compare every file with its checksum; returns a digest of them all."""
    unlisted = sorted(files.keys() - manifest.checksums.keys() - {MANIFEST})
    if unlisted:
        raise BadInput(f"{MANIFEST} has no checksum of {', '.join(unlisted)}. {_AGAIN}")
    total = sum(path.stat().st_size for path in files.values())
    progress.start("Checking", total // _HASHED_AT_ONCE + 1)
    digest, done = hashlib.sha256(), 0
    for name, path in sorted(files.items()):
        content = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_HASHED_AT_ONCE):
                content.update(block)
                done += len(block)
                progress.update(done // _HASHED_AT_ONCE)
        digest.update(content.digest())
        if name == MANIFEST:
            continue
        algorithm, _, listed = manifest.checksums[name].rpartition(":")
        if algorithm not in ("", "sha256"):
            raise BadInput(f"{MANIFEST}: a checksum of kind {algorithm[:20]!r}; sha256 is read.")
        if listed.lower() != content.hexdigest():
            raise BadInput(f"{name}: its checksum is not that of {MANIFEST}: damaged or altered. {_AGAIN}")
    return digest.hexdigest()[:16]


def _listed_owners(path: Path) -> list[str | None]:
    owners: Any = read_json(path)
    if not isinstance(owners, list) or not all(owner is None or isinstance(owner, str) for owner in owners):
        raise BadInput(f"{FACES}: not a list of ids and nulls. {_AGAIN}")
    return owners


def _places(name: str, index: PublicIndex, count: int) -> NDArray[np.int64]:
    """(count,): where in the file each face's vector is."""
    if len(index.keys) != count:
        raise BadInput(f"{FACES} has {count:,} faces, and {name} has {len(index.keys):,}. {_AGAIN}")
    order = np.argsort(index.keys, kind="stable")
    if (index.keys[order] != np.arange(count)).any():
        raise BadInput(f"{name} does not have one vector for each face of {FACES}: there are gaps. {_AGAIN}")
    return order


def _people(
    performers: Performers, owners: Sequence[str | None], removed: Collection[str], refused: Counter[str]
) -> tuple[dict[str, ReleasedPerson], dict[str, NDArray[np.int64]]]:
    numbers: dict[str, list[int]] = {}
    for number, owner in enumerate(owners):
        if not owner:
            refused["faces of nobody"] += 1
        elif (key := performers.key(owner)) not in performers.facts:
            refused["faces of people whom the release does not name"] += 1
        elif key not in removed:
            numbers.setdefault(key, []).append(number)
    former = performers.former_keys()
    people = {}
    for key in list(numbers):
        person = released_person(key, performers.facts[key], former.get(key, []))
        if person is None:
            refused["people without a name"] += 1
            del numbers[key]
        else:
            people[key] = person
    return people, {key: np.array(numbers[key], np.int64) for key in people}
