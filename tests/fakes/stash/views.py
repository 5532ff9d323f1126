"""The library's things as GraphQL objects: fields by name, the costly ones as functions."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from .finding import count_of
from .library import File, Library, Marker, Performer, Tagged

View = dict[str, Any]


class Views:
    """base: what Stash puts before the paths of its URLs."""

    def __init__(self, library: Library, base: str) -> None:
        self._library = library
        self._base = base

    def image(self, image: Tagged) -> View:
        stamp = int(image.updated_at.timestamp())
        place = f"{self._base}/image/{image.id}"
        return {
            **self._tagged(image),
            "files": lambda _: [_file(file) for file in image.files if file.kind == "ImageFile"],
            "visual_files": lambda _: [_file(file) for file in image.files],
            "galleries": lambda _: self._known(image.galleries, self._library.galleries, self.gallery),
            "paths": {
                "image": f"{place}/image?t={stamp}",
                "thumbnail": f"{place}/thumbnail?t={stamp}",
                "preview": "",
            },
        }

    def gallery(self, gallery: Tagged) -> View:
        library = self._library

        def images() -> list[Tagged]:
            return [image for image in list(library.images.values()) if gallery.id in image.galleries]

        return {
            **self._tagged(gallery),
            "files": lambda _: [_file(file) for file in gallery.files],
            "folder": {"id": gallery.id, "path": gallery.folder} if gallery.folder else None,
            "scenes": lambda _: [
                self.scene(scene) for scene in list(library.scenes.values()) if gallery.id in scene.galleries
            ],
            "image_count": lambda _: len(images()),
            "cover": lambda _: next(map(self.image, images()), None),
        }

    def scene(self, scene: Tagged) -> View:
        place = f"{self._base}/scene/{scene.id}"
        named = f"{self._base}/scene/{scene.files[0].fingerprints['oshash']}" if scene.files else place
        return {
            **self._tagged(scene),
            "files": lambda _: [_file(file) for file in scene.files],
            "galleries": lambda _: self._known(scene.galleries, self._library.galleries, self.gallery),
            "scene_markers": lambda _: [
                self.marker(each) for each in list(self._library.markers.values()) if each.scene == scene.id
            ],
            # Always there, whether or not anything was generated.
            "paths": {
                "screenshot": f"{place}/screenshot?t={int(scene.updated_at.timestamp())}",
                "preview": f"{place}/preview",
                "stream": f"{place}/stream",
                "webp": f"{place}/webp",
                "vtt": f"{named}_thumbs.vtt",
                "sprite": f"{named}_sprite.jpg",
            },
        }

    def performer(self, performer: Performer) -> View:
        library = self._library
        portrait = f"{self._base}/performer/{performer.id}/image?t={int(performer.updated_at.timestamp())}"
        return {
            "id": performer.id,
            "name": performer.name,
            "disambiguation": performer.disambiguation,
            "urls": performer.urls,
            "gender": performer.gender,
            "country": performer.country,
            "alias_list": performer.alias_list,
            "favorite": False,
            "tags": lambda _: self._tags(performer.tags),
            "image_path": portrait if performer.image else f"{portrait}&default=true",
            "scene_count": lambda _: count_of(library, performer.id, "scenes"),
            "image_count": lambda _: count_of(library, performer.id, "images"),
            "gallery_count": lambda _: count_of(library, performer.id, "galleries"),
            "stash_ids": [{"endpoint": place, "stash_id": each} for place, each in performer.stash_ids],
            "custom_fields": performer.custom_fields,
            "created_at": _time(performer.created_at),
            "updated_at": _time(performer.updated_at),
        }

    def tag(self, tag_id: int) -> View:
        return {"id": tag_id, "name": self._library.tags[tag_id], "aliases": []}

    def marker(self, marker: Marker) -> View:
        return {
            "id": marker.id,
            "scene": lambda _: self.scene(self._library.scenes[marker.scene]),
            "title": marker.title,
            "seconds": marker.seconds,
            "end_seconds": marker.end_seconds,
            "primary_tag": lambda _: self.tag(marker.primary_tag),
            "tags": [],
        }

    def _tagged(self, item: Tagged) -> View:
        return {
            "id": item.id,
            "title": item.title,
            "organized": item.organized,
            "created_at": _time(item.created_at),
            "updated_at": _time(item.updated_at),
            "tags": lambda _: self._tags(item.tags),
            "performers": lambda _: self._known(item.performers, self._library.performers, self.performer),
        }

    def _tags(self, ids: Iterable[int]) -> list[View]:
        return [self.tag(each) for each in ids if each in self._library.tags]

    @staticmethod
    def _known(ids: Iterable[int], items: dict[int, Any], view: Callable[[Any], View]) -> list[View]:
        return [view(items[each]) for each in list(ids) if each in items]


def _file(file: File) -> View:
    prints = [{"type": kind, "value": value} for kind, value in file.fingerprints.items()]
    return {
        "__typename": file.kind,
        "id": file.id,
        "path": file.path,
        "basename": file.basename,
        "mod_time": _time(file.mod_time),
        "size": file.size,
        "fingerprint": lambda _, type: file.fingerprints.get(type),  # noqa: A006 - the schema's word
        "fingerprints": prints,
        "format": file.format,
        "width": file.width,
        "height": file.height,
        "duration": file.duration,
        "created_at": _time(file.mod_time),
        "updated_at": _time(file.mod_time),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
