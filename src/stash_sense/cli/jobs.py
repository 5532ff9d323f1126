"""`stash-sense jobs`: the long work of the running sidecar, looked at and steered."""

import time
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from stash_sense.cli.console import STOPPED, Bars, cell, counted, out, print_json, progress, shown, table
from stash_sense.cli.sidecar import RunningSidecar, running_sidecar
from stash_sense.domain.progress import format_duration
from stash_sense.settings import Settings
from stash_sense.store.jobs.job import ENDED

Job = Mapping[str, Any]
"""As the sidecar tells it: docs/api.md."""

LOOK_S = 0.5
"""How often a job that is waited for is looked at."""
FEW = 20
"""Problems of a job that are shown; --json lists all."""
STYLES = {"done": "green", "running": "cyan", "failed": "red", "cancelled": "yellow"}

_as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable, as the sidecar answers.")


@click.group(invoke_without_command=True)
@_as_json
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> None:
    """List the jobs of the running sidecar, the newest first; or look at one, cancel, resume or begin one.

    The sidecar is asked where STASH_SENSE_HOST and STASH_SENSE_PORT say, with the secret of the settings: on
    the machine it runs on, with the same settings, nothing has to be given.

    \b
    Examples:
      stash-sense jobs
      stash-sense jobs gallery 45 --wait
      stash-sense jobs show 3f9c0a4be1d27756a8f0c1d2
    """
    if ctx.invoked_subcommand:
        return
    with running_sidecar(ctx.obj) as sidecar:
        found = sidecar.get("/jobs")
    if as_json:
        print_json(found)
        return
    if not found["jobs"]:
        click.echo("No job yet. Begin one: stash-sense jobs gallery ID, with the number in its address.")
        return
    rows = table("Job", "Target", "Status", "Progress", "Rate", "Time left", "Problems", right=("Problems",))
    for job in found["jobs"]:
        rows.add_row(*map(cell, (job["job_id"], job["target"])), _status(job), *map(cell, _figures(job)))
    out().print(rows)


@jobs.command()
@click.argument("job_id", metavar="ID")
@_as_json
@click.pass_obj
def show(settings: Settings, job_id: str, as_json: bool) -> None:
    """How far a job is, whom it has found so far, and what went wrong. IDs: stash-sense jobs."""
    with running_sidecar(settings) as sidecar:
        _tell(_job(sidecar, job_id), as_json=as_json)


@jobs.command()
@click.argument("job_id", metavar="ID")
@_as_json
@click.pass_obj
def cancel(settings: Settings, job_id: str, as_json: bool) -> None:
    """Take a job back. What it has done is kept; `resume` goes on with the rest."""
    with running_sidecar(settings) as sidecar:
        _tell(_job(sidecar, job_id, "/cancel"), as_json=as_json)


@jobs.command()
@click.argument("job_id", metavar="ID")
@_as_json
@click.pass_obj
def resume(settings: Settings, job_id: str, as_json: bool) -> None:
    """Go on with a cancelled or failed job, under the same ID; what it had done is not done again."""
    with running_sidecar(settings) as sidecar:
        _tell(_job(sidecar, job_id, "/resume"), as_json=as_json)


@jobs.command()
@click.argument("gallery_id", metavar="ID", type=click.IntRange(min=0))
@click.option("--wait", is_flag=True, help="Show the progress, and at the end who was found.")
@_as_json
@click.pass_context
def gallery(ctx: click.Context, gallery_id: int, wait: bool, as_json: bool) -> None:
    """Identify the people of a gallery of Stash. ID: the number in its address, /galleries/45.

    Asked again while it waits or runs, it is the same job. With --wait the command ends with 1 if the job
    failed or was cancelled. Ctrl-C ends the waiting, not the job.
    """
    with running_sidecar(ctx.obj) as sidecar:
        begun = sidecar.post("/jobs/gallery", {"gallery_id": gallery_id})
        job_id = str(begun["job_id"])
        if not wait:
            if as_json:
                print_json(begun)
            else:
                click.echo(f"Job {job_id}. How far it is: stash-sense jobs show {job_id}")
            return
        try:
            with progress() as bars:
                job = _awaited(sidecar, job_id, f"gallery:{gallery_id}", bars)
        except KeyboardInterrupt:
            click.echo(
                f"Not waited for any longer; the job goes on. stash-sense jobs cancel {job_id}", err=True
            )
            ctx.exit(STOPPED)
        _tell(job, as_json=as_json)
        if job["status"] != "done":
            ctx.exit(1)


def _job(sidecar: RunningSidecar, job_id: str, act: str = "") -> Job:
    """act: what is done to it, as in the API's address."""
    if not job_id.isalnum():  # it becomes a part of an address
        raise click.UsageError(f"{shown(job_id[:40])} is no job's ID. See: stash-sense jobs")
    path = f"/jobs/{job_id}{act}"
    return sidecar.post(path) if act else sidecar.get(path)


def _awaited(sidecar: RunningSidecar, job_id: str, target: str, bars: Bars) -> Job:
    """The job once it has ended. Looked at in the list: a result as it stands is not made for nobody."""
    shown_stage = ("", 0)
    while True:
        found = [job for job in sidecar.get("/jobs", target=target)["jobs"] if job["job_id"] == job_id]
        if not found or found[0]["status"] in ENDED:
            return _job(sidecar, job_id)
        job = found[0]
        what = "Waiting for its turn" if job["status"] == "queued" else f"Gallery {target.partition(':')[2]}"
        stage = (what, job["total"])
        if stage != shown_stage:
            bars.start(*stage)
            shown_stage = stage
        bars.update(job["done"], faces=job["faces"])
        time.sleep(LOOK_S)


def _tell(job: Job, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    console = out()
    rows = table("What", "Value")
    for name in ("job_id", "target", "status", "created_at", "started_at", "ended_at"):
        if job[name]:
            rows.add_row(cell(name.removesuffix("_at").replace("_", " ")), cell(job[name]))
    for name, figure in zip(("progress", "rate", "time left"), _figures(job)[:3], strict=True):
        if figure:
            rows.add_row(cell(name), cell(figure))
    if job["error"]:
        rows.add_row(cell("error"), cell(job["error"], "red"))
    console.print(rows)
    _tell_people(console, (job["result"] or {}).get("performers"))
    _tell_problems(console, job["all_errors"])


def _tell_people(console: Console, people: list[Mapping[str, Any]] | None) -> None:
    """people: of a gallery; None for another job, or where nothing is known yet."""
    if not people:
        return
    rows = table("Person", "Images", "Best distance", "Average", right=("Images", "Best distance", "Average"))
    for one in people:
        figures = f"{one['image_count']:,}", f"{one['best_distance']:.2f}", f"{one['avg_distance']:.2f}"
        rows.add_row(*map(cell, (one["name"], *figures)))
    console.print()
    console.print(rows)


def _tell_problems(console: Console, problems: list[str]) -> None:
    if not problems:
        return
    console.print()
    console.print(cell(f"{counted(len(problems), 'problem')}:", "yellow"))
    for problem in problems[:FEW]:
        console.print(cell(problem))
    if len(problems) > FEW:
        console.print(f"... and {len(problems) - FEW:,} more; --json lists all.")


def _status(job: Job) -> Text:
    return cell(job["status"], STYLES.get(job["status"], ""))


def _figures(job: Job) -> tuple[str, str, str, str]:
    """Progress, rate, time left and problems; empty where unknown or moot."""
    share = f"{job['done']:,} of {job['total']:,}" if job["total"] else f"{job['done']:,}"
    shown_progress = f"{share}, {counted(job['faces'], 'face')}, {job['people']:,} people"
    at_work = job["status"] == "running"
    rate = f"{job['rate']:.1f}/s" if at_work and job["rate"] else ""
    left = format_duration(job["eta_s"]) if at_work and job["eta_s"] is not None else ""
    return shown_progress, rate, left, f"{job['error_count']:,}" if job["error_count"] else ""
