"""`stash-sense database delete-person` and `export-person`: what is known of one person, and its end."""

from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from stash_sense.cli.console import cell, json_option, new_table, print_json, quantity, safe_text, stdout
from stash_sense.cli.sidecar import sidecar_client
from stash_sense.errors import StateBusy
from stash_sense.runtime.forgetting import forget_person, forgotten_people, lift_forgetting, without_jobs
from stash_sense.runtime.known_people import KnownPerson, export_person, one_known_person, open_state
from stash_sense.settings import Settings

_DELETE_TIMEOUT_S = 3600.0
_NOT_OURS = (
    "Not removed, because it is not kept here: the photos themselves, the performer in Stash, backups that "
    "you keep elsewhere, your shell's history, and what earlier runs wrote into the system's journal or the "
    "container's log."
)


@click.command("delete-person")
@click.argument("person", required=False)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--list", "lists", is_flag=True, help="List those who were deleted; nobody's name is kept.")
@click.option(
    "--undo",
    metavar="ENTRY",
    help="Let somebody be enrolled again: the entry's ID, a key or the exact name. Nothing is restored.",
)
@json_option
@click.pass_obj
def delete_person_command(
    settings: Settings, person: str | None, yes: bool, lists: bool, undo: str | None, as_json: bool
) -> None:
    """Delete everything that is known of PERSON, for good.

    PERSON is a key, an alias, the performer's ID in Stash, or the exact name. Reference faces, decisions,
    names, results and backups that hold the person go; a salted hash of each key stays, so that no build
    brings the person back. Works while the sidecar runs, and finishes at the next start if it is killed.

    \b
    Examples:
      stash-sense database export-person "Jane Doe" jane.zip
      stash-sense database delete-person "Jane Doe"
      stash-sense database delete-person --list
      stash-sense database delete-person --undo 3f9c0a4be1d2
    """
    if sum((person is not None, lists, undo is not None)) != 1:
        raise click.UsageError("Give one of PERSON, --list and --undo.")
    if lists:
        _print_list(settings, as_json=as_json)
    elif undo is not None:
        entry = lift_forgetting(settings, undo)
        _print({"lifted": entry.entry_id}, f"{entry.entry_id}: can be enrolled again.", as_json=as_json)
    else:
        _delete(settings, person or "", yes=yes, as_json=as_json)


@click.command("export-person")
@click.argument("person")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@click.pass_obj
def export_person_command(settings: Settings, person: str, file: Path, as_json: bool) -> None:
    """Write everything that is known of PERSON into FILE, a zip archive with JSON and the stored faces.

    \b
    Example:
      stash-sense database export-person "Jane Doe" jane.zip
    """
    with open_state(settings) as state:
        known = one_known_person(settings, person, state)
        entries = export_person(settings, known, state, file)
    _print(
        {"exported_to": str(file), "performer_id": known.keys[0], "entries": entries},
        f"Wrote {file}: {quantity(entries, 'entry', 'entries')} about {known.name}.",
        as_json=as_json,
    )


def _delete(settings: Settings, text: str, *, yes: bool, as_json: bool) -> None:
    with open_state(settings) as state:
        person = one_known_person(settings, text, state)
    if not yes:
        faces = quantity(person.references, "reference face")
        click.confirm(
            safe_text(
                f"Delete {person.name} ({person.keys[0]}; {faces}) for good, with all decisions and results, "
                "and every backup of the state here?"
            ),
            abort=True,
            err=True,
        )
    report = _deleted(settings, person)
    deleted = (
        quantity(report["references"], "reference face"),
        quantity(report["photos"], "listed photo"),
        quantity(report["versions"], "older version of the face database", "older versions"),
        quantity(report["rows"], "row of the state", "rows of the state"),
        quantity(report["jobs"], "job"),
    )
    lines = [
        f"Deleted: {', '.join(deleted)}.",
        *(f"Also {quantity(rows, 'row')} of {table}." for table, rows in report["mentions"].items()),
    ]
    if report["backups"]:
        lines.append(f"Backups removed: {', '.join(report['backups'])}.")
    if report["new_backup"]:
        lines.append(f"A new backup of what is left: {report['new_backup']}.")
    lines.append(f"To allow enrolling again: stash-sense database delete-person --undo {report['entry_id']}")
    _print(report, *lines, _NOT_OURS, as_json=as_json)


def _deleted(settings: Settings, person: KnownPerson) -> dict[str, Any]:
    """The report, of this process or of the sidecar that runs."""
    try:
        with without_jobs(settings):
            return asdict(forget_person(settings, person))
    except StateBusy:
        with sidecar_client(settings) as sidecar:
            return sidecar.delete(f"/people/{quote(person.keys[0], safe='')}", _DELETE_TIMEOUT_S)


def _print_list(settings: Settings, *, as_json: bool) -> None:
    people = forgotten_people(settings)
    if as_json:
        print_json([{"entry_id": each.entry_id, "deleted_at": each.forgotten_at} for each in people])
        return
    if not people:
        click.echo("Nobody has been deleted.")
        return
    table = new_table("Entry", "Deleted at")
    for each in people:
        table.add_row(cell(each.entry_id), cell(each.forgotten_at))
    stdout().print(table)


def _print(facts: dict[str, Any], *lines: str, as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    for line in lines:
        click.echo(safe_text(line))
