"""The root fields of Mutation: one transaction each."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from .finding import number
from .library import Library, Tagged
from .views import Views

Field = Callable[..., Any]
PluginOperation = Callable[[str, dict[str, Any]], Any]
"""A plugin's id and the operation's arguments in, its output out."""

_DATA_URL = re.compile(r"data:.+/(.+);base64,(.*)", re.DOTALL)
_PORTRAIT_WAIT_S = 10


def fields(library: Library, views: Views, run_plugin: PluginOperation | None) -> dict[str, Field]:
    """The resolvers by name: each takes the query's info and arguments."""
    change = _Change(library)
    return {
        "imageUpdate": lambda _, input: views.image(change.one("image", input)),  # noqa: A006
        "galleryUpdate": lambda _, input: views.gallery(change.one("gallery", input)),  # noqa: A006
        "bulkImageUpdate": lambda _, input: [views.image(i) for i in change.bulk("image", input)],  # noqa: A006
        "bulkGalleryUpdate": lambda _, input: [  # noqa: A006
            views.gallery(gallery) for gallery in change.bulk("gallery", input)
        ],
        "bulkSceneUpdate": lambda _, input: [views.scene(s) for s in change.bulk("scene", input)],  # noqa: A006
        "performerCreate": lambda _, input: views.performer(  # noqa: A006
            library.performers[_create_performer(library, input)]
        ),
        "performerUpdate": lambda _, input: views.performer(  # noqa: A006
            library.performers[_update_performer(library, input)]
        ),
        "sceneMarkerCreate": lambda _, input: views.marker(  # noqa: A006
            library.markers[_create_marker(library, input)]
        ),
        "sceneMarkerDestroy": lambda _, id: _destroy_marker(library, id),  # noqa: A006
        "tagCreate": lambda _, input: views.tag(_create_tag(library, input["name"])),  # noqa: A006
        "configurePlugin": lambda _, plugin_id, input: _configure(library, plugin_id, input),  # noqa: A006
        "runPluginOperation": lambda _, plugin_id, args=None: _run(run_plugin, plugin_id, args or {}),
    }


class _Change:
    def __init__(self, library: Library) -> None:
        self._library = library
        self._items = {"image": library.images, "gallery": library.galleries, "scene": library.scenes}

    def one(self, kind: str, given: Mapping[str, Any]) -> Tagged:
        """SET: the lists given replace those there are."""
        sets = {
            key: {"ids": given[key], "mode": "SET"}
            for key in ("performer_ids", "tag_ids")
            if given.get(key) is not None
        }
        plain = {key: given[key] for key in ("title", "organized") if key in given}
        return self._all(kind, [given["id"]], sets, plain)[0]

    def bulk(self, kind: str, given: Mapping[str, Any]) -> list[Tagged]:
        lists = {key: given[key] for key in ("performer_ids", "tag_ids") if given.get(key) is not None}
        plain = {"organized": given["organized"]} if given.get("organized") is not None else {}
        return self._all(kind, given.get("ids") or [], lists, plain)

    def _all(
        self, kind: str, ids: list[str], lists: Mapping[str, Any], plain: Mapping[str, Any]
    ) -> list[Tagged]:
        """All or none: everything is looked up before anything is changed."""
        with self._library.lock:
            items = []
            for each in map(number, ids):
                if each not in self._items[kind]:
                    raise ValueError(f"{kind} with id {each} not found")
                items.append(self._items[kind][each])
            self._check(lists)
            for item in items:
                for key, change in lists.items():
                    _apply(getattr(item, _HELD[key]), [number(each) for each in change["ids"] or ()], change)
                for key, value in plain.items():
                    setattr(item, key, value)
                item.updated_at = self._library.now()  # even if nothing was added
            return items

    def _check(self, lists: Mapping[str, Any]) -> None:
        known = {"performer_ids": self._library.performers, "tag_ids": self._library.tags}
        for key, change in lists.items():
            wanted = {number(each) for each in change["ids"] or ()}
            if change["mode"] != "REMOVE" and not wanted <= set(known[key]):
                raise ValueError("FOREIGN KEY constraint failed")


_HELD = {"performer_ids": "performers", "tag_ids": "tags"}


def _apply(held: list[int], wanted: list[int], change: Mapping[str, Any]) -> None:
    match change["mode"]:
        case "SET":
            held[:] = dict.fromkeys(wanted)
        case "ADD":
            held.extend(each for each in dict.fromkeys(wanted) if each not in held)
        case "REMOVE":
            held[:] = [each for each in held if each not in wanted]


def _create_performer(library: Library, given: Mapping[str, Any]) -> int:
    name, disambiguation = given["name"].strip(), given.get("disambiguation") or None
    if not name:
        raise ValueError("performer name must not be blank")
    portrait = _portrait(given.get("image"))  # before the lock: it may be fetched
    with library.lock:
        for other in library.performers.values():
            if (other.name.lower(), other.disambiguation) == (name.lower(), disambiguation):
                beside = f" and disambiguation '{disambiguation}'" if disambiguation else ""
                raise ValueError(f"performer with name '{name}'{beside} already exists")
        return library.add_performer(
            name,
            disambiguation=disambiguation,
            gender=given.get("gender"),
            country=given.get("country"),
            urls=list(given.get("urls") or ()),
            alias_list=list(given.get("alias_list") or ()),
            tags=[number(each) for each in given.get("tag_ids") or ()],
            stash_ids=[(each["endpoint"], each["stash_id"]) for each in given.get("stash_ids") or ()],
            image=portrait,
            custom_fields=dict(given.get("custom_fields") or {}),
        )


def _update_performer(library: Library, given: Mapping[str, Any]) -> int:
    """What is not given stays; an image of null takes the picture away."""
    portrait = _portrait(given.get("image"))
    with library.lock:
        performer = library.performers.get(number(given["id"]))
        if performer is None:
            raise ValueError(f"performer with id {given['id']} not found")
        if set(given) - {"id", "image"}:
            raise ValueError("the stand-in only updates pictures")
        if "image" in given:
            performer.image = portrait
        performer.updated_at = library.now()
        return performer.id


def _create_marker(library: Library, given: Mapping[str, Any]) -> int:
    scene, tag = number(given["scene_id"]), number(given["primary_tag_id"])
    start, end = given["seconds"], given.get("end_seconds")
    if end is not None and end < start:
        raise ValueError(f"end_seconds ({end}) must be greater than or equal to seconds ({start})")
    with library.lock:
        if scene not in library.scenes or tag not in library.tags:
            raise ValueError("FOREIGN KEY constraint failed")
        return library.add_marker(scene, given["title"].strip(), start, end, tag)


def _destroy_marker(library: Library, marker_id: str) -> bool:
    with library.lock:
        if number(marker_id) not in library.markers:
            raise ValueError(f"scene marker with id {marker_id} not found")
        del library.markers[number(marker_id)]
        return True


def _portrait(image: str | None) -> bytes | None:
    """A data URL, else an address that Stash itself fetches."""
    if not image:
        return None
    inline = _DATA_URL.fullmatch(image)
    if inline:
        return base64.b64decode(inline[2])
    answer = httpx.get(image, timeout=_PORTRAIT_WAIT_S, trust_env=False)
    if answer.is_error:
        raise ValueError(f"processing image: http error {answer.status_code}")
    return answer.content


def _create_tag(library: Library, name: str) -> int:
    with library.lock:
        if not name:
            raise ValueError("tag name must not be blank")
        if name.lower() in (each.lower() for each in library.tags.values()):
            raise ValueError(f"tag with name '{name}' already exists")
        return library.add_tag(name)


def _configure(library: Library, plugin_id: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What is given replaces everything that was there."""
    library.plugins[plugin_id] = dict(settings)
    return library.plugins[plugin_id]


def _run(run_plugin: PluginOperation | None, plugin_id: str, arguments: dict[str, Any]) -> Any:
    if run_plugin is None:
        raise ValueError(f"no plugin with ID {plugin_id}")
    return run_plugin(plugin_id, arguments)
