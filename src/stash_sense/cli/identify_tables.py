"""What `stash-sense identify` prints: the people of the photos and of the videos."""

from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stash_sense.cli.console import cell, new_table, quantity, safe_text, stdout
from stash_sense.cli.spans import format_spans, seconds_on_screen
from stash_sense.domain.reasons import percent
from stash_sense.matching.gallery_people import UnknownTrack
from stash_sense.matching.scene_people import SceneTrack
from stash_sense.media.photo import name_as_utf8
from stash_sense.recognition.folder import FolderResult
from stash_sense.recognition.video_files import IdentifiedVideo

MAX_ROWS = 12
"""For so many photos at most, the table lists each face."""
STYLES = {"match": "green", "ambiguous": "yellow", "unknown": "dim"}


def print_result(result: FolderResult, videos: Sequence[IdentifiedVideo], problems: Sequence[str]) -> None:
    """Print who was found, and on the error stream what could not be read."""
    console = stdout()
    if result.photos or not videos:
        _print_photos(result, console)
    if videos:
        if result.photos:
            console.print()
        _print_videos(videos, console)
    unread = [*(photo.error for photo in result.photos), *(video.error for video in videos)]
    errors = [*problems, *filter(None, unread)]
    for line in errors[:MAX_ROWS]:
        click.echo(safe_text(line), err=True)
    if len(errors) > MAX_ROWS:
        click.echo(f"... and {len(errors) - MAX_ROWS} more; --json lists all.", err=True)


def _print_photos(result: FolderResult, console: Console) -> None:
    if result.people:
        console.print(_people_table(result))
    else:
        console.print("No one was recognised.")
    unnamed = [track for track in result.unknown if len(track.images) > 1 or track.status == "ambiguous"]
    if unnamed:
        console.print()
        console.print(_unnamed_table(unnamed[:MAX_ROWS], result))
        if len(unnamed) > MAX_ROWS:
            console.print(f"... and {len(unnamed) - MAX_ROWS} more; --json lists all.")
    if len(result.photos) <= MAX_ROWS:
        console.print()
        console.print(_faces_table(result))
    faces = [face for photo in result.photos for face in photo.faces]
    words = {word: sum(face.verdict.status == word for face in faces) for word in STYLES}
    counts = ", ".join(f"{count} {word}" for word, count in words.items())
    console.print(f"\n{quantity(len(result.photos), 'photo')}, {quantity(len(faces), 'face')}: {counts}.")


def _print_videos(videos: Sequence[IdentifiedVideo], console: Console) -> None:
    shown = videos[:MAX_ROWS]
    console.print(_videos_table(shown))
    if len(videos) > len(shown):
        console.print(f"... and {len(videos) - len(shown)} more; --json lists all.")
    frames = sum(len(video.scene.frames.frames) for video in videos)
    faces = sum(video.scene.frames.faces for video in videos)
    counts = f"{quantity(frames, 'frame')} looked at, {quantity(faces, 'face')}"
    console.print(f"\n{quantity(len(videos), 'video')}, {counts}.")


def _videos_table(videos: Sequence[IdentifiedVideo]) -> Table:
    table = new_table("Video", "Person", "On screen", "When", "Confidence", right=("On screen", "Confidence"))
    for video in videos:
        evidence = video.scene.evidence
        rows = [_scene_row(track) for track in (*evidence.persons, *evidence.unknown)[:MAX_ROWS]]
        if not rows:
            rows = [(cell((video.error and "could not be read") or "no face", "dim"), "", cell(""), "")]
        for number, row in enumerate(rows):
            table.add_row(cell(name_as_utf8(video.path.name) if number == 0 else ""), *row)
    return table


def _scene_row(track: SceneTrack) -> tuple[Text, str, Text, str]:
    name = cell(track_label(track), "bold" if track.match else STYLES[track.status])
    confidence = percent(track.match.confidence) if track.match else ""
    return name, f"{seconds_on_screen(track.spans):.0f} s", cell(format_spans(track.spans)), confidence


def track_label(track: SceneTrack) -> str:
    """The name of a track of a video, or that it has none."""
    if track.match:
        return track.match.name
    if track.status == "ambiguous" and track.matches:
        return " or ".join(match.name for match in track.matches[:2]) + "?"
    return "Unknown person"


def _people_table(result: FolderResult) -> Table:
    table = new_table("Person", "Photos", "Confidence", right=("Photos", "Confidence"))
    for person in result.people:
        table.add_row(
            cell(person.person.name, "bold"),
            str(len(person.images)),
            percent(person.confidence),
        )
    return table


def _unnamed_table(unnamed: Sequence[UnknownTrack], result: FolderResult) -> Table:
    table = new_table("Not named", "Photos", "First photo", "Reason", right=("Photos",))
    for track in unnamed:
        label = "Unknown person"
        if track.status == "ambiguous":
            label = " or ".join(match.name for match in track.nearest[:2]) + "?"
        table.add_row(
            cell(label, STYLES[track.status]),
            str(len(track.images)),
            cell(name_as_utf8(result.photos[track.images[0]].path.name)),
            cell(str(track.reason)),
        )
    return table


def _faces_table(result: FolderResult) -> Table:
    table = new_table("Photo", "Face", "Verdict", "Reason")
    for photo in result.photos:
        if not photo.faces:
            table.add_row(
                cell(name_as_utf8(photo.path.name)),
                "-",
                cell("", "dim"),
                cell(photo.error or "no face", "dim"),
            )
        for number, face in enumerate(photo.faces, 1):
            quality = (
                f" (quality {face.quality.score:.2f}: {face.quality.reason})" if face.quality.reason else ""
            )
            table.add_row(
                cell(name_as_utf8(photo.path.name) if number == 1 else ""),
                str(number),
                cell(face.verdict.status, STYLES[face.verdict.status]),
                cell(f"{face.verdict.reason}{quality}"),
            )
    return table
