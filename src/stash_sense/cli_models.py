"""`stash-sense models`: which model packs there are, whether their files are whole, and fetching them."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from platformdirs import user_data_path
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from stash_sense import assets
from stash_sense.errors import StashSenseError

OUTCOMES = {"intact": "green", "made": "green", "mended": "yellow", "missing": "red", "altered": "red"}
STATES = {"ready": "green", "available": "green", "missing": "yellow"}


class _Models(click.Group):
    """Says our errors in one sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StashSenseError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Models)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="DATA_DIR",
    help="Where Stash Sense keeps its data. [default: the platform's own place]",
)
@click.pass_context
def models(ctx: click.Context, data_dir: Path | None) -> None:
    """Model packs: list, download and verify them."""
    given = dict(ctx.obj or {})
    given["data_dir"] = data_dir or given.get("data_dir") or user_data_path("stash-sense", appauthor=False)
    given.setdefault("packs", assets.list_packs())
    ctx.obj = given


def _packs(obj: Mapping[str, Any], names: tuple[str, ...] = ()) -> list[assets.PackManifest]:
    """All packs, or those with these names. Raises UnknownPack."""
    packs: dict[str, assets.PackManifest] = {pack.id: pack for pack in obj["packs"]}
    for name in names:
        if name not in packs:
            raise assets.UnknownPack(f"{name}: no such model pack; there are {', '.join(packs)}")
    return [packs[name] for name in names] if names else list(packs.values())


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"Pack", "State", "Outcome", "Download"})
    return table


@contextmanager
def _progress(unit_is_bytes: bool) -> Iterator[assets.Progress]:
    """A bar on the error stream, one line a file; silent where that is no terminal."""
    columns = (DownloadColumn(), TimeRemainingColumn()) if unit_is_bytes else ()
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bars:
        tasks: dict[str, Any] = {}

        def report(name: str, done: int, total: int) -> None:
            key = name if unit_is_bytes else ""
            if key not in tasks:
                tasks[key] = bars.add_task(name, total=total)
            bars.update(tasks[key], completed=done, total=total, description=name)

        yield report


def _licences(pack: assets.PackManifest) -> str:
    names = dict.fromkeys(file.licence.name for file in pack.files)
    return "\n".join(names)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def list_command(obj: Mapping[str, Any], as_json: bool) -> None:
    """The packs, their licences, and whether they are ready to run.

    ready: at once; available: prepared at first use; missing: has to be downloaded or installed first.
    """
    statuses = [assets.pack_status(pack, obj["data_dir"]) for pack in _packs(obj)]
    if as_json:
        _print_json(
            [
                {
                    "id": status.manifest.id,
                    "title": status.manifest.title,
                    "description": status.manifest.description,
                    "state": status.state,
                    "calibrated": status.calibrated,
                    "problem": status.problem,
                    "fingerprint": status.manifest.fingerprint,
                    "download_bytes": sum(file.size for file in status.manifest.downloads),
                    "licences": [
                        {"file": file.name, "name": file.licence.name, "stated": file.licence.stated}
                        for file in status.manifest.files
                    ],
                    "files": [asdict(file) for file in status.files],
                }
                for status in statuses
            ]
        )
        return
    table = _table("Pack", "State", "Calibrated", "Download", "Licences", "Title")
    for status in statuses:
        pack = status.manifest
        size = sum(file.size for file in pack.downloads)
        table.add_row(
            pack.id,
            Text(status.state, STATES[status.state]),
            "yes" if status.calibrated else "no",
            f"{size / 1e6:.0f} MB" if size else "none",
            _licences(pack),
            pack.title,
        )
    Console().print(table)
    for status in statuses:
        for command in dict.fromkeys(file.command for file in status.files if file.command):
            click.echo(f"{status.manifest.id}: not complete. Run: {command}")
        if status.problem:
            click.echo(status.problem)


def _consent(pack: assets.PackManifest, accepted: bool) -> None:
    """Shows the licences on the error stream and asks, unless the answer was given beforehand."""
    click.echo(assets.licence_text(pack), err=True)
    if accepted:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Read the licences above, then add --accept-licence.")
    click.confirm("Download these files on these terms?", abort=True, err=True)


@models.command("download")
@click.argument("pack_id", metavar="PACK")
@click.option("--accept-licence", is_flag=True, help="You have read the licences and agree.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def download_command(obj: Mapping[str, Any], pack_id: str, accept_licence: bool, as_json: bool) -> None:
    """Fetch PACK's files, check them and make the pack ready to run. Resumes what broke off."""
    (pack,) = _packs(obj, (pack_id,))
    paths: list[Path] = []
    if pack.downloads:
        _consent(pack, accept_licence)
        with _progress(unit_is_bytes=True) as report:
            paths = assets.download(pack, obj["data_dir"], report)
    with _progress(unit_is_bytes=False) as report:
        prepared = assets.prepare(pack, obj["data_dir"], report)
    if as_json:
        _print_json(
            {
                "id": pack.id,
                "downloaded": [str(path) for path in paths],
                "files": {role: str(path) for role, path in prepared.paths.items()},
                "fingerprint": prepared.fingerprint,
                "calibrated": prepared.manifest.calibration is not None,
            }
        )
        return
    what = f"{len(paths)} files downloaded" if paths else "nothing to download"
    click.echo(f"{pack.id}: {what}; ready to run.")
    if prepared.manifest.calibration is None:
        click.echo(
            "Nobody has measured this pack: it gives candidates but never says match, until you run "
            f"stash-sense models calibrate {pack.id} --people FOLDER"
        )


@models.command("verify")
@click.argument("pack_ids", metavar="[PACK]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_context
def verify_command(ctx: click.Context, pack_ids: tuple[str, ...], as_json: bool) -> None:
    """Hash every file of each PACK, and make anew what is altered and can be made.

    Without PACK: those that are there at all. Ends with 1 where something is missing or altered.
    """
    data_dir: Path = ctx.obj["data_dir"]
    packs = _packs(ctx.obj, pack_ids)
    if not pack_ids:
        packs = [pack for pack in packs if assets.pack_status(pack, data_dir).state != "missing"] or packs[:1]
    with _progress(unit_is_bytes=False) as report:
        checks = {pack.id: assets.verify(pack, data_dir, report) for pack in packs}
    if as_json:
        _print_json({pack_id: [asdict(check) for check in files] for pack_id, files in checks.items()})
    else:
        table = _table("Pack", "File", "Outcome", "Problem")
        for pack_id, files in checks.items():
            for check in files:
                table.add_row(
                    pack_id, check.name, Text(check.outcome, OUTCOMES[check.outcome]), Text(check.problem)
                )
        Console().print(table)
    if any(check.problem for files in checks.values() for check in files):
        ctx.exit(1)
