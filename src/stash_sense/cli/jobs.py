"""`stash-sense jobs`: list, start, show, cancel and resume the jobs of the running sidecar."""

import time
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from stash_sense.cli.console import (
    INTERRUPTED,
    ProgressBar,
    cell,
    json_option,
    new_table,
    print_json,
    progress_bar,
    quantity,
    safe_text,
    stdout,
)
from stash_sense.cli.sidecar import SidecarClient, sidecar_client
from stash_sense.cli.spans import format_spans, seconds_on_screen
from stash_sense.domain.progress import format_duration
from stash_sense.domain.reasons import percent
from stash_sense.settings import Settings
from stash_sense.store.repositories.job_rows import ENDED_STATUSES as ENDED

Job = Mapping[str, Any]
"""As the sidecar returns it: docs/api.md."""

POLL_S = 0.5
MAX_PROBLEMS_SHOWN = 20
STYLES = {"done": "green", "running": "cyan", "failed": "red", "cancelled": "yellow"}


@click.group("jobs", invoke_without_command=True)
@json_option
@click.pass_context
def jobs_group(ctx: click.Context, as_json: bool) -> None:
    """List, start, show, cancel and resume jobs of the running sidecar.

    Without a command, the jobs are listed, newest first. Run it on the machine of the sidecar with the same
    settings; then the address and the secret are known. Otherwise set STASH_SENSE_HOST, STASH_SENSE_PORT and
    the secret.

    \b
    Examples:
      stash-sense jobs
      stash-sense jobs gallery 45 --wait
      stash-sense jobs show 3f9c0a4be1d27756a8f0c1d2
    """
    if ctx.invoked_subcommand:
        return
    with sidecar_client(ctx.obj) as sidecar:
        listing = sidecar.get("/jobs")
    if as_json:
        print_json(listing)
        return
    if not listing["jobs"]:
        click.echo(
            "No jobs yet. Start one: stash-sense jobs gallery ID (the number in the gallery's address)"
        )
        return
    table = new_table(
        "Job", "Target", "Status", "Progress", "Rate", "Time left", "Problems", right=("Problems",)
    )
    for job in listing["jobs"]:
        table.add_row(
            *map(cell, (job["job_id"], job["target"])), job_status(job), *map(cell, job_figures(job))
        )
    stdout().print(table)


@jobs_group.command("show")
@click.argument("job_id", metavar="ID")
@json_option
@click.pass_obj
def show_command(settings: Settings, job_id: str, as_json: bool) -> None:
    """Show a job: its progress, the people found so far, its problems.

    \b
    Example:
      stash-sense jobs show 3f9c0a4be1d27756a8f0c1d2
    """
    with sidecar_client(settings) as sidecar:
        _print_job(call_job(sidecar, job_id), as_json=as_json)


@jobs_group.command("cancel")
@click.argument("job_id", metavar="ID")
@json_option
@click.pass_obj
def cancel_command(settings: Settings, job_id: str, as_json: bool) -> None:
    """Cancel a job. What it has done is kept, and `resume` does the rest.

    \b
    Example:
      stash-sense jobs cancel 3f9c0a4be1d27756a8f0c1d2
    """
    with sidecar_client(settings) as sidecar:
        _print_job(call_job(sidecar, job_id, "/cancel"), as_json=as_json)


@jobs_group.command("pause")
@click.argument("job_id", metavar="ID")
@json_option
@click.pass_obj
def pause_command(settings: Settings, job_id: str, as_json: bool) -> None:
    """Let a job rest until it is resumed. What it has done is kept.

    \b
    Example:
      stash-sense jobs pause 3f9c0a4be1d27756a8f0c1d2
    """
    with sidecar_client(settings) as sidecar:
        _print_job(call_job(sidecar, job_id, "/pause"), as_json=as_json)


@jobs_group.command("resume")
@click.argument("job_id", metavar="ID")
@json_option
@click.pass_obj
def resume_command(settings: Settings, job_id: str, as_json: bool) -> None:
    """Continue a paused, cancelled or failed job under the same ID.

    Finished work is not repeated.

    \b
    Example:
      stash-sense jobs resume 3f9c0a4be1d27756a8f0c1d2
    """
    with sidecar_client(settings) as sidecar:
        _print_job(call_job(sidecar, job_id, "/resume"), as_json=as_json)


@jobs_group.command("gallery")
@click.argument("gallery_id", metavar="ID", type=click.IntRange(min=0))
@click.option("--wait", is_flag=True, help="Show the progress, and the people at the end.")
@json_option
@click.pass_context
def gallery_command(ctx: click.Context, gallery_id: int, wait: bool, as_json: bool) -> None:
    """Identify the people in a Stash gallery. ID is the number in its address, like /galleries/45.

    If the same job is already queued or running, that one is used. With --wait, the exit status is 1 if the
    job failed or was cancelled. Ctrl-C stops waiting; the job goes on.

    \b
    Example:
      stash-sense jobs gallery 45 --wait
    """
    _start_job(ctx, "gallery", gallery_id, wait=wait, as_json=as_json)


@jobs_group.command("scene")
@click.argument("scene_id", metavar="ID", type=click.IntRange(min=0))
@click.option("--wait", is_flag=True, help="Show the progress, and at the end the people with their times.")
@json_option
@click.pass_context
def scene_command(ctx: click.Context, scene_id: int, wait: bool, as_json: bool) -> None:
    """Identify the people in a Stash scene. ID is the number in its address, like /scenes/12.

    --wait and Ctrl-C are as for `gallery`.

    \b
    Example:
      stash-sense jobs scene 12 --wait
    """
    _start_job(ctx, "scene", scene_id, wait=wait, as_json=as_json)


def _start_job(ctx: click.Context, kind: str, target_id: int, *, wait: bool, as_json: bool) -> None:
    with sidecar_client(ctx.obj) as sidecar:
        started = sidecar.post(f"/jobs/{kind}", {f"{kind}_id": target_id})
        job_id = str(started["job_id"])
        if not wait:
            if as_json:
                print_json(started)
            else:
                click.echo(f"Started job {job_id}. Follow it: stash-sense jobs show {job_id}")
            return
        try:
            with progress_bar() as progress:
                job = wait_for_job(sidecar, job_id, f"{kind}:{target_id}", progress)
        except KeyboardInterrupt:
            click.echo(
                f"Stopped waiting; the job goes on. To cancel it: stash-sense jobs cancel {job_id}", err=True
            )
            ctx.exit(INTERRUPTED)
        _print_job(job, as_json=as_json)
        if job["status"] != "done":
            ctx.exit(1)


def call_job(sidecar: SidecarClient, job_id: str, action: str = "") -> Job:
    """The job, after "/cancel", "/pause" or "/resume" if given."""
    if not job_id.isalnum():  # it becomes a part of the URL
        raise click.UsageError(f"{safe_text(job_id[:40])} is not a job ID. To list them: stash-sense jobs")
    path = f"/jobs/{job_id}{action}"
    return sidecar.post(path) if action else sidecar.get(path)


def wait_for_job(sidecar: SidecarClient, job_id: str, target: str, progress: ProgressBar) -> Job:
    """Return the job once it has ended or is paused. Polls the list, which needs no live result."""
    shown_stage = ("", 0)
    while True:
        jobs = [job for job in sidecar.get("/jobs", target=target)["jobs"] if job["job_id"] == job_id]
        if not jobs or jobs[0]["status"] in ENDED or jobs[0]["paused"]:
            return call_job(sidecar, job_id)
        job = jobs[0]
        queued = job["status"] == "queued"
        stage = ("Queued" if queued else " ".join(target.split(":")).capitalize(), job["total"])
        if stage != shown_stage:
            progress.start(*stage)
            shown_stage = stage
        progress.update(job["done"], faces=job["faces"])
        time.sleep(POLL_S)


def _print_job(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    console = stdout()
    table = new_table("Field", "Value")
    for name in ("job_id", "target", "status", "created_at", "started_at", "ended_at"):
        if job[name]:
            text = job_status(job) if name == "status" else cell(job[name])
            table.add_row(cell(name.removesuffix("_at").replace("_", " ")), text)
    for name, figure in zip(("progress", "rate", "time left"), job_figures(job)[:3], strict=True):
        if figure:
            table.add_row(cell(name), cell(figure))
    if job["error"]:
        table.add_row(cell("error"), cell(job["error"], "red"))
    console.print(table)
    result = job["result"] or {}
    _print_people(console, result.get("performers"))
    _print_scene_people(console, result.get("persons"))
    print_problems(console, job["all_errors"])


def _print_people(console: Console, people: list[Mapping[str, Any]] | None) -> None:
    """people: None for another kind of job, or if nothing is known yet."""
    if not people:
        return
    table = new_table("Person", "Images", "Confidence", right=("Images", "Confidence"))
    for person in people:
        figures = (f"{person['image_count']:,}", percent(person["confidence"]))
        table.add_row(*map(cell, (person["name"], *figures)))
    console.print()
    console.print(table)


def _print_scene_people(console: Console, persons: list[Mapping[str, Any]] | None) -> None:
    """persons: of a scene; None for another kind of job, or if nothing is known yet."""
    if not persons:
        return
    table = new_table("Person", "On screen", "When", "Confidence", right=("On screen", "Confidence"))
    for person in persons:
        spans = person["spans"]
        figures = (f"{seconds_on_screen(spans):.0f} s", format_spans(spans), percent(person["confidence"]))
        table.add_row(*map(cell, (person["name"], *figures)))
    console.print()
    console.print(table)


def print_problems(console: Console, problems: list[str]) -> None:
    if not problems:
        return
    console.print()
    console.print(cell(f"{quantity(len(problems), 'problem')}:", "yellow"))
    for problem in problems[:MAX_PROBLEMS_SHOWN]:
        console.print(cell(problem))
    if len(problems) > MAX_PROBLEMS_SHOWN:
        console.print(f"... and {len(problems) - MAX_PROBLEMS_SHOWN:,} more; --json lists all.")


def job_status(job: Job) -> Text:
    """The status as it is shown; of a job that rests, that it does."""
    return cell("paused" if job["paused"] else job["status"], STYLES.get(job["status"], ""))


def job_figures(job: Job) -> tuple[str, str, str, str]:
    """Progress, rate, time left and problems; empty if unknown or irrelevant."""
    share = f"{job['done']:,} of {job['total']:,}" if job["total"] else f"{job['done']:,}"
    progress = f"{share}, {quantity(job['faces'], 'face')}, {quantity(job['people'], 'person', 'people')}"
    running = job["status"] == "running"
    rate = f"{job['rate']:.1f}/s" if running and job["rate"] else ""
    left = format_duration(job["eta_s"]) if running and job["eta_s"] is not None else ""
    return progress, rate, left, f"{job['error_count']:,}" if job["error_count"] else ""
