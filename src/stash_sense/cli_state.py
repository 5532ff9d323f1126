"""`stash-sense state check|backup|restore`: care of the state file from the command line."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from stash_sense.errors import StashSenseError
from stash_sense.store.copies import backup as make_backup
from stash_sense.store.copies import restore as bring_back
from stash_sense.store.health import StateReport
from stash_sense.store.health import check as make_check

FILE_NAME = "stash_sense.db"


@click.group()
@click.option(
    "--data-dir",
    envvar="DATA_DIR",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help=f"Folder that holds {FILE_NAME} (or set DATA_DIR).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_context
def state(context: click.Context, data_dir: Path, *, as_json: bool) -> None:
    """Check, copy and bring back what was recognised, decided and tagged."""
    context.obj = (data_dir / FILE_NAME, as_json)


@state.command()
@click.pass_obj
def check(given: tuple[Path, bool]) -> None:
    """Read the state file through and through; exit code 1 if anything is wrong."""
    path, as_json = given
    report = make_check(path)
    if as_json:
        click.echo(json.dumps({**asdict(report), "ok": report.ok}, default=str, indent=2))
    else:
        click.echo(_as_text(report))
    if not report.ok:
        raise click.exceptions.Exit(1)


@state.command()
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def backup(given: tuple[Path, bool], target: Path | None) -> None:
    """Copy the state file to TARGET (default: beside it), also while Stash Sense runs."""
    path, as_json = given
    _report(as_json, "Copied to {copied_to}.", copied_to=_or_refuse(make_backup, path, target))


@state.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def restore(given: tuple[Path, bool], source: Path) -> None:
    """Put the copy SOURCE in the place of the state file; the former one is kept. Stop Stash Sense first."""
    path, as_json = given
    kept = _or_refuse(bring_back, path, source)
    told = "Restored {restored}." + (" The former file is {kept}." if kept else "")
    _report(as_json, told, restored=path, kept=kept)


def _or_refuse(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except StashSenseError as error:
        raise click.ClickException(str(error)) from error


def _report(as_json: bool, told: str, **facts: Any) -> None:
    click.echo(json.dumps(facts, default=str, indent=2) if as_json else told.format(**facts))


def _as_text(report: StateReport) -> str:
    if not report.exists:
        return f"{report.path} does not exist yet; it is made at the first start."
    lines = [f"{report.path}: {report.size:,} bytes, log {report.log_size:,} bytes, version {report.version}"]
    lines += [f"  {table}: {count:,}" for table, count in report.rows.items() if count]
    if report.pending:
        lines.append(f"Steps at the next start: {', '.join(report.pending)}")
    if report.open_journal:
        lines.append(f"{report.open_journal} tag(s) were begun and never reported back: see GET /journal.")
    lines += [f"Copy: {copy}" for copy in report.copies]
    lines += [f"PROBLEM: {problem}" for problem in report.problems] or ["No problem found."]
    return "\n".join(lines)
