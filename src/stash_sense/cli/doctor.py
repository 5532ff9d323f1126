"""`stash-sense doctor`: check everything that Stash Sense needs, and say how to fix what is wrong."""

import asyncio
import errno
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import click

from stash_sense.cli.console import cell, json_option, new_table, print_json, quantity, stdout
from stash_sense.cli.sidecar import sidecar_client
from stash_sense.enrolment.stash import SOURCE
from stash_sense.errors import NoDatabase, NoSidecar, SidecarRefused, StashError, StashSenseError
from stash_sense.facedb.database import FaceDatabase
from stash_sense.machine import usable_cores, usable_memory
from stash_sense.models import verify
from stash_sense.private_files import check_privacy
from stash_sense.runtime.from_settings import database_dir, open_pack, open_stash
from stash_sense.runtime.secret import find_secret, token_file
from stash_sense.settings import Settings
from stash_sense.stash.checks import Finding, FindingState, check_stash
from stash_sense.stash.transport import StashLimits

STYLES = {"ok": "green", "note": "yellow", "fault": "red"}
MIN_SECRET_LENGTH = 16
LOW_DISK_BYTES = 500_000_000
"""About what a large face database and its next version need."""
OLD_DATABASE_DAYS = 90
"""After so many days, a database built from Stash may lack new performers."""
_LIMITS = StashLimits(connect_s=3.0, stall_s=8.0, total_s=10.0, retry_s=0.0, attempts=1)  # a person waits


@click.command("doctor")
@json_option
@click.pass_context
def doctor_command(ctx: click.Context, as_json: bool) -> None:
    """Check everything Stash Sense needs and say how to fix problems.

    The exit status is 1 if something is wrong (fault). A note is optional.

    \b
    Examples:
      stash-sense doctor
      STASH_URL=http://nas:9999 STASH_API_KEY=... stash-sense doctor
    """
    findings = list(run_checks(ctx.obj))
    if as_json:
        print_json(
            [
                {"what": finding.subject, "state": finding.state, "said": finding.message}
                for finding in findings
            ]
        )
    else:
        table = new_table("", "Check", "Finding")
        for finding in findings:
            table.add_row(
                cell(finding.state, STYLES[finding.state]), cell(finding.subject), cell(finding.message)
            )
        stdout().print(table)
    if any(finding.state == "fault" for finding in findings):
        ctx.exit(1)


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Run every check, the basic ones first."""
    memory = usable_memory()
    amount = f", {memory / 1e9:,.1f} GB memory" if memory else ""
    cores = quantity(usable_cores(), "CPU core")
    yield Finding("Machine", "ok", f"Python {platform.python_version()}, {cores}{amount} available")
    yield _run("Data folder", lambda: _check_data_dir(settings))
    yield _run("Models", lambda: _check_models(settings))
    yield _run("Face database", lambda: _check_database(settings))
    yield _run("Secret", lambda: _check_secret(settings))
    yield _run("Port", lambda: _check_port(settings))
    yield from _check_stash(settings)


def _run(subject: str, check: Callable[[], tuple[FindingState, str]]) -> Finding:
    try:
        state, message = check()
    except NoDatabase as error:
        return Finding(subject, "note", str(error))
    except StashSenseError as error:
        return Finding(subject, "fault", str(error))
    return Finding(subject, state, message)


def _check_stash(settings: Settings) -> Sequence[Finding]:
    if not settings.stash_url:
        return [Finding("Stash", "note", "not set up. To use Stash, set STASH_URL to its address.")]

    async def check() -> list[Finding]:
        async with open_stash(settings, _LIMITS) as client:
            return await check_stash(client, url_is_set="stash_url" in settings.model_fields_set)

    try:
        return asyncio.run(check())
    except StashError as error:  # an invalid URL, or a key that cannot be sent
        return [Finding("Stash", "fault", str(error))]


def _check_data_dir(settings: Settings) -> tuple[FindingState, str]:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return "fault", f"{folder}: {error.strerror}. Choose another folder with --data-dir or DATA_DIR."
    if not os.access(folder, os.W_OK):
        return "fault", f"{folder}: not writable. Choose another folder with --data-dir or DATA_DIR."
    privacy = check_privacy(folder)
    if privacy.problems:
        return "fault", " ".join(privacy.problems)
    if privacy.exposed:
        exposed = quantity(privacy.exposed, "file or folder", "files and folders")
        return "fault", (
            f"{folder}: other users can read {exposed} in it. Any other command, such as `stash-sense "
            "serve`, repairs that."
        )
    if free < LOW_DISK_BYTES:
        return (
            "note",
            f"{folder}: only {free / 1e6:,.0f} MB free. Make room, or choose another folder with --data-dir.",
        )
    return "ok", f"{folder}, {free / 1e9:,.0f} GB free"


def _check_models(settings: Settings) -> tuple[FindingState, str]:
    checks = verify.verify_pack(settings.pack, settings.data_dir)
    broken = [check.problem for check in checks if check.problem]
    if broken:
        return "fault", "; ".join(broken)
    pack = open_pack(settings)
    if not pack.calibrated:
        advice = "Run: stash-sense models calibrate --people FOLDER"
        return "note", f"{pack.id}: not calibrated, so no face is ever a match. {advice}"
    return "ok", f"{pack.id}: {len(checks)} files intact, calibrated"


def _check_secret(settings: Settings) -> tuple[FindingState, str]:
    secret = find_secret(settings)
    if secret is None:
        if settings.loopback:
            return "ok", "not required: only this machine can reach the sidecar"
        return "ok", f"generated at the first start, because other machines can reach {settings.host}"
    if secret.origin == "stash-key" and settings.token.get_secret_value():
        return "note", "derived from STASH_API_KEY; STASH_SENSE_TOKEN is ignored and can be removed"
    if len(secret.value) < MIN_SECRET_LENGTH:
        return "note", (
            f"only {len(secret.value)} characters long. Use a longer STASH_SENSE_TOKEN, or leave it empty to "
            "generate one."
        )
    return "ok", {"stash-key": "derived from STASH_API_KEY", "setting": "set by STASH_SENSE_TOKEN"}.get(
        secret.origin, f"stored in {token_file(settings)}"
    )


def _check_port(settings: Settings) -> tuple[FindingState, str]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = f"{settings.host} port {settings.port}"
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _check_who_listens(settings, address)
        return "fault", f"{address}: {error.strerror}. Set STASH_SENSE_HOST to an address of this machine."
    return "ok", f"{address}: free"


def _check_who_listens(settings: Settings, address: str) -> tuple[FindingState, str]:
    try:
        with sidecar_client(settings) as client:
            health = client.get("/health")
    except SidecarRefused as error:
        return "note", f"{address}: a Stash Sense is running there. {error}"
    except NoSidecar:
        return "fault", (
            f"{address}: in use by another program. Set STASH_SENSE_PORT to a free port, or end that program."
        )
    return "ok", f"{address}: Stash Sense {health.get('version', '')} is running there"


def _check_database(settings: Settings) -> tuple[FindingState, str]:
    with FaceDatabase.open(database_dir(settings)) as database:
        manifest = database.manifest
    source = "--from-stash" if manifest.sources == (SOURCE,) else "--people FOLDER"
    if manifest.pack != settings.pack:
        return "fault", (
            f"built with the model pack {manifest.pack}, but {settings.pack} is in use. "
            f"Run: stash-sense database build {source}"
        )
    summary = f"{manifest.people:,} people, {manifest.faces:,} faces, built {manifest.built_at}"
    days = (datetime.now(UTC) - datetime.fromisoformat(manifest.built_at)).days
    if manifest.sources == (SOURCE,) and days > OLD_DATABASE_DAYS:
        return (
            "note",
            f"{summary}, {days} days ago. To add new performers: stash-sense database build --from-stash",
        )
    return "ok", f"{summary} from {', '.join(manifest.sources) or 'an unnamed source'}"
