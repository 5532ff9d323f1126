"""`stash-sense database`: build the face database from folders or from Stash, and show what is in it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from stash_sense.cli.build_report import MAX_PICTURES, build_report_page
from stash_sense.cli.build_summary import print_box_build, print_folder_build, print_gone, print_stash_build
from stash_sense.cli.console import (
    cell,
    json_option,
    new_table,
    print_json,
    progress_bar,
    quantity,
    safe_text,
    stdout,
    workers_option,
    write_file,
)
from stash_sense.cli.database_versions import rollback_command, update_command
from stash_sense.cli.hygiene import hygiene_command, quarantine_command, restore_reference_command
from stash_sense.cli.import_release import import_command
from stash_sense.cli.people import delete_person_command, export_person_command
from stash_sense.cli.stash_box_build import enrol_stash_box
from stash_sense.enrolment.folder import folder_report_json
from stash_sense.enrolment.remove_source import remove_source
from stash_sense.enrolment.stash import stash_report_json
from stash_sense.facedb.database import FaceDatabase
from stash_sense.runtime.from_settings import database_dir, enrol, enrol_from_stash, open_pack, stash_address
from stash_sense.settings import Settings


@click.group("database")
def database_group() -> None:
    """Manage the face database: the people who can be recognised.

    \b
    Examples:
      stash-sense database build --from-stash
      stash-sense database info
    """


@database_group.command("build")
@click.option(
    "--people",
    "people",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder with one folder of photos per person, named after the person. Can be repeated.",
)
@click.option("--from-stash", is_flag=True, help="Enrol Stash's performers from their portraits.")
@click.option(
    "--with-images",
    is_flag=True,
    help="With --from-stash: also use images that have one face and only this performer as a tag.",
)
@click.option(
    "--with-scenes",
    is_flag=True,
    help="With --from-stash: also use scenes that show one person and have only this performer as a tag.",
)
@click.option(
    "--from-stash-box",
    metavar="ENDPOINT_OR_NAME",
    help="Enrol Stash's performers from this stash-box of Stash's settings, up to five pictures each.",
)
@click.option(
    "--all",
    "whole",
    is_flag=True,
    help="With --from-stash-box: everybody there. Says first how many people and hours that is, and asks.",
)
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@workers_option
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write an HTML page with each photo that was set aside, and why.",
)
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Build although a folder, or Stash, holds nobody or less than half of its people of the last build.",
)
@json_option
@click.pass_obj
def build_command(
    settings: Settings,
    *,
    people: tuple[Path, ...],
    from_stash: bool,
    with_images: bool,
    with_scenes: bool,
    from_stash_box: str | None,
    whole: bool,
    yes: bool,
    report: Path | None,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Enrol people from folders, from Stash or from a stash-box.

    Run it again to add new people and photos. Photos that have not changed since the last build are not
    analysed again. The old database stays in use until the build is complete, also if it is interrupted. A
    build brings its own source up to date; people of other sources stay.

    \b
    Examples:
      stash-sense database build --from-stash
      stash-sense database build --from-stash --with-images
      stash-sense database build --from-stash-box stashdb.org
      stash-sense database build --people People/
      stash-sense database build --people People/ --report set-aside.html
    """
    if bool(people) + from_stash + (from_stash_box is not None) != 1:
        raise click.UsageError(
            "Say where the people come from: --from-stash, --from-stash-box NAME or --people FOLDER."
        )
    if (with_images or with_scenes) and not from_stash:
        raise click.UsageError("--with-images and --with-scenes need --from-stash.")
    if (whole and from_stash_box is None) or (yes and not whole):
        raise click.UsageError("--all needs --from-stash-box, and --yes needs --all.")
    if report and from_stash_box is not None:
        raise click.UsageError("--report shows photos again, and a stash-box is asked for each only once.")
    if from_stash_box is not None:
        from_box = enrol_stash_box(settings, from_stash_box, whole=whole, yes=yes, allow_empty=allow_empty)
        if as_json:
            print_json(from_box.as_json())
        else:
            print_box_build(from_box)
    elif from_stash:
        learn = {"with_images": with_images, "with_scenes": with_scenes}
        _build_from_stash(settings, report, learn, allow_empty=allow_empty, as_json=as_json)
    else:
        _build_from_folders(settings, people, report, allow_empty=allow_empty, as_json=as_json)


@database_group.command("remove-source")
@click.argument("source")
@json_option
@click.pass_obj
def remove_source_command(settings: Settings, source: str, as_json: bool) -> None:
    """Take one SOURCE out of the face database; the others stay as they are.

    SOURCE is one that `stash-sense database info` lists: stash, or the path of a people folder.

    \b
    Examples:
      stash-sense database remove-source stash
      stash-sense database remove-source People/
    """
    removal = remove_source(database_dir(settings), source)
    if as_json:
        print_json(asdict(removal))
        return
    console = stdout()
    console.print(
        f"Removed {quantity(removal.faces, 'face')} from {safe_text(removal.source)}.", markup=False
    )
    print_gone(console, removal.gone)


@database_group.command("info")
@json_option
@click.pass_obj
def info_command(settings: Settings, as_json: bool) -> None:
    """Show what is in the face database: people, faces, sources, version.

    \b
    Example:
      stash-sense database info
    """
    with FaceDatabase.open(database_dir(settings)) as database:
        manifest = database.manifest
    facts = {
        "version": manifest.version,
        "pack": manifest.pack,
        "people": manifest.people,
        "faces": manifest.faces,
        "photos": manifest.photos,
        "skipped": manifest.skipped,
        "built_at": manifest.built_at,
        "sources": list(manifest.sources),
        "bytes": sum(manifest.sizes.values()),
    }
    if as_json:
        print_json(facts)
        return
    table = new_table("Field", "Value")
    for name, value in facts.items():
        text = (
            ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else value
        )
        table.add_row(cell(name.replace("_", " ")), cell(text))
    stdout().print(table)


database_group.add_command(update_command)
database_group.add_command(rollback_command)
database_group.add_command(import_command)
database_group.add_command(delete_person_command)
database_group.add_command(export_person_command)
database_group.add_command(hygiene_command)
database_group.add_command(quarantine_command)
database_group.add_command(restore_reference_command)


def _build_from_folders(
    settings: Settings, people: Sequence[Path], page: Path | None, *, allow_empty: bool, as_json: bool
) -> None:
    place = database_dir(settings)
    with progress_bar() as progress:
        report = enrol(settings, people, place, open_pack(settings), progress, allow_empty=allow_empty)
        if page:
            with FaceDatabase.open(place) as database:
                write_file(
                    page, build_report_page(report, database, lambda photo: Path(photo.path), progress)
                )
    if as_json:
        print_json(folder_report_json(report))
        return
    print_folder_build(report, page)


def _build_from_stash(
    settings: Settings, page: Path | None, learn: Mapping[str, bool], *, allow_empty: bool, as_json: bool
) -> None:
    with progress_bar() as progress:
        report, pictures = asyncio.run(
            enrol_from_stash(
                settings,
                open_pack(settings),
                progress,
                **learn,
                allow_empty=allow_empty,
                max_pictures=MAX_PICTURES if page else 0,
            )
        )
        if page:
            with FaceDatabase.open(database_dir(settings)) as database:
                write_file(
                    page,
                    build_report_page(
                        report,
                        database,
                        lambda photo: pictures.get(photo.path),
                        progress,
                        stash_address(settings),
                    ),
                )
    if as_json:
        print_json(stash_report_json(report))
        return
    print_stash_build(report, page)
