"""`stash-sense identify`: who is on these photos."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from stash_sense.api.schemas.jobs import folder_out
from stash_sense.cli.console import (
    as_json,
    cell,
    counted,
    out,
    print_json,
    progress,
    shown,
    table,
    write_file,
)
from stash_sense.cli.sheet import contact_sheet
from stash_sense.domain.progress import Progress
from stash_sense.enrolment.build import BuildReport
from stash_sense.errors import BadInput
from stash_sense.matching.evidence import Evidence, MatchOptions, UnknownTrack
from stash_sense.media.folder import list_images
from stash_sense.recognition.folder import FolderResult, identify_folders, join_folders
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.runtime.engine import database_place, enrol, folders_place, open_pack, recognizer
from stash_sense.settings import Settings

FEW = 12
"""Up to so many photos, each face is told in the table."""
STYLES = {"match": "green", "ambiguous": "yellow", "unknown": "dim"}


@click.command()
@click.argument(
    "photos", metavar="PHOTO_OR_FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--people",
    "people",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder with one folder of photos per person, named after them. May be given more than once. "
    "Without it the database of `stash-sense database build` is used.",
)
@click.option(
    "--evidence",
    type=click.Choice(["plain", "gallery"]),
    default="gallery",
    show_default=True,
    help="gallery: the faces of one person are judged together. plain: each face for itself.",
)
@click.option("--top-k", type=click.IntRange(1, 20), default=5, show_default=True, help="Candidates a face.")
@click.option(
    "--max-distance",
    type=click.FloatRange(0, 2),
    default=0.6,
    show_default=True,
    help="Farther candidates are not named. 0.2 less is ten times fewer chance matches.",
)
@click.option(
    "--min-face-confidence",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Surer than this that it is a face at all.",
)
@click.option("--json", "json_target", metavar="FILE|-", help="Write everything as JSON; - for the output.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a contact sheet to look at."
)
@click.pass_obj
def identify(
    settings: Settings,
    photos: tuple[Path, ...],
    people: tuple[Path, ...],
    evidence: Evidence,
    top_k: int,
    max_distance: float,
    min_face_confidence: float,
    json_target: str | None,
    html: Path | None,
) -> None:
    """Say who is on each photo, and who is in each folder of photos.

    A folder is one gallery, searched with its subfolders. People given by --people are embedded once;
    the next run over the same folders starts at once.

    \b
    Examples:
      stash-sense identify Holiday/ --people People/
      stash-sense identify a.jpg b.jpg --people People/ --json result.json
      stash-sense identify Holiday/ --people People/ --html holiday.html
    """
    options = MatchOptions(top_k, max_distance, min_face_confidence, evidence)
    galleries, problems = _galleries(photos)
    with progress() as bars:
        pack = open_pack(settings)
        place = database_place(settings)
        if people:
            place = folders_place(settings, people)
            problems += _told(enrol(settings, people, place, pack, bars))
        with recognizer(pack, place) as ready:
            found = _identify(galleries, ready, options, bars)
            written = folder_out(found, problems, ready).model_dump() if json_target else {}
        sheet = contact_sheet(found, bars) if html else b""
    if json_target == "-":
        print_json(written)
    elif json_target:
        write_file(Path(json_target), as_json(written))
    if html:
        write_file(html, sheet)
    if json_target != "-":
        _say(found, problems)
        if html:
            click.echo(f"Contact sheet: {shown(str(html))}")


def _galleries(photos: Sequence[Path]) -> tuple[list[Sequence[Path]], list[str]]:
    """Each folder's photos, the single photos together; and what could not be listed."""
    galleries: list[Sequence[Path]] = []
    problems: list[str] = []
    single = [path for path in photos if not path.is_dir()]
    for path in photos:
        if path.is_dir():
            listing = list_images(path)
            galleries.append(listing.images)
            problems += listing.problems
    if single:
        galleries.append(single)
    missing = [path for path in single if not path.exists()]
    if missing:
        raise BadInput(f"{missing[0]}: there is no such photo or folder.")
    if not any(galleries):
        raise BadInput(
            f"{', '.join(map(str, photos))}: no photos in it. JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC "
            "files are looked for, in subfolders too."
        )
    return galleries, problems


def _identify(
    galleries: Sequence[Sequence[Path]], ready: FaceRecognizer, options: MatchOptions, bars: Progress
) -> FolderResult:
    return join_folders(identify_folders(galleries, ready, options, bars))


def _told(report: BuildReport) -> list[str]:
    """What a person should know of a build."""
    told = list(report.problems)
    told += [f"{name}: no photo of this person shows a face; not enrolled." for name in report.faceless]
    left_out = (*report.skipped, *report.quarantined)
    told += [f"{photo.path}: {photo.reason}; not enrolled." for photo in left_out]
    return told


def _say(found: FolderResult, problems: Sequence[str]) -> None:
    console = out()
    if found.people:
        console.print(_people(found))
    else:
        console.print("Nobody recognised.")
    several = [track for track in found.unknown if len(track.images) > 1 or track.status == "ambiguous"]
    if several:
        console.print()
        console.print(_unknown(several[:FEW], found))
        if len(several) > FEW:
            console.print(f"... and {len(several) - FEW} more; --json lists all.")
    if len(found.photos) <= FEW:
        console.print()
        console.print(_faces(found))
    faces = [face for photo in found.photos for face in photo.faces]
    words = {word: sum(face.verdict.status == word for face in faces) for word in STYLES}
    counts = ", ".join(f"{count} {word}" for word, count in words.items())
    console.print(f"\n{counted(len(found.photos), 'photo')}, {counted(len(faces), 'face')}: {counts}.")
    errors = [*problems, *(photo.error for photo in found.photos if photo.error)]
    for line in errors[:FEW]:
        click.echo(shown(line), err=True)
    if len(errors) > FEW:
        click.echo(f"... and {len(errors) - FEW} more; --json lists all.", err=True)


def _people(found: FolderResult) -> Table:
    rows = table("Person", "Photos", "Best distance", "Average", "Confidence", right=("Photos",))
    for person in found.people:
        rows.add_row(
            cell(person.person.name, "bold"),
            str(len(person.images)),
            f"{person.best_distance:.2f}",
            f"{person.avg_distance:.2f}",
            f"{person.confidence:.0%}",
        )
    return rows


def _unknown(tracks: Sequence[UnknownTrack], found: FolderResult) -> Table:
    rows = table("Not named", "Photos", "First photo", "Why", right=("Photos",))
    for track in tracks:
        who = "Unknown person"
        if track.status == "ambiguous":
            who = " or ".join(match.name for match in track.nearest[:2]) + "?"
        rows.add_row(
            cell(who, STYLES[track.status]),
            str(len(track.images)),
            cell(found.photos[track.images[0]].path.name),
            cell(track.reason),
        )
    return rows


def _faces(found: FolderResult) -> Table:
    rows = table("Photo", "Face", "Verdict", "Why")
    for photo in found.photos:
        if not photo.faces:
            rows.add_row(cell(photo.path.name), "-", cell("", "dim"), cell(photo.error or "no face", "dim"))
        for number, face in enumerate(photo.faces, 1):
            quality = (
                f" (quality {face.quality.score:.2f}: {face.quality.reason})" if face.quality.reason else ""
            )
            rows.add_row(
                cell(photo.path.name if number == 1 else ""),
                str(number),
                cell(face.verdict.status, STYLES[face.verdict.status]),
                cell(face.verdict.reason + quality),
            )
    return rows
