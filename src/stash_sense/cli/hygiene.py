"""`stash-sense database hygiene`, `quarantine` and `restore`: references that deserve a look."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from stash_sense.cli.console import (
    cell,
    json_option,
    new_table,
    print_json,
    progress_bar,
    quantity,
    safe_text,
    stdout,
    write_file,
)
from stash_sense.cli.pages import data_url, jpeg_url, render_page
from stash_sense.domain.identity import Person
from stash_sense.enrolment.hygiene import HygieneReport, LookAlikes, ReferenceFinding, inspect_references
from stash_sense.enrolment.quarantine_list import restore_references, set_references_aside
from stash_sense.errors import StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.media.photo import load_image
from stash_sense.runtime.from_settings import database_dir, open_pack, recognizer
from stash_sense.settings import Settings

MAX_SHOWN = 40
MAX_PICTURES = 300
"""With more pictures, a browser would take long to open the file."""
PICTURE_SIDE = 440
"""Pixels."""


@click.command("hygiene")
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="FILE", help="Write an HTML page with the pictures."
)
@json_option
@click.pass_obj
def hygiene_command(settings: Settings, report: Path | None, as_json: bool) -> None:
    """List references that seem wrong or poor, and people who look alike.

    Compares every reference with its person's others and with everybody else's. Nothing is changed: set a
    reference aside with `database quarantine`.

    \b
    Examples:
      stash-sense database hygiene
      stash-sense database hygiene --report hygiene.html
    """
    with (
        progress_bar() as progress,
        recognizer(open_pack(settings), database_dir(settings)) as opened,
    ):
        hygiene = inspect_references(opened.database, opened.pack, progress)
        if report:
            write_file(report, hygiene_page(hygiene, opened.database))
    if as_json:
        print_json(hygiene_json(hygiene))
        return
    _print_findings(hygiene.findings)
    _print_look_alikes(hygiene.look_alikes)
    if report:
        click.echo(f"Report: {safe_text(str(report))}")


@click.command("quarantine")
@click.argument("reference")
@json_option
@click.pass_obj
def quarantine_command(settings: Settings, reference: str, as_json: bool) -> None:
    """Set a reference aside, now and in every later build.

    REFERENCE is an id that `database hygiene` lists; it stays the same from build to build.

    \b
    Example:
      stash-sense database quarantine 3f9c0a4be1d27756
    """
    (photo,) = set_references_aside(database_dir(settings), [reference]).photos
    if as_json:
        print_json({"reference": reference, "photo": photo.path, "in_use": False})
    else:
        click.echo(
            safe_text(f"{photo.path}: set aside. To use it again: stash-sense database restore {reference}")
        )


@click.command("restore")
@click.argument("reference")
@json_option
@click.pass_obj
def restore_reference_command(settings: Settings, reference: str, as_json: bool) -> None:
    """Use a reference again that was set aside, by hand or by a build: the next build brings it back.

    \b
    Example:
      stash-sense database restore 3f9c0a4be1d27756
    """
    (photo,) = restore_references(database_dir(settings), [reference])
    if as_json:
        print_json({"reference": reference, "photo": photo.path})
    else:
        click.echo(safe_text(f"{photo.path}: the next build uses it again."))


def hygiene_json(report: HygieneReport) -> dict[str, Any]:
    """The report as `database hygiene --json` prints it."""
    return {
        "version": report.version,
        "references": report.references,
        "findings": [
            {
                "reference": finding.reference,
                "performer_id": finding.person.key,
                "name": finding.person.name,
                "photo": finding.photo,
                "in_use": finding.in_use,
                "code": finding.code,
                "why": finding.reason,
            }
            for finding in report.findings
        ],
        "look_alikes": [
            {
                "people": [{"performer_id": person.key, "name": person.name} for person in pair.people],
                "distance": round(pair.distance, 4),
            }
            for pair in report.look_alikes
        ],
    }


@dataclass(frozen=True, slots=True)
class _Finding:
    """A finding for the page. picture: of the face or the photo; learned: the person's other references."""

    finding: ReferenceFinding
    picture: str
    learned: list[str]


@dataclass(frozen=True, slots=True)
class _Pair:
    pair: LookAlikes
    pictures: list[tuple[Person, str]]


def hygiene_page(report: HygieneReport, database: FaceDatabase) -> bytes:
    """The report as UTF-8 HTML with pictures."""
    findings = [
        _Finding(finding, _picture(finding, database), _others(finding, database))
        for finding in report.findings[:MAX_PICTURES]
    ]
    pairs = [
        _Pair(
            pair,
            [(person, _crop(database, row)) for person, row in zip(pair.people, pair.rows, strict=True)],
        )
        for pair in report.look_alikes[:MAX_PICTURES]
    ]
    return render_page(
        "hygiene.html.j2",
        counts=quantity(report.references, "reference"),
        in_use=[each for each in findings if each.finding.in_use],
        aside=[each for each in findings if not each.finding.in_use],
        pairs=pairs,
        left_out=len(report.findings) - len(findings) + len(report.look_alikes) - len(pairs),
    )


def _picture(finding: ReferenceFinding, database: FaceDatabase) -> str:
    if finding.in_use:
        return _crop(database, finding.row)
    try:
        return data_url(load_image(Path(finding.photo), wanted_side=PICTURE_SIDE).pixels, PICTURE_SIDE)
    except StashSenseError:  # not a file here: a picture in Stash
        return ""


def _others(finding: ReferenceFinding, database: FaceDatabase) -> list[str]:
    index = database.find([finding.person.key]).get(finding.person.key)
    rows = [] if index is None else [row for row in database.rows(index) if row != finding.row]
    return [picture for row in rows if (picture := _crop(database, row))]


def _crop(database: FaceDatabase, row: int) -> str:
    crop = database.crop(row)
    return jpeg_url(crop) if crop else ""


def _print_findings(findings: Sequence[ReferenceFinding]) -> None:
    if not findings:
        click.echo("No reference deserves a look.")
        return
    table = new_table("Reference", "Person", "Photo", "Used", "Why")
    for finding in findings[:MAX_SHOWN]:
        used = "yes" if finding.in_use else "set aside"
        fields = (finding.reference, finding.person.name, finding.photo, used, finding.reason)
        table.add_row(*map(cell, fields))
    stdout().print(table)
    _print_more(len(findings))


def _print_look_alikes(pairs: Sequence[LookAlikes]) -> None:
    if not pairs:
        return
    click.echo("\nPeople who look alike, or are one person twice:")
    table = new_table("Person", "Person", "Distance")
    for pair in pairs[:MAX_SHOWN]:
        table.add_row(*(cell(person.full_name) for person in pair.people), cell(f"{pair.distance:.2f}"))
    stdout().print(table)
    _print_more(len(pairs))


def _print_more(count: int) -> None:
    if count > MAX_SHOWN:
        click.echo(f"... and {count - MAX_SHOWN:,} more; --json lists all.")
