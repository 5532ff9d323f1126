"""What the stand-in knows and remembers, and its answers."""

import threading
import time
from dataclasses import dataclass, field

from .notes import Json, Notes, Problem

_ENDED = ("done", "failed", "cancelled")
_EMPTY: Json = {"performers": [], "unknown": [], "errors": [], "error_count": 0, "skipped": []}


@dataclass
class Job:
    """It goes on by the clock: `seconds` in all, unless it was stopped at `ended`."""

    job_id: str
    kind: str
    target: str
    result: Json
    seconds: float
    fails: str = ""
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    word: str = ""

    def view(self) -> Json:
        passed = (self.ended or time.monotonic()) - self.began
        share = 1.0 if self.seconds <= 0 else min(1.0, passed / self.seconds)
        status = self.word or ("running" if share < 1 else "failed" if self.fails else "done")
        total = self.result["total_images"]
        done = int(total * share)
        people = self.result["performers"][: round(len(self.result["performers"]) * share)]
        result = {**self.result, "images_processed": done, "performers": people} if share < 1 else self.result
        return {
            "job_id": self.job_id,
            "kind": self.kind,
            "target": self.target,
            "status": status,
            "done": done,
            "total": total,
            "faces": int(self.result["faces_detected"] * share),
            "people": len(people),
            "rate": round(done / passed, 1) if passed > 0.05 else None,
            "eta_s": round(self.seconds - passed, 1) if share < 1 else 0.0,
            "result": result,
            "error": self.fails or None if status == "failed" else None,
            "error_code": "stash-unreachable" if status == "failed" else None,
            "all_errors": list(self.result["errors"]),
            "error_count": len(self.result["errors"]),
            "ended_at": None if status == "running" else "2026-01-02T03:04:05+00:00",
        }

    def cancel(self) -> None:
        if self.view()["status"] not in _ENDED:
            self.ended, self.word = time.monotonic(), "cancelled"

    def resume(self) -> None:
        """Goes on where it stood; what made it fail is mended."""
        if self.view()["status"] not in ("failed", "cancelled"):
            raise Problem(409, "refused", f"Job {self.job_id} is {self.view()['status']}.")
        self.began += time.monotonic() - (self.ended or time.monotonic())
        self.ended, self.word, self.fails = None, "", ""


class State(Notes):
    """Set by tests, changed by requests under `lock`."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.features = ["health", "database-info", "identify", "identify-image", "identify-gallery", "jobs"]
        self.people: int | None = 3
        """None: there is no face database."""
        self.images: dict[str, Json] = {}
        self.galleries: dict[str, Json] = {}
        self.scenes: dict[str, Json] = {}
        """Answered only where `features` has identify-scene."""
        self.pictures: dict[str, bytes] = {}
        """JPEGs by face or reference id."""
        self.job_s = 0.0
        self.job_fails = ""
        self.jobs: dict[str, Job] = {}

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
            "version": "20260102-030405-a1b2c3",
            "pack": "stash-sense-default",
            "people": self.people,
            "faces": self.people,
            "built_at": "2026-01-02T03:04:05+00:00",
            "sources": ["stash"],
        }

    def image(self, image_id: str) -> Json:
        self.database()
        if image_id not in self.images:
            raise Problem(404, "not-in-stash", f"Stash has no image {image_id}.")
        return self.images[image_id]

    def gallery(self, gallery_id: str) -> Json:
        self.database()
        if gallery_id not in self.galleries:
            raise Problem(404, "not-in-stash", f"Stash has no gallery {gallery_id}.")
        return {"gallery_id": gallery_id, **_EMPTY, **self.galleries[gallery_id]}

    def scene(self, scene_id: str) -> Json:
        if "identify-scene" not in self.features:
            detail = "This does not work yet. GET /health lists under `features` what does."
            raise Problem(501, "not-built", detail)
        self.database()
        if scene_id not in self.scenes:
            raise Problem(404, "not-in-stash", f"Stash has no scene {scene_id}.")
        return self.scenes[scene_id]

    def start(self, kind: str, target: str, result: Json) -> Json:
        """The same target asked twice at once runs once."""
        for job in self.jobs.values():
            if job.target == target and job.view()["status"] == "running":
                return {"job_id": job.job_id}
        job = Job(f"job-{len(self.jobs) + 1}", kind, target, result, self.job_s, self.job_fails)
        self.jobs[job.job_id] = job
        return {"job_id": job.job_id}

    def build(self) -> Json:
        result = {**_EMPTY, "total_images": 3, "images_processed": 3, "faces_detected": 3}
        self.people = 3
        return self.start("database", "database", result)

    def job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise Problem(404, "not-found", f"There is no job {job_id}.")
        return self.jobs[job_id]

    def resume(self, job_id: str) -> Json:
        self.job(job_id).resume()
        return self.job(job_id).view()
