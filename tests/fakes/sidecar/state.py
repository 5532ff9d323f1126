"""What the stand-in knows and remembers, and its answers."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from .clusters import Clusters
from .notes import Json, Problem

_ENDED = ("done", "failed", "cancelled")
_EMPTY: Json = {"performers": [], "unknown": [], "errors": [], "error_count": 0, "skipped": []}


_NO_SCENE: Json = {
    "duration_s": 60.0,
    "width": 1920,
    "height": 1080,
    "frames_analyzed": 40,
    "faces_detected": 0,
    "source": "file",
    "stopped": "settled",
    "frames": [],
    "persons": [],
    "unknown": [],
    "errors": [],
}


class _Fields(NamedTuple):
    """What of a job's result is its total, and what it is as far as it has come."""

    total: str
    done: str
    people: str


_GALLERY_FIELDS = _Fields("total_images", "images_processed", "performers")
_SCENE_FIELDS = _Fields("frames_analyzed", "frames_analyzed", "persons")


@dataclass
class Job:
    """It is as far as `reached` says, from 0 to 1, unless it was stopped."""

    job_id: str
    kind: str
    target: str
    result: Json
    reached: Callable[[], float]
    fails: str = ""
    fails_code: str = ""
    stopped_at: float | None = None
    paused: bool = False

    def view(self, since: str | None = None) -> Json:
        """since: a revision; its result is not sent again."""
        share = self.reached() if self.stopped_at is None else self.stopped_at
        if share >= 1:
            self.stopped_at = share  # what is done stays done
        running = share < 1 and self.stopped_at is None
        ended = "cancelled" if share < 1 else "failed" if self.fails else "done"
        names = _SCENE_FIELDS if self.kind == "scene" else _GALLERY_FIELDS
        total = self.result[names.total]
        done = int(total * share)
        people = self.result[names.people][: round(len(self.result[names.people]) * share)]
        result = {**self.result, names.done: done, names.people: people} if share < 1 else self.result
        revision = sha256(json.dumps(result).encode()).hexdigest()[:16]
        return {
            "job_id": self.job_id,
            "kind": self.kind,
            "target": self.target,
            "status": ("queued" if self.paused else "running") if running else ended,
            "paused": self.paused,
            "done": done,
            "total": total,
            "faces": int(self.result["faces_detected"] * share),
            "people": len(people),
            "rate": 2.5 if running and done else 0.0,
            "eta_s": 65.0 if running and share >= 0.05 else None,
            "result": None if since == revision else result,
            "revision": revision,
            "error": self.fails if ended == "failed" and not running else None,
            "error_code": self.fails_code if ended == "failed" and not running else None,
            "all_errors": list(self.result["errors"]),
            "error_count": len(self.result["errors"]),
            "asked": {},
            "created_at": "2026-01-02T03:00:00Z",
            "started_at": "2026-01-02T03:00:00Z",
            "ended_at": None if running else "2026-01-02T03:04:05Z",
        }

    def listed(self) -> Json:
        job = self.view()
        return {**job, "result": None, "revision": None, "all_errors": job["all_errors"][:10]}

    def cancel(self) -> None:
        if self.view()["status"] not in _ENDED:
            self.stopped_at = self.reached()

    def resume(self) -> None:
        """Goes on where it stood; what made it fail is mended."""
        if not self.paused and self.view()["status"] not in ("failed", "cancelled"):
            raise Problem(409, "refused", f"Job {self.job_id} is {self.view()['status']}.")
        self.stopped_at, self.fails, self.paused = None, "", False


class State(Clusters):
    """Set by tests, changed by requests under `lock`."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.features = ["health", "database-info", "identify", "identify-image", "identify-gallery", "jobs"]
        self.people: int | None = 3
        """None: there is no face database."""
        self.built = 1
        """How often the database was built; each build is another version."""
        self.newer = {"new": 0, "changed": 0, "removed": 0}
        self.unlearned: dict[str, str] = {}
        """Performer's id in Stash -> code."""
        self.newly_named: list[Json] = []
        self.findings: list[Json] = []
        self.look_alikes: list[Json] = []
        self.compared = True
        """Whether the references have been compared: tests hold it."""
        self.images: dict[str, Json] = {}
        self.galleries: dict[str, Json] = {}
        self.scenes: dict[str, Json] = {}
        """Answered only where `features` has scenes."""
        self.pictures: dict[str, bytes] = {}
        """JPEGs by face or reference id."""
        self.reached = 1.0
        """How far jobs are: tests hold them at a share, and let them go on."""
        self._looks = (0, 1.0)
        self.job_fails = ""
        self.job_fails_code = "stash-unreachable"
        self.jobs: dict[str, Job] = {}
        self.cleared: set[str] = set()

    def health(self) -> Json:
        missing = []
        if self.people is None:
            missing = [{"what": "database", "code": "no-database", "detail": "There is no face database."}]
        return {
            "status": "degraded" if missing else "ok",
            "version": "0.1.0",
            "loaded": {"pack": "stash-sense-default", "database": None if missing else self.database()},
            "missing": missing,
            "features": self.features,
        }

    def database(self) -> Json:
        if self.people is None:
            raise Problem(503, "no-database", "There is no face database. Build one.")
        return {
            "version": f"20260102-030405-a1b2c{self.built}",
            "pack": "stash-sense-default",
            "people": self.people,
            "faces": self.people,
            "built_at": "2026-01-02T03:04:05+00:00",
            "sources": ["stash"],
            "other_version": f"20260102-030405-a1b2c{self.built - 1}" if self.built > 1 else None,
            "rolled_back": False,
            "next_update": None,
        }

    def roll_back(self) -> Json:
        self.built -= 1 if self.built > 1 else -1
        return {"from": "20260102-030405-a1b2c9", "to": self.database()["version"], "forward": self.built > 1}

    def newly_named_page(self) -> Json:
        return {"faces": self.newly_named, "next_before": None, "matching": False}

    def dismiss(self, body: Json) -> Json:
        left = [face for face in self.newly_named if face["id"] not in body["ids"]]
        dismissed, self.newly_named = len(self.newly_named) - len(left), left
        return {"dismissed": dismissed}

    def hygiene_page(self) -> Json:
        """All of it: the stand-in has no further pages."""
        counts: dict[str, int] = {}
        for code in [*(each["code"] for each in self.findings), *("look-alike" for _ in self.look_alikes)]:
            counts[code] = counts.get(code, 0) + 1
        return {
            "version": self.database()["version"],
            "ready": self.compared,
            "done": 4 if self.compared else 1,
            "total": 4,
            "counts": counts if self.compared else {},
            "findings": self.findings if self.compared else [],
            "look_alikes": self.look_alikes if self.compared else [],
            "next_offset": None,
        }

    def set_aside(self, body: Json, *, aside: bool) -> Json:
        known = {each["reference"]: each for each in self.findings}
        for reference in body["references"]:
            if reference not in known:
                raise Problem(404, "no-reference", f"The face database has no reference {reference}.")
        for reference in body["references"]:
            known[reference].update(in_use=False, kept=not aside)
        return {"references": body["references"], "version": self.database()["version"]}

    def changes(self) -> Json:
        database = self.database()
        return {
            "version": database["version"],
            "built_at": database["built_at"],
            "from_stash": True,
            **self.newer,
        }

    def unlearned_page(self) -> Json:
        performers = [
            {"local_id": local_id, "code": code, "reason": f"reason of {code}"}
            for local_id, code in self.unlearned.items()
        ]
        counts = {code: [*self.unlearned.values()].count(code) for code in self.unlearned.values()}
        return {"performers": performers, "total": len(performers), "counts": counts}

    def image(self, image_id: str) -> Json:
        self.database()
        if image_id not in self.images:
            raise Problem(404, "not-in-stash", f"Stash has no image {image_id}.")
        answer = self.images[image_id]
        if not self.decisions:
            return answer
        return answer | {"faces": [{**face, "decisions": self.decided(face)} for face in answer["faces"]]}

    def gallery(self, gallery_id: str) -> Json:
        self.database()
        if gallery_id not in self.galleries:
            raise Problem(404, "not-in-stash", f"Stash has no gallery {gallery_id}.")
        version = self.database()["version"]
        made_with = {"db_version": version, "decisions_revision": self.revision()}
        return {"gallery_id": gallery_id, **_EMPTY, **made_with, **self.galleries[gallery_id]}

    def scene(self, scene_id: str) -> Json:
        if "scenes" not in self.features:
            detail = "This does not work yet. GET /health lists under `features` what does."
            raise Problem(501, "not-built", detail)
        self.database()
        if scene_id not in self.scenes:
            raise Problem(404, "not-in-stash", f"Stash has no scene {scene_id}.")
        version = self.database()["version"]
        made_with = {"db_version": version, "decisions_revision": self.revision()}
        return {"scene_id": scene_id, **_NO_SCENE, **made_with, **self.scenes[scene_id]}

    def start(self, kind: str, target: str, result: Json) -> Json:
        """The same target asked twice at once runs once."""
        for job in self.jobs.values():
            if job.target == target and job.view()["status"] == "running":
                return {"job_id": job.job_id}
        number = len(self.jobs) + 1
        job = Job(
            f"job-{number}", kind, target, result, lambda: self.reached, self.job_fails, self.job_fails_code
        )
        self.jobs[job.job_id] = job
        return {"job_id": job.job_id}

    @staticmethod
    def build_of_nothing() -> Json:
        """What a job of the database needs of a result to be listed."""
        return {**_EMPTY, "total_images": 3, "images_processed": 3, "faces_detected": 3}

    def build(self) -> Json:
        result = self.build_of_nothing()
        self.people = 3
        self.built += 1
        if not self.job_fails:
            self.newer = dict.fromkeys(self.newer, 0)
        return self.start("database", "database", result)

    def pause(self, job_id: str) -> Json:
        self.job(job_id).paused = True
        return self.job(job_id).view()

    def after_looks(self, looks: int, reached: float) -> None:
        """Jobs go on to `reached` once somebody has looked at one so often."""
        self._looks = (looks, reached)

    def look(self, job_id: str, since: str | None) -> Json:
        """One job, as a poll sees it."""
        view = self.job(job_id).view(since)
        left, reached = self._looks
        self._looks = (left - 1, reached)
        if left == 1:
            self.reached = reached
        return view

    def job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise Problem(404, "not-found", f"There is no job {job_id}.")
        return self.jobs[job_id]

    def resume(self, job_id: str) -> Json:
        self.job(job_id).resume()
        self.cleared.discard(job_id)
        return self.job(job_id).view()

    def listed(self, target: str | None) -> Json:
        """Those of a target, or all that were not cleared."""
        jobs = [
            each.listed()
            for each in self.jobs.values()
            if (target == each.target if target else each.job_id not in self.cleared)
        ]
        return {"jobs": jobs[::-1]}

    def clear(self) -> Json:
        ended = {each.job_id for each in self.jobs.values() if each.view()["status"] in _ENDED}
        fresh = ended - self.cleared
        self.cleared |= fresh
        return {"cleared": len(fresh)}
