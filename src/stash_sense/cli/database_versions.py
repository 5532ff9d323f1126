"""`stash-sense database update` and `rollback`: the next version of the face database, and the one before."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import click

from stash_sense.cli.console import (
    cell,
    json_option,
    new_table,
    print_json,
    progress_bar,
    quantity,
    stdout,
    workers_option,
)
from stash_sense.facedb.versions import roll_back
from stash_sense.runtime.from_settings import database_dir, open_pack
from stash_sense.runtime.source_updates import update_all
from stash_sense.settings import Settings


@click.command("update")
@workers_option
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Update although a source holds nobody or less than half of its people of the last build.",
)
@json_option
@click.pass_obj
def update_command(settings: Settings, allow_empty: bool, as_json: bool) -> None:
    """Bring the people of every source up to date: Stash, stash-boxes, and folders that are there.

    Photos that have not changed are not analysed again. A source that is away keeps its people. So does one
    that fails; the others are updated all the same, and the exit status is 1.

    \b
    Example:
      stash-sense database update
    """
    with progress_bar() as progress:
        updates = asyncio.run(update_all(settings, open_pack(settings), progress, allow_empty=allow_empty))
    if as_json:
        print_json({"sources": [update.as_json() for update in updates]})
    else:
        table = new_table("Source", "Outcome", "Detail")
        for update in updates:
            table.add_row(
                *map(cell, (update.source, update.outcome, update.detail or _counts(update.report)))
            )
        stdout().print(table)
    if any(update.outcome == "failed" for update in updates):
        sys.exit(1)


def _counts(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return ""
    people, photos = report["people"], report["embedded"]
    return f"{quantity(people, 'person', 'people')}, {quantity(photos, 'photo')} analysed"


@click.command("rollback")
@json_option
@click.pass_obj
def rollback_command(settings: Settings, as_json: bool) -> None:
    """Use the version before the last build again; run it again to go forward.

    A running sidecar picks it up by itself. While the older version is in use, nothing updates the database
    by itself, neither the schedule nor a change in Stash.

    \b
    Example:
      stash-sense database rollback
    """
    rollback = roll_back(database_dir(settings))
    if as_json:
        print_json(rollback.as_json())
        return
    manifest, direction = rollback.after, "Forward" if rollback.forward else "Back"
    click.echo(
        f"{direction} from {rollback.before or 'a damaged version'} to {manifest.version}: "
        f"{quantity(manifest.people, 'person', 'people')}, {quantity(manifest.faces, 'face')}, "
        f"built {manifest.built_at}."
    )
