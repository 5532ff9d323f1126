"""What stands behind the page in a test: the stand-ins, what they hold, and what they find."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

from fakes.sidecar import SidecarStandIn, performer_of
from fakes.stash import StashStandIn
from stash_sense.domain.reasons import Reason, ReasonCode, ReasonPerson

BOX = "https://stashdb.example/graphql"


class World:
    """The stand-ins behind the page, and what they hold."""

    def __init__(self, stash: StashStandIn, sidecar: SidecarStandIn, samples: Path) -> None:
        self.stash, self.sidecar, self.samples = stash, sidecar, samples
        library = stash.library
        library.stash_boxes = [(BOX, "StashDB", "")]
        self.gallery = library.add_gallery("Free photos")
        for path in sorted((samples / "gallery").iterdir()):
            library.add_image(path, galleries=[self.gallery], path=f"/data/free/{path.name}", title=path.stem)
        self.image = next(number for number, image in library.images.items() if image.title == "obama2")

    def performer(self, name: str, **fields: Any) -> str:
        """A performer of the library; their id."""
        return str(self.stash.library.add_performer(name, **fields))

    def known(self, name: str, photo: str) -> tuple[str, dict[str, Any]]:
        """A performer of the library with a portrait, whom the sidecar knows: id and match."""
        (path,) = (self.samples / "people" / name).iterdir()
        local_id = self.performer(name, image=path, country="US")
        self.sidecar.pictures[f"ref-{name}"] = thumbnail(path)
        return local_id, match_of(name, local_id, reference_id=f"ref-{name}")

    def saw(self, *faces: dict[str, Any], image: int | None = None) -> None:
        self.sidecar.images[str(image or self.image)] = {
            "faces": list(faces),
            "face_count": len(faces),
            "stored": True,
        }

    def crops(self, *face_ids: str) -> None:
        """These faces have a picture."""
        picture = thumbnail(self.samples / "gallery" / "obama2.jpg")
        self.sidecar.pictures |= dict.fromkeys(face_ids, picture)

    def found(self, *performers: dict[str, Any], **rest: Any) -> None:
        """What the gallery's job will find."""
        for each in (*performers, *rest.get("unknown", [])):
            on = dict(zip(each.get("face_ids", []), each.get("face_image_ids", []), strict=True))
            assert {*on.values()} <= {*each["image_ids"]}
        images = len(self.stash.library.images)
        self.sidecar.galleries[str(self.gallery)] = {
            "total_images": images,
            "images_processed": images,
            "faces_detected": 12,
            "performers": list(performers),
            **rest,
        }

    def on_image(self) -> list[int]:
        return self.stash.library.images[self.image].performers

    def on_gallery(self) -> list[int]:
        return self.stash.library.galleries[self.gallery].performers

    def images_with(self, performer: str) -> list[str]:
        images = self.stash.library.images.values()
        return [str(image.id) for image in images if int(performer) in image.performers]


def match_of(name: str, local_id: str | None = None, distance: float = 0.25, **fields: Any) -> dict[str, Any]:
    """A candidate of a face."""
    return {
        **performer_of(name, local_id),
        "confidence": round(1 - distance, 4),
        "distance": distance,
        "facenet_distance": distance,
        "arcface_distance": distance,
        "reference_id": None,
        **fields,
    }


def face_of(*matches: dict[str, Any], number: int = 1, **fields: Any) -> dict[str, Any]:
    """A face of the sample obama2.jpg; more of them stand beside it."""
    box = {"x": 197.8, "y": 234.0, "width": 271.9, "height": 382.3, "confidence": 0.9}
    if number > 1:
        box |= {"x": 20.0 + 130 * (number - 2), "y": 40.0, "width": 110.0, "height": 140.0}
    verdict = fields.get("verdict", "match" if matches else "unknown")
    named = matches[0] if verdict == "match" else {"performer_id": None, "name": None}
    return {
        "face_id": f"face-{number}",
        "box": box,
        "quality": 0.9,
        "verdict": verdict,
        **(reason_of("nearest", matches[0]) if matches else reason_of("nobody-enrolled")),
        "performer_id": named["performer_id"],
        "name": named["name"],
        "matches": list(matches),
        **fields,
    }


def reason_of(code: str, *people: dict[str, Any], count: int | None = None) -> dict[str, Any]:
    """Why, as the sidecar says it of these candidates."""
    fields = ("performer_id", "name", "confidence")
    named = [{field: each[field] for field in fields} for each in people]
    reason = Reason(ReasonCode(code), tuple(ReasonPerson(**each) for each in named), count)
    return reason.as_json()


def person_of(
    name: str, images: list[str], local_id: str | None = None, best: float = 0.2, **fields: Any
) -> dict[str, Any]:
    """Somebody found in a gallery."""
    placed = {"face_image_ids": spread(fields["face_ids"], images)} if "face_ids" in fields else {}
    return {
        **performer_of(name, local_id),
        "best_distance": best,
        "avg_distance": best + 0.05,
        "confidence": round(1 - best, 4),
        "image_count": len(images),
        "image_ids": images,
        "reference_id": None,
        **placed,
        **fields,
    }


def group_of(
    track: str, faces: list[str], images: list[str], *nearest: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    """Faces of one unknown person of a gallery; with `nearest` people between whom it is open."""
    return {
        "track_id": track,
        "verdict": "ambiguous" if nearest else "unknown",
        **(reason_of("unsure", nearest[0]) if nearest else reason_of("nobody-enrolled")),
        "face_ids": faces,
        "face_image_ids": spread(faces, images),
        "face_count": len(faces),
        "image_ids": images,
        "image_count": len(images),
        "nearest": list(nearest),
        **fields,
    }


def spread(faces: list[str], images: list[str]) -> list[str]:
    """An image for each of the faces, in turn."""
    return [images[at % len(images)] for at in range(len(faces))]


def thumbnail(path: Path) -> bytes:
    """A JPEG as small as the stored ones: a large one costs seconds on its way through `data:` addresses."""
    out = io.BytesIO()
    with Image.open(path) as picture:
        picture.thumbnail((320, 320))
        picture.convert("RGB").save(out, "JPEG")
    return out.getvalue()
