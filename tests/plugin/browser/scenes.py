"""Scenes of a test: what the sidecar finds in them, and the places of their dialogue."""

from typing import Any

from .world import match_of, reason_of

MINUTE_S = 60.0


def faces_at(*times: float, of: str) -> list[dict[str, Any]]:
    """The best faces of a person, the best first."""
    return [{"time_s": time, "face_id": f"s-{of}-{at}"} for at, time in enumerate(times, 1)]


def seen(name: str, spans: list[list[float]], **fields: Any) -> dict[str, Any]:
    """Faces of one person in a scene, the best of them at the start of each span."""
    best = faces_at(*(start for start, _ in spans), of=name)
    return {
        "track_id": f"t-{name}",
        "verdict": "unknown",
        "frame_count": 4 * len(spans),
        "proportion": 0.2,
        "spans": spans,
        "first_s": spans[0][0],
        "best_frame": best[0],
        "best_faces": best,
        **fields,
    }


def scene_person(match: dict[str, Any], spans: list[list[float]], **fields: Any) -> dict[str, Any]:
    """Somebody found in a scene."""
    found = seen(match["name"], spans, verdict="match", best_match=match, all_matches=[match])
    return {**match, **found, **reason_of("nearest", match), **fields}


def scene_unknown(name: str, spans: list[list[float]], *nearest: dict[str, Any]) -> dict[str, Any]:
    """Somebody unknown in a scene; with `nearest` people between whom it is open."""
    why = reason_of("unsure", nearest[0]) if nearest else reason_of("nobody-enrolled")
    verdict = "ambiguous" if nearest else "unknown"
    return {**seen(name, spans), "verdict": verdict, **why, "nearest": list(nearest)}


def found_in_scene(world: Any, scene: int, *persons: dict[str, Any], **rest: Any) -> None:
    """What the scene's job will find; every face has a picture."""
    tracks = [*persons, *rest.get("unknown", [])]
    world.crops(*(face["face_id"] for track in tracks for face in track["best_faces"]))
    world.sidecar.scenes[str(scene)] = {
        "duration_s": MINUTE_S,
        "faces_detected": 12,
        "persons": list(persons),
        **rest,
    }


def known_scene(world: Any, **scene: Any) -> tuple[int, str]:
    """A scene with Ann of the library and somebody unknown: its id, and Ann's."""
    world.sidecar.features.append("scenes")
    number = world.stash.library.add_scene("A scene", duration=MINUTE_S, **scene)
    ann = world.performer("Ann")
    bea = match_of("Bea", performer_id="b", distance=0.5)
    match = match_of("Ann", ann)
    person = scene_person(match, [[5.0, 12.0], [30.0, 31.0]], all_matches=[match, bea])
    found_in_scene(world, number, person, unknown=[scene_unknown("x", [[20.0, 26.5]])])
    return number, ann


def on_scene(world: Any, scene: int) -> list[int]:
    return list(world.stash.library.scenes[scene].performers)
