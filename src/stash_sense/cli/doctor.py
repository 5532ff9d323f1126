"""`stash-sense doctor`: is everything there that the work needs, and what to do where not."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import click

from stash_sense import assets
from stash_sense.cli.console import cell, out, print_json, table
from stash_sense.errors import StashSenseError
from stash_sense.facedb import FaceDatabase, NoDatabase
from stash_sense.services import database_place, open_pack
from stash_sense.settings import Settings
from stash_sense.workflows.reading import workers

STYLES = {"ok": "green", "note": "yellow", "fault": "red"}
LITTLE_ROOM = 500_000_000
"""Bytes; a large face database and its next version need about this much."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. state: ok; note, where work goes on without it; fault."""

    what: str
    state: Literal["ok", "note", "fault"]
    said: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check everything that Stash Sense needs, and say what to do where something is wrong."""
    findings = list(examine(ctx.obj))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = table("", "What", "Finding")
        for finding in findings:
            rows.add_row(cell(finding.state, STYLES[finding.state]), cell(finding.what), cell(finding.said))
        out().print(rows)
    if any(finding.state == "fault" for finding in findings):
        ctx.exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which a fault would show."""
    yield Finding("Machine", "ok", f"Python {platform.python_version()}, {workers()} cores for this process")
    yield _checked("Data folder", lambda: _data_dir(settings))
    yield _checked("Models", lambda: _models(settings))
    yield _checked("Face database", lambda: _database(settings))


def _checked(what: str, check: Callable[[], tuple[Literal["ok", "note", "fault"], str]]) -> Finding:
    try:
        state, said = check()
    except NoDatabase as error:
        return Finding(what, "note", str(error))
    except StashSenseError as error:
        return Finding(what, "fault", str(error))
    return Finding(what, state, said)


def _data_dir(settings: Settings) -> tuple[Literal["ok", "note", "fault"], str]:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return "fault", f"{folder}: {error.strerror}. Choose another with --data-dir or DATA_DIR."
    if not os.access(folder, os.W_OK):
        return "fault", f"{folder}: cannot be written to. Choose another with --data-dir or DATA_DIR."
    if free < LITTLE_ROOM:
        return "note", f"{folder}: only {free / 1e6:,.0f} MB free"
    return "ok", f"{folder}, {free / 1e9:,.0f} GB free"


def _models(settings: Settings) -> tuple[Literal["ok", "note", "fault"], str]:
    checks = assets.verify(settings.pack, settings.data_dir)
    broken = [check.problem for check in checks if check.problem]
    if broken:
        return "fault", "; ".join(broken)
    pack = open_pack(settings)
    if not pack.calibrated:
        return "note", f"{pack.id} gives candidates only. Run: stash-sense models calibrate --people FOLDER"
    return "ok", f"{pack.id}: {len(checks)} files whole, calibrated"


def _database(settings: Settings) -> tuple[Literal["ok", "note", "fault"], str]:
    with FaceDatabase.open(database_place(settings)) as opened:
        manifest = opened.manifest
    if manifest.pack != settings.pack:
        return "fault", f"built with the pack {manifest.pack}, in use is {settings.pack}. Build it again."
    return "ok", f"{manifest.people:,} people, {manifest.faces:,} faces, built {manifest.built_at}"
