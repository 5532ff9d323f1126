"""`stash-sense library`: identify what is new in the whole library, and follow, pause and resume that."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.console import Console

from stash_sense.cli.console import (
    INTERRUPTED,
    cell,
    json_option,
    new_table,
    print_json,
    progress_bar,
    quantity,
    safe_text,
    stdout,
)
from stash_sense.cli.jobs import Job, call_job, job_figures, job_status, wait_for_job
from stash_sense.cli.sidecar import SidecarClient, sidecar_client
from stash_sense.domain.progress import format_duration
from stash_sense.settings import Settings

_TARGET = "library"
_KINDS = ("images", "galleries", "scenes")


@click.group("library")
def library_group() -> None:
    """Identify the whole Stash library, as a job of the running sidecar.

    It runs in the background: whatever you identify in Stash meanwhile goes first. Nothing is written to
    Stash.
    """


@library_group.command("run")
@click.option("--what", type=click.Choice(_KINDS), multiple=True, help="Only these; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Judge what is stored again, too.")
@click.option("--path", default="", help="Only where the path contains this.")
@click.option("--tag", "tags", multiple=True, metavar="ID", help="Only with this tag; may be repeated.")
@click.option(
    "--studio", "studios", multiple=True, metavar="ID", help="Only of this studio; may be repeated."
)
@click.option("--organized/--not-organized", default=None, help="Only what is organized, or not.")
@click.option("--no-performers", is_flag=True, help="Only what has no performer.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Only what was created later."
)
@click.option("--untagged-first", is_flag=True, help="What has no performer first, instead of the newest.")
@click.option("--wait", is_flag=True, help="Show the progress, and what was found at the end.")
@json_option
@click.pass_context
def run_command(ctx: click.Context, /, *, wait: bool, as_json: bool, **wanted: Any) -> None:
    """Identify what is new in the library: images, galleries and scenes.

    Nothing is fetched or looked at twice. If the same job is already queued or running, that one is used.
    With --wait, the exit status is 1 unless the job was done. Ctrl-C stops waiting; the job goes on.

    \b
    Examples:
      stash-sense library run
      stash-sense library run --what scenes --no-performers --wait
    """
    request = _request(**wanted)
    with sidecar_client(ctx.obj) as sidecar:
        started = sidecar.post("/jobs/library", request)
        job_id = str(started["job_id"])
        if not wait:
            if as_json:
                print_json(started)
            else:
                click.echo(f"Started job {job_id}. Follow it: stash-sense library status")
            return
        try:
            with progress_bar() as progress:
                job = wait_for_job(sidecar, job_id, _TARGET, progress)
        except KeyboardInterrupt:
            click.echo("Stopped waiting; the job goes on. To pause it: stash-sense library pause", err=True)
            ctx.exit(INTERRUPTED)
        _print_library(job, as_json=as_json)
        if job["status"] != "done":
            ctx.exit(1)


def _request(
    *,
    what: tuple[str, ...],
    everything: bool,
    path: str,
    tags: tuple[str, ...],
    studios: tuple[str, ...],
    organized: bool | None,
    no_performers: bool,
    since: datetime | None,
    untagged_first: bool,
) -> dict[str, Any]:
    return {
        "what": list(what or _KINDS),
        "only": "all" if everything else "new",
        "filter": {
            "path": path,
            "tag_ids": list(tags),
            "studio_ids": list(studios),
            "organized": organized,
            "no_performers": no_performers,
            "since": since.astimezone().isoformat() if since else None,
        },
        "order": "untagged" if untagged_first else "newest",
    }


@library_group.command("status")
@json_option
@click.pass_obj
def status_command(settings: Settings, as_json: bool) -> None:
    """Show how far the library's newest job is, what it is at, and what went wrong.

    \b
    Example:
      stash-sense library status
    """
    with sidecar_client(settings) as sidecar:
        _print_library(call_job(sidecar, _newest(sidecar)), as_json=as_json)


@library_group.command("pause")
@json_option
@click.pass_obj
def pause_library_command(settings: Settings, as_json: bool) -> None:
    """Let the library's job rest until it is resumed, also over a restart of the sidecar.

    \b
    Example:
      stash-sense library pause
    """
    with sidecar_client(settings) as sidecar:
        _print_library(call_job(sidecar, _newest(sidecar), "/pause"), as_json=as_json)


@library_group.command("resume")
@json_option
@click.pass_obj
def resume_library_command(settings: Settings, as_json: bool) -> None:
    """Go on with the library's newest job if it is paused, cancelled or failed.

    \b
    Example:
      stash-sense library resume
    """
    with sidecar_client(settings) as sidecar:
        _print_library(call_job(sidecar, _newest(sidecar), "/resume"), as_json=as_json)


def _newest(sidecar: SidecarClient) -> str:
    """The id of the newest job over the library: one that is not over, else the last."""
    jobs = sidecar.get("/jobs", target=_TARGET)["jobs"]
    if not jobs:
        raise click.ClickException("The library was not identified yet. Start it: stash-sense library run")
    open_jobs = [job for job in jobs if job["status"] in ("running", "queued")]
    return str((open_jobs or jobs)[0]["job_id"])


def _print_library(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    console = stdout()
    result: Mapping[str, Any] = job["result"] or {}
    progress, rate, left, _ = job_figures(job)
    table = new_table("Library", "")
    table.add_row(cell("status"), job_status(job))
    rows = {
        "progress": progress,
        "rate": rate,
        "time left": left,
        "at": _at(job, result),
        "identified": _identified(result),
        "gone from Stash": f"{result['gone']:,}" if result.get("gone") else "",
    }
    for name, text in rows.items():
        if text:
            table.add_row(cell(name), cell(text))
    if job["error"]:
        table.add_row(cell("error"), cell(job["error"], "red"))
    console.print(table)
    _print_errors(console, result.get("errors") or [])


def _at(job: Job, result: Mapping[str, Any]) -> str:
    """What the job is doing, or why it is doing nothing."""
    if job["paused"]:
        return "resting; go on: stash-sense library resume"
    if job["status"] == "queued":
        if job["starts_at"]:
            wait_s = (datetime.fromisoformat(job["starts_at"]) - datetime.now().astimezone()).total_seconds()
            return f"quiet hours for another {format_duration(max(0.0, wait_s))}"
        return "waiting; another job goes first"
    at = result.get("at")
    return at["target"].replace(":", " ") if job["status"] == "running" and at else ""


def _identified(result: Mapping[str, Any]) -> str:
    counts = result.get("identified") or {}
    names = {
        "images": ("image", "images"),
        "galleries": ("gallery", "galleries"),
        "scenes": ("scene", "scenes"),
    }
    return ", ".join(quantity(counts[kind], *words) for kind, words in names.items() if counts.get(kind))


def _print_errors(console: Console, errors: list[Mapping[str, Any]]) -> None:
    """Each kind once, with how many, the first message and where."""
    if not errors:
        return
    table = new_table("Errors", "What to do", "Where", right=("Errors",))
    for group in errors:
        where = ", ".join(group["examples"]) + (", ..." if group["count"] > len(group["examples"]) else "")
        table.add_row(cell(f"{group['count']:,}"), cell(safe_text(group["message"])), cell(where))
    console.print()
    console.print(table)
