"""The plugin's operations by mode name."""

from __future__ import annotations

import time
from typing import Any, Callable
from urllib.parse import quote

from backend import log
from backend.arguments import Args, given, nonempty_list, path_segment, required_text, text_list, whole_number
from backend.data_urls import data_url, data_urls
from backend.errors import PluginError
from backend.hook import tell_of_changes
from backend.sidecar import FailureMessages, Shape, Sidecar, has_shape
from backend.stash import read_access
from backend.version import plugin_version

_MATCH_OPTIONS = ("top_k", "max_distance", "min_face_confidence", "force")
_SCENE_OPTIONS = (*_MATCH_OPTIONS, "source", "max_frames")
_SUGGESTION_FILTERS = ("kind", "performer_id", "target_type", "min_confidence", "cursor", "limit")
_CLUSTER: Shape = {"cluster_id": int}
_CLUSTER_FIELDS = {
    "name": ("performer_id", "local_id", "name"),
    "merge": ("cluster_ids",),
    "split": ("face_ids",),
    "ignore": ("ignored",),
}
_IDENTIFY = FailureMessages(failed="Identification failed")
_GALLERY = FailureMessages(
    failed="Identification failed", timed_out="Gallery identification timed out - gallery may be too large"
)
GALLERY_TIMEOUT_S = 300.0
_POLL_S = 1.0
"""Between two polls of a job, in a task of Stash's own queue."""
_KINDS_WITHOUT_PERFORMER = ("ignored", "apart")
"""The kinds of a decision that name no performer."""
_MAX_CROPS = 24
_STARTED: Shape = {"job_id": str}
_CHANGES: Shape = {"version": str, "built_at": str, "new": int, "changed": int, "removed": int}
_JOB: Shape = {"status": str}


def run(request: dict[str, Any]) -> Any:
    """Runs the mode that Stash asks for, and returns its output. Raises PluginError.

    With `problems` among the arguments, a failure is an output too, `{"problem": {"code", "message"}}`: of an
    error, Stash passes on nothing but the text, and the plugin's pages say it in the user's language.
    """
    args, connection = request.get("args") or {}, request.get("server_connection") or {}
    if not isinstance(args, dict) or not isinstance(connection, dict):
        raise PluginError("Request failed: args and server_connection must be objects")
    mode = args.get("mode")
    if not isinstance(mode, str) or mode not in (*MODES, "performers_changed"):
        raise PluginError(
            f"Request failed: unknown mode {str(mode)[:100]!r}; use one of {', '.join(sorted(MODES))}"
        )
    log.debug(f"mode {mode}")
    try:
        if mode == "performers_changed":
            return tell_of_changes(connection)
        return MODES[mode](lambda: Sidecar(read_access(connection)), args)
    except PluginError as error:
        if not args.get("problems"):
            raise
        log.error(str(error))
        return {"problem": {"code": error.code, "message": str(error)}}


Connect = Callable[[], Sidecar]
"""Reads the settings from Stash, once the arguments are known to be valid."""


def _health(connect: Connect, _: Args) -> Any:
    health = connect().json("GET", "/health", expected={"status": str, "version": str})
    return {**health, "plugin_version": plugin_version()}


def _identify_image(connect: Connect, args: Args) -> Any:
    body = {"image_id": required_text(args, "image_id"), **given(args, *_MATCH_OPTIONS, "source")}
    return connect().json("POST", "/identify/image", body, messages=_IDENTIFY, expected={"faces": list})


def _identify_gallery(connect: Connect, args: Args) -> Any:
    body = _gallery_body(args)
    return connect().json(
        "POST",
        "/identify/gallery",
        body,
        messages=_GALLERY,
        timeout_s=GALLERY_TIMEOUT_S,
        expected={"performers": list},
    )


def _identify_scene(connect: Connect, args: Args) -> Any:
    body = _scene_body(args)
    return connect().json("POST", "/identify/scene", body, messages=_IDENTIFY, expected={"persons": list})


def _start_scene(connect: Connect, args: Args) -> Any:
    body = _scene_body(args)
    return connect().json("POST", "/jobs/scene", body, messages=_IDENTIFY, expected=_STARTED)


def _scene_body(args: Args) -> dict[str, Any]:
    return {"scene_id": required_text(args, "scene_id"), **given(args, *_SCENE_OPTIONS)}


def _start_gallery(connect: Connect, args: Args) -> Any:
    body = _gallery_body(args)
    return connect().json("POST", "/jobs/gallery", body, messages=_IDENTIFY, expected=_STARTED)


def _gallery_body(args: Args) -> dict[str, Any]:
    return {
        "gallery_id": required_text(args, "gallery_id"),
        **given(args, *_MATCH_OPTIONS, "source", "evidence"),
    }


def _job(connect: Connect, args: Args) -> Any:
    """A job; its result only if it is not that of the revision `since`."""
    path = "/jobs/" + path_segment(args, "job_id")
    since = f"?since={quote(required_text(args, 'since'), safe='')}" if args.get("since") else ""
    return connect().json("GET", path + since, expected=_JOB)


def _jobs(connect: Connect, args: Args) -> Any:
    target = f"?target={quote(required_text(args, 'target'), safe=':')}" if args.get("target") else ""
    client = connect()
    answer = client.json("GET", "/jobs" + target, expected={"jobs": list})
    if not all(isinstance(job, dict) and has_shape(job, _STARTED) for job in answer["jobs"]):
        raise client.stranger()
    if args.get("whole") and answer["jobs"]:  # with its result, which spares the page a second process
        path = f"/jobs/{quote(answer['jobs'][0]['job_id'], safe='')}"
        answer["jobs"][0] = client.json("GET", path, expected=_JOB)
    return answer


def _control_job(connect: Connect, args: Args, action: str) -> Any:
    path = f"/jobs/{path_segment(args, 'job_id')}/{action}"
    return connect().json("POST", path, expected=_JOB)


def _unlearned(connect: Connect, args: Args) -> Any:
    """A page of the performers without a face in the face database."""
    path = f"/database/unlearned?offset={whole_number(args.get('offset', 0), 'offset')}"
    return connect().json("GET", path, expected={"performers": list, "total": int})


def _references(connect: Connect, args: Args, action: str) -> Any:
    body = {"references": text_list(args, "references")}
    return connect().json("POST", f"/database/{action}", body, expected={"references": list})


def _dismiss(connect: Connect, args: Args, path: str) -> Any:
    body = {"ids": [whole_number(each, "ids") for each in nonempty_list(args, "ids")]}
    return connect().json("POST", path, body, expected={"dismissed": int})


def _change_cluster(connect: Connect, args: Args, action: str, expected: Shape) -> Any:
    """What a person does with an unknown person of the library; the sidecar checks what each takes."""
    path = f"/unknown/{path_segment(args, 'cluster_id')}/{action}"
    fields = given(args, *_CLUSTER_FIELDS.get(action, ()))
    return connect().json("POST", path, fields or None, expected=expected)


def _run_as_task(connect: Connect, path: str) -> Any:
    """A task of Stash's own queue: starts the job and reports its progress until it ends or is paused."""
    client = connect()
    job_id = client.json("POST", path, {}, expected=_STARTED)["job_id"]
    while True:
        job = client.json("GET", f"/jobs/{quote(str(job_id), safe='')}", expected=_JOB)
        # Until the total is known, Stash shows that the task is at work, and not 0 %.
        if has_shape(job, {"done": (int, float), "total": (int, float)}) and job["total"]:
            log.progress(job["done"] / job["total"])
        if job["status"] == "done" or job.get("paused"):
            return job
        if job["status"] in ("failed", "cancelled"):
            raise PluginError(f"Request failed: {job.get('error') or job['status']}")
        time.sleep(_POLL_S)


def _decide(connect: Connect, args: Args) -> Any:
    body = {"face_id": required_text(args, "face_id"), **_decision(args)}
    return connect().json("POST", "/decisions", body)


def _decide_faces(connect: Connect, args: Args) -> Any:
    """Stores the same decision on several faces: all of them or none."""
    body = {"face_ids": nonempty_list(args, "face_ids"), **_decision(args)}
    return connect().json("POST", "/decisions/faces", body, expected={"decision_ids": list})


def _decision(args: Args) -> dict[str, Any]:
    body = {"word": required_text(args, "word"), **given(args, "entry_id", "name", "local_id")}
    if body["word"] not in _KINDS_WITHOUT_PERFORMER or args.get("performer_id"):
        body["performer_id"] = required_text(args, "performer_id")
    return body


def _decisions(connect: Connect, args: Args) -> Any:
    """A page of the decisions that stand: `limit` older than `before`, of a person, a face, or a kind."""
    path = "/decisions" + _query(args, "performer_id", "face_id", "word", "limit", "before")
    return connect().json("GET", path, expected={"decisions": list})


def _decisions_revision(connect: Connect, args: Args) -> Any:
    name = "scene_id" if args.get("scene_id") else "gallery_id"
    path = f"/decisions/revision?{name}={quote(required_text(args, name), safe='')}"
    return connect().json("GET", path, expected={"revision": str})


def _query(args: Args, *names: str) -> str:
    query = [f"{name}={quote(required_text(args, name), safe='')}" for name in names if args.get(name)]
    return ("?" if query else "") + "&".join(query)


def _undecide(connect: Connect, args: Args) -> Any:
    path = "/decisions/" + path_segment(args, "decision_id")
    return connect().json("DELETE", path)


def _undecide_all(connect: Connect, args: Args) -> Any:
    body = {
        "decision_ids": [whole_number(each, "decision_ids") for each in nonempty_list(args, "decision_ids")]
    }
    return connect().json("POST", "/decisions/undo", body, expected={"undone": int})


def _journal_begin(connect: Connect, args: Args) -> Any:
    body = {
        "target_type": required_text(args, "target_type"),
        "target_ids": text_list(args, "target_ids"),
        "local_id": required_text(args, "local_id"),
        **given(args, "batch_id", "action"),
    }
    return connect().json(
        "POST", "/journal", body, expected={"entry_id": int}
    )  # nothing is tagged without one


def _begin_picture(connect: Connect, args: Args) -> Any:
    """Nothing is replaced that could not be put back: the sidecar keeps the present picture."""
    before = None if args.get("before") is None else required_text(args, "before")
    body = {
        "local_id": required_text(args, "local_id"),
        "before": before,
        "after": required_text(args, "after"),
    }
    return connect().json("POST", "/journal/picture", body, expected={"entry_id": int})


def _former_picture(connect: Connect, args: Args) -> Any:
    path = f"/journal/{path_segment(args, 'entry_id')}/picture"
    return connect().json("GET", path, expected={"after": str})


def _journal_end(connect: Connect, args: Args) -> Any:
    path = "/journal/" + path_segment(args, "entry_id")
    body = {"status": required_text(args, "status"), "added_ids": text_list(args, "added_ids")}
    return connect().json("PATCH", path, body)


def _journal(connect: Connect, args: Args) -> Any:
    """A page of the journal: `limit` entries older than `before`."""
    return connect().json("GET", "/journal" + _query(args, "limit", "before", "performer_id"))


def _undone(connect: Connect, args: Args) -> Any:
    path = f"/journal/{path_segment(args, 'entry_id')}/undone"
    return connect().json("POST", path)


def _crop_path(face_id: str) -> str:
    """face_id: one path segment."""
    return f"/faces/{face_id}/crop"


def _crop(connect: Connect, args: Args) -> Any:
    path = _crop_path(path_segment(args, "face_id"))
    return {"image": data_url(connect(), path)}


def _crops(connect: Connect, args: Args) -> Any:
    """Several crops in one call: each call is a process that Stash starts."""
    face_ids = nonempty_list(args, "face_ids")
    if len(face_ids) > _MAX_CROPS:
        raise PluginError(f"Request failed: {len(face_ids)} face_ids given; at most {_MAX_CROPS} accepted")
    paths = {each: _crop_path(path_segment({"face_ids": each}, "face_ids")) for each in face_ids}
    return {"images": data_urls(connect(), paths)}


def _reference(connect: Connect, args: Args) -> Any:
    """The reference face; null where the sidecar has none, which is no failure for Stash's log."""
    path = "/references/" + path_segment(args, "reference_id")
    if args.get("performer_id"):
        path += "?performer_id=" + quote(required_text(args, "performer_id"), safe="")
    try:
        return {"image": data_url(connect(), path)}
    except PluginError as error:
        if error.code != "no-reference":
            raise
        return {"image": None}


MODES: dict[str, Callable[[Connect, Args], Any]] = {
    "health": _health,
    "database_info": lambda connect, _: connect().json("GET", "/database/info", expected={"version": str}),
    "identify_image": _identify_image,
    "identify_gallery": _identify_gallery,
    "identify_scene": _identify_scene,
    "start_gallery": _start_gallery,
    "start_scene": _start_scene,
    "start_database": lambda connect, args: connect().json(
        "POST",
        "/jobs/database",
        given(args, "images", "allow_empty", "source"),
        expected=_STARTED,
    ),
    "database_changes": lambda connect, _: connect().json("GET", "/database/changes", expected=_CHANGES),
    "unlearned": _unlearned,
    "hygiene": lambda connect, args: connect().json(
        "GET", "/database/hygiene" + _query(args, "kind", "limit", "offset"), expected={"findings": list}
    ),
    "quarantine": lambda connect, args: _references(connect, args, "quarantine"),
    "restore_references": lambda connect, args: _references(connect, args, "restore"),
    "rollback": lambda connect, _: connect().json("POST", "/database/rollback", expected={"to": str}),
    "newly_named": lambda connect, args: connect().json(
        "GET", "/database/newly-named" + _query(args, "limit", "before"), expected={"faces": list}
    ),
    "dismiss_newly_named": lambda connect, args: _dismiss(connect, args, "/database/newly-named/dismiss"),
    "build_database": lambda connect, _: _run_as_task(connect, "/jobs/database"),
    "identify_library": lambda connect, _: _run_as_task(connect, "/jobs/library"),
    "start_library": lambda connect, args: connect().json(
        "POST", "/jobs/library", given(args, "what", "only", "filter", "order"), expected=_STARTED
    ),
    "suggestions": lambda connect, args: connect().json(
        "GET", "/suggestions" + _query(args, *_SUGGESTION_FILTERS), expected={"groups": list, "total": int}
    ),
    "dismiss_suggestions": lambda connect, args: _dismiss(connect, args, "/suggestions/dismiss"),
    "clusters": lambda connect, args: connect().json(
        "GET", "/unknown" + _query(args, "hidden", "limit", "cursor"), expected={"clusters": list}
    ),
    "cluster": lambda connect, args: connect().json(
        "GET",
        f"/unknown/{path_segment(args, 'cluster_id')}" + _query(args, "limit", "cursor"),
        expected={"members": list},
    ),
    "name_cluster": lambda connect, args: _change_cluster(connect, args, "name", _CLUSTER),
    "unname_cluster": lambda connect, args: _change_cluster(connect, args, "unname", _CLUSTER),
    "merge_clusters": lambda connect, args: _change_cluster(connect, args, "merge", _CLUSTER),
    "split_cluster": lambda connect, args: _change_cluster(connect, args, "split", _CLUSTER),
    "ignore_cluster": lambda connect, args: _change_cluster(connect, args, "ignore", _CLUSTER),
    "undo_cluster": lambda connect, args: _change_cluster(connect, args, "undo", {"undone": str}),
    "job": _job,
    "jobs": _jobs,
    "clear_jobs": lambda connect, _: connect().json("DELETE", "/jobs", expected={"cleared": int}),
    "pause_job": lambda connect, args: _control_job(connect, args, "pause"),
    "cancel_job": lambda connect, args: _control_job(connect, args, "cancel"),
    "resume_job": lambda connect, args: _control_job(connect, args, "resume"),
    "decide": _decide,
    "decide_faces": _decide_faces,
    "decisions": _decisions,
    "decisions_revision": _decisions_revision,
    "undecide": _undecide,
    "undecide_all": _undecide_all,
    "journal_begin": _journal_begin,
    "journal_end": _journal_end,
    "begin_picture": _begin_picture,
    "former_picture": _former_picture,
    "journal": _journal,
    "undone": _undone,
    "crop": _crop,
    "crops": _crops,
    "reference": _reference,
}
