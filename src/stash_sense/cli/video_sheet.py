"""The videos on the contact sheet: of each person a bar for the times on screen, and their best faces."""

from collections.abc import Sequence
from dataclasses import dataclass

from stash_sense.cli.identify_tables import track_label
from stash_sense.cli.pages import jpeg_url
from stash_sense.cli.spans import clock, seconds_on_screen
from stash_sense.matching.scene_people import SceneTrack
from stash_sense.media.photo import name_as_utf8
from stash_sense.recognition.video_files import IdentifiedVideo

MOST_TRACKS = 60
"""People shown of one video."""

LEAST_WIDTH = 0.4
"""Percent: a span that is shorter could not be seen."""


@dataclass(frozen=True, slots=True)
class _Span:
    """left, width: percent of the video."""

    left: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class _VideoTrack:
    """status: of the verdict. faces: (data URL, when it was seen)."""

    label: str
    status: str
    reason: str
    seconds: float
    confidence: float | None
    spans: list[_Span]
    faces: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SheetVideo:
    """A video as the sheet shows it. more: people who are left out."""

    name: str
    error: str
    length: str
    frames: int
    faces: int
    tracks: list[_VideoTrack]
    more: int


def sheet_videos(videos: Sequence[IdentifiedVideo]) -> list[SheetVideo]:
    """The videos, in order."""
    return [_video(video) for video in videos]


def _video(video: IdentifiedVideo) -> SheetVideo:
    evidence = video.scene.evidence
    tracks = (*evidence.persons, *evidence.unknown)
    return SheetVideo(
        name_as_utf8(video.path.name),
        video.error,
        clock(video.duration_s),
        len(video.scene.frames.frames),
        video.scene.frames.faces,
        [_track(track, video) for track in tracks[:MOST_TRACKS]],
        len(tracks) - len(tracks[:MOST_TRACKS]),
    )


def _track(track: SceneTrack, video: IdentifiedVideo) -> _VideoTrack:
    times = video.scene.frames.times
    return _VideoTrack(
        track_label(track),
        track.status,
        str(track.reason),
        seconds_on_screen(track.spans),
        track.match.confidence if track.match else None,
        [_span(from_s, to_s, video.duration_s) for from_s, to_s in track.spans],
        [
            (jpeg_url(video.crops[face]), clock(times[face[0]]))
            for face in sorted(track.best_faces)
            if face in video.crops
        ],
    )


def _span(from_s: float, to_s: float, duration_s: float) -> _Span:
    whole = max(duration_s, to_s, 1e-3)
    left, width = 100 * from_s / whole, 100 * (to_s - from_s) / whole
    return _Span(min(left, 100 - LEAST_WIDTH), max(width, LEAST_WIDTH), f"{clock(from_s)} to {clock(to_s)}")
