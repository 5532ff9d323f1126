"""`stash-sense identify`: name the people in photos and folders of photos."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import click
from rich.table import Table

from stash_sense.api.schemas.folders import folder_out
from stash_sense.cli.console import (
    FiniteRange,
    cell,
    json_bytes,
    new_table,
    print_json,
    progress_bar,
    quantity,
    safe_text,
    stdout,
    workers_option,
    write_file,
)
from stash_sense.cli.contact_sheet import contact_sheet
from stash_sense.domain.reasons import percent
from stash_sense.enrolment.report import BuildReport
from stash_sense.errors import BadInput
from stash_sense.matching.gallery_people import Evidence, MatchOptions, UnknownTrack
from stash_sense.media.archive import ZippedPhoto, is_zip
from stash_sense.media.listing import list_images, list_zipped_images
from stash_sense.media.photo import PhotoFile, name_as_utf8
from stash_sense.recognition.folder import FolderResult, identify_folders, join_folders
from stash_sense.runtime.from_settings import (
    database_dir,
    enrol,
    open_pack,
    people_database_dir,
    recognizer,
    worker_count,
)
from stash_sense.settings import Settings

MAX_ROWS = 12
"""For so many photos at most, the table lists each face."""
STYLES = {"match": "green", "ambiguous": "yellow", "unknown": "dim"}


@click.command("identify")
@click.argument(
    "photos", metavar="PHOTO_OR_FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--people",
    "people",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder with one folder of photos per person, named after the person. Can be repeated. "
    "Default: the database made by `stash-sense database build`.",
)
@click.option(
    "--evidence",
    type=click.Choice(["plain", "gallery"]),
    default="gallery",
    show_default=True,
    help="gallery: judge all faces of one person together. plain: judge each face alone.",
)
@click.option(
    "--top-k", type=click.IntRange(1, 20), default=5, show_default=True, help="Candidates per face."
)
@click.option(
    "--max-distance",
    type=FiniteRange(0, 2),
    default=0.6,
    show_default=True,
    help="Ignore candidates farther away. 0.2 less means ten times fewer false matches.",
)
@click.option(
    "--min-face-confidence",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    help="Ignore faces that are detected with less confidence.",
)
@click.option(
    "--json", "json_target", metavar="FILE|-", help="Write the complete result as JSON; - prints it."
)
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a contact sheet: photos with boxes and names.",
)
@workers_option
@click.pass_obj
def identify_command(
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
    """Name the people in each photo and in each folder of photos.

    A folder with its subfolders is one gallery, and so is a zip or cbz file. The photos of --people are
    analysed once; the next run with the same folders starts immediately.

    \b
    Examples:
      stash-sense identify Holiday/ --people People/
      stash-sense identify a.jpg b.jpg --people People/ --json result.json
      stash-sense identify Holiday/ --people People/ --html holiday.html
    """
    options = MatchOptions(top_k, max_distance, min_face_confidence, evidence)
    galleries, problems = _galleries(photos)
    with progress_bar() as progress:
        pack = open_pack(settings)
        place = database_dir(settings)
        if people:
            place = people_database_dir(settings, people)
            problems += _build_problems(enrol(settings, people, place, pack, progress))
        with recognizer(pack, place) as ready:
            workers = worker_count(settings)
            results = identify_folders(galleries, ready, options, progress, workers=workers)
            result = join_folders(results)
            answer = folder_out(result, problems, ready).model_dump() if json_target else {}
        sheet = contact_sheet(result, progress) if html else b""
    if json_target == "-":
        print_json(answer)
    elif json_target:
        write_file(Path(json_target), json_bytes(answer))
    if html:
        write_file(html, sheet)
    if json_target != "-":
        _print_result(result, problems)
        if html:
            click.echo(f"Contact sheet: {safe_text(str(html))}")


def _galleries(photos: Sequence[Path]) -> tuple[list[Sequence[PhotoFile]], list[str]]:
    """Each folder and each zip file as one gallery, single photos together as one; and what was left out.

    A photo that is given several times, by whatever path, is taken once.
    """
    galleries: list[Sequence[PhotoFile]] = []
    problems: list[str] = []
    seen: set[object] = set()
    single: list[PhotoFile] = []
    for path in photos:
        if path.is_dir():
            listing = list_images(path)
            galleries.append(_unseen(listing.images, seen))
            problems += [*listing.problems, *([listing.others] if listing.others else [])]
        elif is_zip(path):
            try:
                zipped = list_zipped_images(path)
            except BadInput as error:
                problems.append(str(error))
            else:
                galleries.append(_unseen(zipped.images, seen))
                problems += zipped.problems
        elif path.exists():
            single += _unseen([path], seen)
        else:
            raise BadInput(f"{path}: no such photo or folder. Check the path.")
    galleries = [gallery for gallery in (*galleries, single) if gallery]
    if not galleries:
        reasons = "".join(f" {problem}" for problem in problems)
        raise BadInput(
            f"{', '.join(map(str, photos))}: no photos found.{reasons} Accepted are JPEG, PNG, WebP, GIF, "
            "BMP, TIFF, AVIF and HEIC files, also in subfolders and in zip and cbz files."
        )
    return galleries, problems


def _unseen(photos: Iterable[PhotoFile], seen: set[object]) -> list[PhotoFile]:
    """The photos whose files are not in `seen`, to which they are added."""
    unseen = []
    for photo in photos:
        if isinstance(photo, ZippedPhoto):
            identity: object = _file_identity(photo.archive), photo.offset
        else:
            identity = _file_identity(photo)
        if identity not in seen:
            seen.add(identity)
            unseen.append(photo)
    return unseen


def _file_identity(path: Path) -> object:
    with suppress(OSError):
        status = path.stat()
        if status.st_ino:  # some network drives number nothing
            return status.st_dev, status.st_ino
    return os.path.realpath(path)


def _build_problems(report: BuildReport) -> list[str]:
    problems = list(report.problems)
    problems += [f"{name}: no photo shows the face for certain; not enrolled." for name in report.faceless]
    left_out = (*report.skipped, *report.quarantined)
    problems += [f"{photo.path}: {photo.reason}; not enrolled." for photo in left_out]
    return problems


def _print_result(result: FolderResult, problems: Sequence[str]) -> None:
    console = stdout()
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
    errors = [*problems, *(photo.error for photo in result.photos if photo.error)]
    for line in errors[:MAX_ROWS]:
        click.echo(safe_text(line), err=True)
    if len(errors) > MAX_ROWS:
        click.echo(f"... and {len(errors) - MAX_ROWS} more; --json lists all.", err=True)


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
