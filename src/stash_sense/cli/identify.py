"""`stash-sense identify`: name the people in photos, videos and folders of them."""

from pathlib import Path

import click

from stash_sense.api.schemas.folders import folder_out
from stash_sense.cli.console import (
    FiniteRange,
    json_bytes,
    print_json,
    progress_bar,
    safe_text,
    workers_option,
    write_file,
)
from stash_sense.cli.contact_sheet import contact_sheet
from stash_sense.cli.identify_inputs import identify_inputs
from stash_sense.cli.identify_tables import print_result
from stash_sense.enrolment.report import BuildReport
from stash_sense.matching.gallery_people import Evidence, MatchOptions
from stash_sense.recognition.folder import identify_folders, join_folders
from stash_sense.recognition.video_files import identify_videos
from stash_sense.runtime.from_settings import (
    database_dir,
    enrol,
    open_pack,
    people_database_dir,
    recognizer,
    worker_count,
)
from stash_sense.settings import Settings


@click.command("identify")
@click.argument(
    "paths", metavar="PHOTO_VIDEO_OR_FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path)
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
    help="Write a contact sheet: photos with boxes and names, videos with a timeline.",
)
@workers_option
@click.pass_obj
def identify_command(
    settings: Settings,
    paths: tuple[Path, ...],
    people: tuple[Path, ...],
    evidence: Evidence,
    top_k: int,
    max_distance: float,
    min_face_confidence: float,
    json_target: str | None,
    html: Path | None,
) -> None:
    """Name the people in each photo, in each folder of photos, and in each video.

    A folder with its subfolders is one gallery, and so is a zip or cbz file. In a video the people are found
    with the times at which they are on screen. The photos of --people are analysed once; the next run with
    the same folders starts immediately.

    \b
    Examples:
      stash-sense identify Holiday/ --people People/
      stash-sense identify a.jpg b.jpg --people People/ --json result.json
      stash-sense identify Holiday/ --people People/ --html holiday.html
      stash-sense identify clip.mp4 --people People/
    """
    options = MatchOptions(top_k, max_distance, min_face_confidence, evidence)
    inputs = identify_inputs(paths)
    problems = list(inputs.problems)
    with progress_bar() as progress:
        pack = open_pack(settings)
        place = database_dir(settings)
        if people:
            place = people_database_dir(settings, people)
            problems += _build_problems(enrol(settings, people, place, pack, progress))
        with recognizer(pack, place) as ready:
            workers = worker_count(settings)
            results = identify_folders(inputs.galleries, ready, options, progress, workers=workers)
            result = join_folders(results)
            videos = identify_videos(inputs.videos, ready, options, progress, workers=workers)
            answer = folder_out(result, videos, problems, ready).model_dump() if json_target else {}
        sheet = contact_sheet(result, videos, progress) if html else b""
    if json_target == "-":
        print_json(answer)
    elif json_target:
        write_file(Path(json_target), json_bytes(answer))
    if html:
        write_file(html, sheet)
    if json_target != "-":
        print_result(result, videos, problems)
        if html:
            click.echo(f"Contact sheet: {safe_text(str(html))}")


def _build_problems(report: BuildReport) -> list[str]:
    problems = list(report.problems)
    problems += [f"{name}: no photo shows the face for certain; not enrolled." for name in report.faceless]
    left_out = (*report.skipped, *report.quarantined)
    problems += [f"{photo.path}: {photo.reason}; not enrolled." for photo in left_out]
    return problems
