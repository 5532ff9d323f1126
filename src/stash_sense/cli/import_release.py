"""`stash-sense database import`: take a public face database into the own one."""

from pathlib import Path

import click

from stash_sense.cli.console import cell, json_option, print_json, progress_bar, quantity, safe_text, stdout
from stash_sense.enrolment.public import ImportReport, import_release_json
from stash_sense.runtime.from_settings import import_public
from stash_sense.settings import Settings

MOST_NAMES = 20


@click.command("import")
@click.argument("release", metavar="FILE_OR_FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--allow-empty",
    is_flag=True,
    help="Import although the release has less than half of the people that the database has of it.",
)
@json_option
@click.pass_obj
def import_command(settings: Settings, release: Path, allow_empty: bool, as_json: bool) -> None:
    """Import a release of a public face database: its zip file, or the folder of its files.

    People of other sources stay. A newer release takes the place of the one before, and a delta changes the
    release that it names. The release must have been made with the model pack in use. The old database stays
    in use until the import is complete, also if it is interrupted.

    \b
    Examples:
      stash-sense database import stash-sense-data-2026.02.18.zip
      stash-sense database import Releases/2026.03.04/ --json
    """
    with progress_bar() as progress:
        report = import_public(settings, release, progress, allow_empty=allow_empty)
    if as_json:
        print_json(import_release_json(report))
        return
    _print(report)


def _print(report: ImportReport) -> None:
    console = stdout()
    people, faces = quantity(report.people, "person", "people"), quantity(report.faces, "face")
    if not report.changed:
        console.print(cell(f"{report.release} is imported already: {people} with {faces}."))
        return
    console.print(
        cell(
            f"Imported {report.release}: {people} with {faces} ({report.added:,} new, "
            f"{report.updated:,} updated, {len(report.gone):,} gone)."
        )
    )
    if report.gone:
        more = len(report.gone) - MOST_NAMES
        names = ", ".join(report.gone[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
        console.print(cell(f"No longer in the release: {names}.", "yellow"))
    for reason, count in report.refused.items():
        console.print(cell(f"Not taken: {count:,} {reason}.", "yellow"))
    for conflict in report.conflicts[:MOST_NAMES]:
        console.print(cell(f"{conflict.name}: {conflict.decision}"))
    if len(report.conflicts) > MOST_NAMES:
        console.print(f"... and {len(report.conflicts) - MOST_NAMES:,} more decisions; --json lists all.")
    for problem in report.problems:
        click.echo(safe_text(problem), err=True)
