"""`stash-sense doctor`: is everything there that the work needs, and what to do where not."""

import asyncio
import errno
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import click

from stash_sense.cli.console import cell, out, print_json, table
from stash_sense.enrolment.stash import SOURCE
from stash_sense.errors import NoDatabase, StashError, StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.models import verify
from stash_sense.recognition.analysis import usable_cores
from stash_sense.runtime.engine import database_place, open_pack, open_stash
from stash_sense.runtime.secret import find_secret, token_file
from stash_sense.settings import Settings
from stash_sense.stash.checks import Finding, FindingState, check_stash
from stash_sense.stash.transport import StashLimits

STYLES = {"ok": "green", "note": "yellow", "fault": "red"}
SHORT_SECRET = 16
LITTLE_ROOM = 500_000_000
"""Bytes; a large face database and its next version need about this much."""
OLD_DAYS = 90
"""Days after which a database built from Stash may lack many a new performer."""
PROMPT = StashLimits(connect_s=3.0, stall_s=8.0, total_s=10.0, retry_s=0.0, attempts=1)
"""Somebody waits for the findings."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Check everything that Stash Sense needs, and say what to do where something is wrong."""
    findings = list(examine(ctx.obj))
    if as_json:
        print_json(
            [
                {"what": finding.subject, "state": finding.state, "said": finding.message}
                for finding in findings
            ]
        )
    else:
        rows = table("", "What", "Finding")
        for finding in findings:
            rows.add_row(
                cell(finding.state, STYLES[finding.state]), cell(finding.subject), cell(finding.message)
            )
        out().print(rows)
    if any(finding.state == "fault" for finding in findings):
        ctx.exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which a fault would show."""
    yield Finding(
        "Machine", "ok", f"Python {platform.python_version()}, {usable_cores()} cores for this process"
    )
    yield _checked("Data folder", lambda: _data_dir(settings))
    yield _checked("Models", lambda: _models(settings))
    yield _checked("Face database", lambda: _database(settings))
    yield _checked("Secret", lambda: _secret(settings))
    yield _checked("Port", lambda: _port(settings))
    yield from _stash(settings)


def _checked(what: str, check: Callable[[], tuple[FindingState, str]]) -> Finding:
    try:
        state, said = check()
    except NoDatabase as error:
        return Finding(what, "note", str(error))
    except StashSenseError as error:
        return Finding(what, "fault", str(error))
    return Finding(what, state, said)


def _stash(settings: Settings) -> Sequence[Finding]:
    if not settings.stash_url:
        return [Finding("Stash", "note", "none is set. To work with Stash, set STASH_URL to its address.")]

    async def ask() -> list[Finding]:
        async with open_stash(settings, PROMPT) as client:
            return await check_stash(client, url_is_set="stash_url" in settings.model_fields_set)

    try:
        return asyncio.run(ask())
    except StashError as error:  # an address or a key that cannot be sent at all
        return [Finding("Stash", "fault", str(error))]


def _data_dir(settings: Settings) -> tuple[FindingState, str]:
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


def _models(settings: Settings) -> tuple[FindingState, str]:
    checks = verify.verify(settings.pack, settings.data_dir)
    broken = [check.problem for check in checks if check.problem]
    if broken:
        return "fault", "; ".join(broken)
    pack = open_pack(settings)
    if not pack.calibrated:
        return "note", f"{pack.id} gives candidates only. Run: stash-sense models calibrate --people FOLDER"
    return "ok", f"{pack.id}: {len(checks)} files whole, calibrated"


def _secret(settings: Settings) -> tuple[FindingState, str]:
    secret = find_secret(settings)
    if secret is None:
        if settings.loopback:
            return "ok", "none is asked for: only this machine can reach the sidecar"
        return "ok", f"will be made at the first start, as {settings.host} can be reached by others"
    if secret.origin == "stash-key" and settings.token.get_secret_value():
        return "note", "derived from STASH_API_KEY; STASH_SENSE_TOKEN is not used beside it"
    if len(secret.value) < SHORT_SECRET:
        return "note", f"has {len(secret.value)} signs only. Take a longer one, or none, to have one made."
    return "ok", {"stash-key": "derived from STASH_API_KEY", "setting": "STASH_SENSE_TOKEN"}.get(
        secret.origin, f"kept in {token_file(settings)}"
    )


def _port(settings: Settings) -> tuple[FindingState, str]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    place = f"{settings.host} port {settings.port}"
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "note", f"{place}: in use; by the sidecar, if it runs. Else set STASH_SENSE_PORT."
        return "fault", f"{place}: {error.strerror}. Set STASH_SENSE_HOST to an address of this machine."
    return "ok", f"{place} is free"


def _database(settings: Settings) -> tuple[FindingState, str]:
    with FaceDatabase.open(database_place(settings)) as opened:
        manifest = opened.manifest
    again = "--from-stash" if manifest.sources == (SOURCE,) else "--people FOLDER"
    if manifest.pack != settings.pack:
        return "fault", (
            f"built with the pack {manifest.pack}, in use is {settings.pack}. "
            f"Run: stash-sense database build {again}"
        )
    said = f"{manifest.people:,} people, {manifest.faces:,} faces, built {manifest.built_at}"
    days = (datetime.now(UTC) - datetime.fromisoformat(manifest.built_at)).days
    if manifest.sources == (SOURCE,) and days > OLD_DAYS:
        return "note", f"{said}, {days} days ago. For who is new: stash-sense database build --from-stash"
    return "ok", f"{said} from {', '.join(manifest.sources) or 'nothing named'}"
