"""`stash-sense state`: care of what was recognised, decided and tagged."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from stash_sense.cli.console import out, print_json, shown
from stash_sense.runtime.engine import state_file
from stash_sense.settings import Settings
from stash_sense.store.copies import backup as make_backup
from stash_sense.store.copies import restore as bring_back
from stash_sense.store.health import StateReport
from stash_sense.store.health import check as make_check


@click.group()
def state() -> None:
    """Check, copy and bring back what was recognised, decided and tagged."""


@state.command()
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Read the state file through and through. Ends with 1 where something is wrong."""
    report = make_check(state_file(ctx.obj))
    if as_json:
        print_json(json.loads(json.dumps({**asdict(report), "ok": report.ok}, default=str)))
    else:
        out().print(shown_report(report), markup=False, highlight=False)
    if not report.ok:
        ctx.exit(1)


@state.command()
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def backup(settings: Settings, target: Path | None, as_json: bool) -> None:
    """Copy the state file to TARGET (default: beside it), also while Stash Sense runs."""
    made = make_backup(state_file(settings), target)
    if as_json:
        print_json({"copied_to": str(made)})
    else:
        click.echo(shown(f"Copied to {made}."))


@state.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def restore(settings: Settings, source: Path, as_json: bool) -> None:
    """Put the copy SOURCE in the place of the state file; the former one is kept. Stop Stash Sense first."""
    path = state_file(settings)
    kept = bring_back(path, source)
    if as_json:
        print_json({"restored": str(path), "kept": str(kept) if kept else None})
    else:
        click.echo(shown(f"Restored {path}." + (f" The former file is {kept}." if kept else "")))


def shown_report(report: StateReport) -> str:
    """What a check found, a line each, the problems last."""
    if not report.exists:
        return shown(f"{report.path} does not exist yet; it is made at the first start.")
    lines = [f"{report.path}: {report.size:,} bytes, log {report.log_size:,} bytes, version {report.version}"]
    lines += [f"  {table}: {count:,}" for table, count in report.rows.items() if count]
    if report.pending:
        lines.append(f"Steps at the next start: {', '.join(report.pending)}")
    if report.open_journal:
        lines.append(f"{report.open_journal} tag(s) were begun and never reported back: see GET /journal.")
    lines += [f"Copy: {copy}" for copy in report.copies]
    lines += [f"PROBLEM: {problem}" for problem in report.problems] or ["No problem found."]
    return "\n".join(shown(line) for line in lines)
