"""`stash-sense database`: build a face database, and what is in it."""

import click

from stash_sense.cli.build import build
from stash_sense.cli.console import cell, out, print_json, table
from stash_sense.facedb.database import FaceDatabase
from stash_sense.runtime.engine import database_place
from stash_sense.settings import Settings


@click.group()
def database() -> None:
    """The face database: the people who can be recognised."""


database.add_command(build)


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
