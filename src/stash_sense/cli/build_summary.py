"""What a build did, as text: counts, photos set aside, and where sources disagree."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from stash_sense.cli.console import cell, new_table, quantity, safe_text, stdout
from stash_sense.enrolment.box_report import StashBoxReport
from stash_sense.enrolment.report import BuildReport, SkippedPhoto

MAX_LEFT_OUT_SHOWN = 20


def print_folder_build(report: BuildReport, page: Path | None) -> None:
    """Print what a build from people folders did. page: where its HTML report was written."""
    console = stdout()
    _print_counts(console, report)
    for name in report.faceless:
        console.print(cell(f"{name}: no photo shows the face for certain; not enrolled.", "yellow"))
    _print_left_out(console, ("Skipped photo", "Reason"), _folder_rows(report.skipped))
    if report.quarantined:
        console.print()
        console.print(cell("Quarantined: probably another person. Check the folder of each photo:", "yellow"))
        _print_left_out(console, ("Photo", "Reason"), _folder_rows(report.quarantined))
    for problem in report.problems:
        click.echo(safe_text(problem), err=True)
    _print_page(page)


def print_stash_build(report: BuildReport, page: Path | None) -> None:
    """Print what a build from Stash did. page: where its HTML report was written."""
    console = stdout()
    _print_counts(console, report)
    if report.without_portrait:
        performers = quantity(report.without_portrait, "performer")
        console.print(cell(f"{performers} without a portrait in Stash: not enrolled.", "yellow"))
    if report.skipped:
        console.print()
        console.print(cell("Skipped. Give them another portrait in Stash, then build again:", "yellow"))
        _print_left_out(console, ("Person", "Picture", "Reason"), _stash_rows(report.skipped))
    if report.quarantined:
        console.print()
        console.print(
            cell("Quarantined: probably another person. Correct the portrait or the tag in Stash:", "yellow")
        )
        _print_left_out(console, ("Person", "Picture", "Reason"), _stash_rows(report.quarantined))
    for problem in report.problems:
        click.echo(safe_text(problem), err=True)
    _print_page(page)


def print_box_build(report: StashBoxReport) -> None:
    """Print what a build from a stash-box did."""
    console, build = stdout(), report.build
    _print_counts(console, build)
    console.print(f"{report.added:,} new, {report.updated:,} with new pictures.")
    listed = (
        ("Merged into another entry there", report.merged),
        ("Deleted there", report.deleted),
        ("Unknown there", report.unknown),
    )
    for what, people in listed:
        _print_names(console, what, [person.full_name for person in people])
    _print_left_out(
        console,
        ("Person", "Kept as before, since"),
        [(person.full_name, why) for person, why in report.failed],
    )
    if build.skipped:
        console.print()
        _print_left_out(console, ("Person", "Skipped picture", "Reason"), _stash_rows(build.skipped))
    if build.quarantined:
        console.print()
        console.print(cell("Quarantined: probably another person. Report them to the stash-box:", "yellow"))
        _print_left_out(console, ("Person", "Picture", "Reason"), _stash_rows(build.quarantined))
    for problem in build.problems:
        click.echo(safe_text(problem), err=True)


def _print_counts(console: Console, report: BuildReport) -> None:
    console.print(
        f"Enrolled {quantity(report.people, 'person', 'people')} with {quantity(report.faces, 'face')} "
        f"({quantity(report.analyzed, 'photo')} analysed, {report.reused:,} already known)."
    )
    for carried in report.carried:
        faces = quantity(carried.faces, "face")
        people = quantity(carried.people, "person", "people")
        console.print(cell(f"Unchanged from {carried.source}: {people} with {faces}."))
    print_gone(console, report.gone)
    _print_left_out(
        console,
        ("Person", "Sources disagree, or only a name tells"),
        [(conflict.person.full_name, conflict.decision) for conflict in report.conflicts],
    )


def print_gone(console: Console, gone: Sequence[str]) -> None:
    """Print who is no longer in the database, by name."""
    _print_names(console, "No longer enrolled", gone)


def _print_names(console: Console, what: str, names: Sequence[str]) -> None:
    if names:
        more = len(names) - MAX_LEFT_OUT_SHOWN
        shown = ", ".join(names[:MAX_LEFT_OUT_SHOWN])
        console.print(cell(f"{what}: {shown}{f' and {more:,} more' if more > 0 else ''}.", "yellow"))


def _print_page(page: Path | None) -> None:
    if page:
        click.echo(f"Report: {safe_text(str(page))}")


def _print_left_out(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    table = new_table(*columns)
    for row in rows[:MAX_LEFT_OUT_SHOWN]:
        table.add_row(*map(cell, row))
    console.print(table)
    if len(rows) > MAX_LEFT_OUT_SHOWN:
        console.print(f"... and {len(rows) - MAX_LEFT_OUT_SHOWN:,} more; --json lists all.")


def _folder_rows(photos: Sequence[SkippedPhoto]) -> list[tuple[str, str]]:
    return [(photo.path, photo.reason) for photo in photos]


def _stash_rows(photos: Sequence[SkippedPhoto]) -> list[tuple[str, str, str]]:
    return [(photo.person.name, photo.picture, photo.reason) for photo in photos]
