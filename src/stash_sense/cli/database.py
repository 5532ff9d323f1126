"""`stash-sense database`: build a face database, and what is in it."""

from pathlib import Path

import click

from stash_sense.cli.console import cell, counted, out, print_json, progress, shown, table
from stash_sense.facedb import FaceDatabase
from stash_sense.services import database_place, enrol, open_pack
from stash_sense.settings import Settings


@click.group()
def database() -> None:
    """The face database: the people who can be recognised."""


@database.command()
@click.option(
    "--people",
    "people",
    multiple=True,
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder with one folder of photos per person, named after them. May be given more than once.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def build(settings: Settings, people: tuple[Path, ...], as_json: bool) -> None:
    """Enrol the people of --people, or bring the database up to date with them.

    Photos that have not changed since the last build are not looked at again. Until the build has ended,
    and if it is broken off, the old database stays in use.

    \b
    Example:
      stash-sense database build --people People/
    """
    place = database_place(settings)
    with progress() as bars:
        report = enrol(settings, people, place, open_pack(settings), bars)
    if as_json:
        value = {field: getattr(report, field) for field in report.__dataclass_fields__}
        print_json({**value, "skipped": [{"photo": photo, "why": why} for photo, why in report.skipped]})
        return
    console = out()
    console.print(
        f"{report.people:,} people with {counted(report.faces, 'face')} enrolled "
        f"({counted(report.embedded, 'photo')} looked at, {report.reused:,} known already)."
    )
    for name in report.faceless:
        console.print(cell(f"{name}: no photo of this person shows a face; not enrolled.", "yellow"))
    if report.skipped:
        rows = table("Photo left out", "Why")
        for photo, why in report.skipped[:20]:
            rows.add_row(cell(photo), cell(why))
        console.print(rows)
        if len(report.skipped) > 20:
            console.print(f"... and {len(report.skipped) - 20} more; --json lists all.")
    for problem in report.problems:
        click.echo(shown(problem), err=True)


@database.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def info(settings: Settings, as_json: bool) -> None:
    """Version, pack, people, faces and sources of the database in use."""
    with FaceDatabase.open(database_place(settings)) as opened:
        manifest = opened.manifest
    value = {
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
        print_json(value)
    else:
        rows = table("What", "Value")
        for name, one in value.items():
            text = ", ".join(one) if isinstance(one, list) else f"{one:,}" if isinstance(one, int) else one
            rows.add_row(cell(name.replace("_", " ")), cell(text))
        out().print(rows)
