"""`stash-sense database build`: people from folders, or from Stash's performers."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from stash_sense.cli.console import cell, counted, out, print_json, progress, shown, table
from stash_sense.enrolment.build import BuildReport, SkippedPhoto
from stash_sense.enrolment.folder import folder_report_json
from stash_sense.enrolment.stash import PHOTO_PREFIX, stash_report_json
from stash_sense.runtime.engine import database_place, enrol, enrol_from_stash, open_pack
from stash_sense.settings import Settings

FEW = 20
"""Photos left out that are shown; --json lists all."""


@click.command()
@click.option(
    "--people",
    "people",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder with one folder of photos per person, named after them. May be given more than once.",
)
@click.option("--from-stash", is_flag=True, help="Enrol Stash's performers by their portraits.")
@click.option(
    "--with-images",
    is_flag=True,
    help="With --from-stash: also by images on which they alone are tagged and only one face shows.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def build(
    settings: Settings, people: tuple[Path, ...], from_stash: bool, with_images: bool, as_json: bool
) -> None:
    """Enrol the people of --people or of Stash, or bring the database up to date with them.

    Photos that have not changed since the last build are not looked at again. Until the build has ended,
    and if it is broken off, the old database stays in use. A build replaces whom the last one enrolled.

    \b
    Examples:
      stash-sense database build --from-stash
      stash-sense database build --people People/
    """
    if bool(people) == from_stash:
        raise click.UsageError("Say where the people come from: --from-stash, or --people FOLDER.")
    if with_images and not from_stash:
        raise click.UsageError("--with-images goes with --from-stash.")
    if from_stash:
        _from_stash(settings, with_images=with_images, as_json=as_json)
    else:
        _from_folders(settings, people, as_json=as_json)


def _from_folders(settings: Settings, people: Sequence[Path], *, as_json: bool) -> None:
    with progress() as bars:
        report = enrol(settings, people, database_place(settings), open_pack(settings), bars)
    if as_json:
        print_json(folder_report_json(report))
        return
    console = out()
    _print_counts(console, report)
    for name in report.faceless:
        console.print(cell(f"{name}: no photo of this person shows a face; not enrolled.", "yellow"))
    _print_left_out(console, ("Photo left out", "Why"), _folder_rows(report.skipped))
    if report.quarantined:
        console.print()
        console.print(
            cell("Quarantined, as each seems to show another person. Check whose folder it is in:", "yellow")
        )
        _print_left_out(console, ("Photo", "Why"), _folder_rows(report.quarantined))
    for problem in report.problems:
        click.echo(shown(problem), err=True)


def _from_stash(settings: Settings, *, with_images: bool, as_json: bool) -> None:
    with progress() as bars:
        report = asyncio.run(enrol_from_stash(settings, open_pack(settings), bars, with_images=with_images))
    if as_json:
        print_json(stash_report_json(report))
        return
    console = out()
    _print_counts(console, report)
    if report.without_portrait:
        bare = counted(report.without_portrait, "performer")
        console.print(cell(f"Without a portrait in Stash: {bare}.", "yellow"))
    if report.skipped:
        console.print()
        console.print(cell("Not taken. Give them another portrait in Stash, then build again:", "yellow"))
        _print_left_out(console, ("Person", "Picture", "Why"), _stash_rows(report.skipped))
    if report.quarantined:
        console.print()
        console.print(
            cell("Set aside, as of somebody else. Correct the portrait or the tag in Stash:", "yellow")
        )
        _print_left_out(console, ("Person", "Picture", "Why"), _stash_rows(report.quarantined))


def _print_counts(console: Console, report: BuildReport) -> None:
    console.print(
        f"{report.people:,} people with {counted(report.faces, 'face')} enrolled "
        f"({counted(report.analyzed, 'photo')} looked at, {report.reused:,} known already)."
    )


def _print_left_out(console: Console, columns: Sequence[str], left_out: Sequence[Sequence[str]]) -> None:
    if not left_out:
        return
    rows = table(*columns)
    for one in left_out[:FEW]:
        rows.add_row(*map(cell, one))
    console.print(rows)
    if len(left_out) > FEW:
        console.print(f"... and {len(left_out) - FEW:,} more; --json lists all.")


def _folder_rows(photos: Sequence[SkippedPhoto]) -> list[tuple[str, str]]:
    return [(photo.path, photo.reason) for photo in photos]


def _stash_rows(photos: Sequence[SkippedPhoto]) -> list[tuple[str, str, str]]:
    return [(photo.person.name, photo.path.removeprefix(PHOTO_PREFIX), photo.reason) for photo in photos]
