"""The plugin's operations by name, and their arguments."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict
from urllib.parse import quote

from backend import log, pictures
from backend.errors import Failure
from backend.sidecar import Sidecar, Words
from backend.stash import access

Args = Dict[str, Any]

_KNOBS = ("top_k", "max_distance", "min_face_confidence", "force")
_IDENTIFYING = Words(failed="Identification failed")
_GALLERY = Words(
    failed="Identification failed", too_slow="Gallery identification timed out - gallery may be too large"
)
_GALLERY_S = 300.0
_LOOK_S = 1.0
"""Between two looks at a job, in a task of Stash's own queue."""
_ABOUT_NOBODY = ("ignored", "apart")
"""The words of a decision that need no performer."""
_MOST_CROPS = 24


def run(asked: dict[str, Any]) -> Any:
    """What Stash handed over in, the mode's answer out. Raises Failure."""
    args, connection = asked.get("args") or {}, asked.get("server_connection") or {}
    if not isinstance(args, dict) or not isinstance(connection, dict):
        raise Failure("Request failed: args and server_connection must be objects")
    mode = args.get("mode")
    if not isinstance(mode, str) or mode not in MODES:
        raise Failure(
            f"Request failed: there is no mode {str(mode)[:100]!r}; known are {', '.join(sorted(MODES))}"
        )
    log.debug(f"mode {mode}")
    return MODES[mode](lambda: Sidecar(access(connection)), args)


Ask = Callable[[], Sidecar]
"""Reads the settings from Stash only after the arguments were found good."""


def _identify_image(sidecar: Ask, args: Args) -> Any:
    body = {"image_id": _text(args, "image_id"), **_given(args, *_KNOBS, "source")}
    return sidecar().json("POST", "/identify/image", body, words=_IDENTIFYING)


def _identify_gallery(sidecar: Ask, args: Args) -> Any:
    body = _gallery(args)
    return sidecar().json("POST", "/identify/gallery", body, words=_GALLERY, seconds=_GALLERY_S)


def _identify_scene(sidecar: Ask, args: Args) -> Any:
    body = {"scene_id": _text(args, "scene_id"), **_given(args, *_KNOBS)}
    return sidecar().json("POST", "/identify/scene", body, words=_IDENTIFYING)


def _start_gallery(sidecar: Ask, args: Args) -> Any:
    body = _gallery(args)
    return sidecar().json("POST", "/jobs/gallery", body, words=_IDENTIFYING)


def _gallery(args: Args) -> dict[str, Any]:
    return {"gallery_id": _text(args, "gallery_id"), **_given(args, *_KNOBS, "source", "evidence")}


def _job(sidecar: Ask, args: Args) -> Any:
    path = "/jobs/" + _part(args, "job_id")
    return sidecar().json("GET", path)


def _jobs(sidecar: Ask, args: Args) -> Any:
    target = f"?target={quote(_text(args, 'target'), safe=':')}" if args.get("target") else ""
    ours = sidecar()
    answer = ours.json("GET", "/jobs" + target, has="jobs")
    if args.get("whole") and answer["jobs"]:  # the newest with its result: spares the page a second process
        answer["jobs"][0] = ours.json("GET", f"/jobs/{quote(str(answer['jobs'][0]['job_id']), safe='')}")
    return answer


def _tell_job(sidecar: Ask, args: Args, word: str) -> Any:
    path = f"/jobs/{_part(args, 'job_id')}/{word}"
    return sidecar().json("POST", path)


def _build_database(sidecar: Ask, _: Args) -> Any:
    """A task of Stash's own queue: starts the job, and reports until it has ended."""
    ours = sidecar()
    job_id = ours.json("POST", "/jobs/database", {}, has="job_id")["job_id"]
    while True:
        job = ours.json("GET", f"/jobs/{quote(str(job_id), safe='')}", has="status")
        log.progress(job["done"] / job["total"] if job.get("total") else 0.0)
        if job["status"] == "done":
            return job
        if job["status"] in ("failed", "cancelled"):
            raise Failure(f"Request failed: {job.get('error') or job['status']}")
        time.sleep(_LOOK_S)


def _decide(sidecar: Ask, args: Args) -> Any:
    body = {"face_id": _text(args, "face_id"), **_decision(args)}
    return sidecar().json("POST", "/decisions", body)


def _decide_faces(sidecar: Ask, args: Args) -> Any:
    """The same decision on several faces: all of them or none."""
    body = {"face_ids": _some(args, "face_ids"), **_decision(args)}
    return sidecar().json("POST", "/decisions/faces", body, has="decision_ids")


def _decision(args: Args) -> dict[str, Any]:
    body = {"word": _text(args, "word"), **_given(args, "entry_id", "name")}
    if body["word"] not in _ABOUT_NOBODY or args.get("performer_id"):
        body["performer_id"] = _text(args, "performer_id")
    return body


def _undecide(sidecar: Ask, args: Args) -> Any:
    path = "/decisions/" + _part(args, "decision_id")
    return sidecar().json("DELETE", path)


def _undecide_all(sidecar: Ask, args: Args) -> Any:
    body = {"decision_ids": [_number(each, "decision_ids") for each in _some(args, "decision_ids")]}
    return sidecar().json("POST", "/decisions/undo", body, has="undone")


def _journal_begin(sidecar: Ask, args: Args) -> Any:
    body = {
        "target_type": _text(args, "target_type"),
        "target_ids": _texts(args, "target_ids"),
        "local_id": _text(args, "local_id"),
    }
    return sidecar().json("POST", "/journal", body, has="entry_id")  # without one nothing may be written


def _journal_end(sidecar: Ask, args: Args) -> Any:
    path = "/journal/" + _part(args, "entry_id")
    body = {"status": _text(args, "status"), "added_ids": _texts(args, "added_ids")}
    return sidecar().json("PATCH", path, body)


def _journal(sidecar: Ask, args: Args) -> Any:
    """A page of it: `limit` entries older than `before`."""
    asked = [f"{name}={quote(_text(args, name), safe='')}" for name in ("limit", "before") if args.get(name)]
    return sidecar().json("GET", "/journal" + ("?" if asked else "") + "&".join(asked))


def _undone(sidecar: Ask, args: Args) -> Any:
    path = f"/journal/{_part(args, 'entry_id')}/undone"
    return sidecar().json("POST", path)


def _crop(sidecar: Ask, args: Args) -> Any:
    path = pictures.crop_path(_part(args, "face_id"))
    return {"image": pictures.data_url(sidecar(), path)}


def _crops(sidecar: Ask, args: Args) -> Any:
    """Several at once: every process that Stash starts for the plugin costs time."""
    face_ids = _some(args, "face_ids")
    if len(face_ids) > _MOST_CROPS:
        raise Failure(f"Request failed: {len(face_ids)} face_ids given; at most {_MOST_CROPS} at once")
    paths = {each: pictures.crop_path(_part({"face_ids": each}, "face_ids")) for each in face_ids}
    return {"images": pictures.data_urls(sidecar(), paths)}


def _reference(sidecar: Ask, args: Args) -> Any:
    path = "/references/" + _part(args, "reference_id")
    return {"image": pictures.data_url(sidecar(), path)}


MODES: dict[str, Callable[[Ask, Args], Any]] = {
    "health": lambda sidecar, _: sidecar().json("GET", "/health", has="status"),
    "database_info": lambda sidecar, _: sidecar().json("GET", "/database/info"),
    "identify_image": _identify_image,
    "identify_gallery": _identify_gallery,
    "identify_scene": _identify_scene,
    "start_gallery": _start_gallery,
    "start_database": lambda sidecar, _: sidecar().json("POST", "/jobs/database", {}),
    "build_database": _build_database,
    "job": _job,
    "jobs": _jobs,
    "cancel_job": lambda sidecar, args: _tell_job(sidecar, args, "cancel"),
    "resume_job": lambda sidecar, args: _tell_job(sidecar, args, "resume"),
    "decide": _decide,
    "decide_faces": _decide_faces,
    "undecide": _undecide,
    "undecide_all": _undecide_all,
    "journal_begin": _journal_begin,
    "journal_end": _journal_end,
    "journal": _journal,
    "undone": _undone,
    "crop": _crop,
    "crops": _crops,
    "reference": _reference,
}


def _text(args: Args, name: str) -> str:
    """An id or a word: text, or a whole number as scripts may send it."""
    value = args.get(name)
    if value is None or value == "":
        raise Failure(f"No {name} provided")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Failure(f"Request failed: {name} must be text, not {type(value).__name__}")
    return str(value)


def _part(args: Args, name: str) -> str:
    """The same, as one part of a path."""
    text = _text(args, name)
    if text in {".", ".."}:  # a proxy would make another path of it
        raise Failure(f"Request failed: {name} must not be {text!r}")
    return quote(text, safe="", errors="replace")


def _texts(args: Args, name: str) -> list[str]:
    values = args.get(name)
    if values is None:
        raise Failure(f"No {name} provided")
    if not isinstance(values, list):
        raise Failure(f"Request failed: {name} must be a list, not {type(values).__name__}")
    return [_text({name: value}, name) for value in values]


def _some(args: Args, name: str) -> list[str]:
    """The same, and not an empty list."""
    values = _texts(args, name)
    if not values:
        raise Failure(f"No {name} provided")
    return values


def _number(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise Failure(f"Request failed: {name} must be whole numbers, not {text[:100]!r}") from error


def _given(args: Args, *names: str) -> Args:
    """What was given of these; the sidecar knows the defaults and says what is wrong with a value."""
    return {name: args[name] for name in names if args.get(name) is not None}
