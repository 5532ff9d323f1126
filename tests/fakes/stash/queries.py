"""The root fields of Query."""

from collections.abc import Callable, Mapping
from typing import Any

from . import finding
from .library import Library, Tagged
from .views import View, Views

Field = Callable[..., Any]


def fields(library: Library, views: Views, *, api_key: str, version: str) -> dict[str, Field]:
    """The resolvers by name: each takes the query's info and arguments."""
    find = _Find(library, views)
    return {
        "findImage": find.image,
        "findImages": find.images,
        "findGallery": lambda _, id: find.one(library.galleries, views.gallery, id),  # noqa: A006
        "findGalleries": find.galleries,
        "findScene": lambda _, id=None, **__: find.one(library.scenes, views.scene, id),  # noqa: A006
        "findScenes": find.scenes,
        "findPerformer": lambda _, id: find.one(library.performers, views.performer, id),  # noqa: A006
        "findPerformers": find.performers,
        "findTag": lambda _, id: find.one(library.tags, lambda _: views.tag(int(id)), id),  # noqa: A006
        "findTags": find.tags,
        "configuration": lambda _: _configuration(library, api_key),
        "systemStatus": {
            "databaseSchema": 75,
            "databasePath": "/root/.stash",
            "appSchema": 75,
            "status": library.status,
        },
        "plugins": lambda _: [
            {"id": plugin, "name": plugin, "version": version, "enabled": enabled}
            for plugin, (version, enabled) in library.installed.items()
        ],
        "version": {"version": version, "hash": "0123abcd", "build_time": "2026-01-01 00:00:00"},
    }


class _Find:
    def __init__(self, library: Library, views: Views) -> None:
        self._library = library
        self._views = views

    def one(self, items: Mapping[int, Any], view: Callable[[Any], View], stash_id: str | None) -> View | None:
        found = None if stash_id is None else items.get(finding.number(stash_id))
        return None if found is None else view(found)

    def image(self, _: Any, **asked: Any) -> View | None:
        if asked.get("id") is not None:
            return self.one(self._library.images, self._views.image, asked["id"])
        for image in self._all(self._library.images):
            if any(asked.get("checksum") in file.fingerprints.values() for file in image.files):
                return self._views.image(image)
        return None

    def images(self, _: Any, **asked: Any) -> View:
        count, found = self._tagged("image", self._library.images, asked)
        files = [file for image in found for file in image.files]
        return {
            "count": count,
            "megapixels": sum(file.width * file.height for file in files) / 1e6,
            "filesize": float(sum(file.size for file in files)),
            "images": [self._views.image(image) for image in found],
        }

    def galleries(self, _: Any, **asked: Any) -> View:
        count, found = self._tagged("gallery", self._library.galleries, asked)
        return {"count": count, "galleries": [self._views.gallery(gallery) for gallery in found]}

    def scenes(self, _: Any, **asked: Any) -> View:
        count, found = self._tagged("scene", self._library.scenes, asked)
        return {"count": count, "scenes": [self._views.scene(scene) for scene in found]}

    def performers(self, _: Any, **asked: Any) -> View:
        performers = self._library.performers
        if asked.get("ids"):
            found = finding.by_ids("performer", performers, asked["ids"])
            count = len(found)
        else:
            criteria = asked.get("performer_filter")
            find = {"sort": "name", **(asked.get("filter") or {})}  # performers are always in some order
            fitting = [
                each
                for each in self._all(performers)
                if finding.performer_fits(each, criteria) and finding.performer_sought(each, find.get("q"))
            ]
            count = len(fitting)
            found = finding.page(fitting, find, finding.PERFORMER_KEYS)
        return {"count": count, "performers": [self._views.performer(each) for each in found]}

    def tags(self, _: Any, **asked: Any) -> View:
        criteria = asked.get("tag_filter")
        fitting = [each for each, name in self._library.tags.items() if finding.tag_fits(name, criteria)]
        return {"count": len(fitting), "tags": [self._views.tag(each) for each in fitting]}

    def _tagged(
        self, kind: str, items: Mapping[int, Tagged], asked: Mapping[str, Any]
    ) -> tuple[int, list[Tagged]]:
        if asked.get("ids"):  # an empty list counts as none given
            found = finding.by_ids(kind, items, asked["ids"])
            return len(found), found
        fitting = [
            each for each in self._all(items) if finding.tagged_fits(each, asked.get(f"{kind}_filter"))
        ]
        return len(fitting), finding.page(fitting, asked.get("filter"), finding.TAGGED_KEYS)

    def _all(self, items: Mapping[int, Any]) -> list[Any]:
        with self._library.lock:
            return list(items.values())


def _configuration(library: Library, api_key: str) -> View:
    def plugins(_: Any, include: list[str] | None = None) -> dict[str, Any]:
        listed = include or list(library.plugins)
        return {each: library.plugins[each] for each in listed if library.plugins.get(each)}

    return {
        "general": {
            "apiKey": api_key,
            "username": "owner" if api_key else "",
            "stashBoxes": [
                {
                    "endpoint": endpoint,
                    "name": name,
                    "api_key": key,
                    "max_requests_per_minute": library.box_limits.get(endpoint, 240),
                }
                for endpoint, name, key in library.stash_boxes
            ],
        },
        "plugins": plugins,
    }
