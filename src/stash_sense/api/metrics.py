"""What Prometheus may read: counts and times, never a name, a URL or an id."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

from stash_sense import __version__
from stash_sense.runtime.sidecar import Sidecar

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)


class Metrics:
    """This app's own registry."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "stash_sense_requests",
            "Requests answered, by call and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "stash_sense_request_seconds",
            "From a request's arrival to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.faces = Counter("stash_sense_faces", "Faces found in pictures.", registry=self._registry)
        self.pictures = Counter("stash_sense_pictures", "Pictures looked at.", registry=self._registry)
        info = Gauge("stash_sense_info", "Always 1.", ("version",), registry=self._registry)
        info.labels(__version__).set(1)
        pool = sidecar.pool
        self._gauge("stash_sense_work_running", "Units of work in hand.", lambda: pool.running)
        self._gauge("stash_sense_work_waiting", "Units of work not yet begun.", lambda: pool.waiting)
        self._gauge("stash_sense_places_taken", "Requests being dealt with.", lambda: pool.admitted)
        self._gauge(
            "stash_sense_enrolled_people", "People in the face database in use.", lambda: _people(sidecar)
        )

    def _gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        Gauge(name, what, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self._registry)


def _people(sidecar: Sidecar) -> int:
    current = sidecar.recognition.current
    return current.database.people if current else 0
