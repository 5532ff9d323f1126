"""`stash-sense models`: list, download, verify and calibrate model packs."""

import sys
from dataclasses import asdict
from pathlib import Path

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
    workers_option,
)
from stash_sense.models import download, manifest, prepare, verify
from stash_sense.runtime.from_settings import calibrate_pack
from stash_sense.settings import Settings

OUTCOMES = {"intact": "green", "made": "green", "mended": "yellow", "missing": "red", "altered": "red"}
STATES = {"ready": "green", "available": "green", "missing": "yellow"}


@click.group("models")
def models_group() -> None:
    """List, download, verify and calibrate model packs.

    \b
    Examples:
      stash-sense models list
      stash-sense models verify
    """


def _packs(names: tuple[str, ...] = ()) -> list[manifest.PackManifest]:
    """All packs, or those with these names. Raises UnknownPack."""
    return [manifest.load_manifest(name) for name in names] if names else list(manifest.list_packs())


def _licences(pack: manifest.PackManifest) -> str:
    names = dict.fromkeys(file.licence.name for file in pack.files)
    return "\n".join(names)


@models_group.command("list")
@json_option
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """List the packs, their licences, and whether they are ready.

    ready: can run now. available: is prepared at its first use. missing: must be downloaded or installed
    first.

    \b
    Example:
      stash-sense models list
    """
    statuses = [verify.pack_status(pack, settings.data_dir) for pack in _packs()]
    if as_json:
        print_json(
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
    table = new_table("Pack", "State", "Calibrated", "Download", "Licences", "Title")
    for status in statuses:
        pack = status.manifest
        size = sum(file.size for file in pack.downloads)
        table.add_row(
            pack.id,
            cell(status.state, STATES[status.state]),
            "yes" if status.calibrated else "no",
            f"{size / 1e6:.0f} MB" if size else "none",
            _licences(pack),
            pack.title,
        )
    stdout().print(table)
    for status in statuses:
        for command in dict.fromkeys(file.command for file in status.files if file.command):
            click.echo(safe_text(f"{status.manifest.id}: files are missing. Run: {command}"))
        if status.problem:
            click.echo(safe_text(status.problem))


def _consent(pack: manifest.PackManifest, accepted: bool) -> None:
    """Show the licences on the error stream and ask, unless they were accepted by an option."""
    click.echo(manifest.licence_text(pack), err=True)
    if accepted:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Read the licences above, then run the command again with --accept-licence.")
    click.confirm("Download these files under these licences?", abort=True, err=True)


@models_group.command("download")
@click.argument("pack_id", metavar="PACK")
@click.option("--accept-licence", is_flag=True, help="Accept the licences without being asked.")
@json_option
@click.pass_obj
def download_command(settings: Settings, pack_id: str, accept_licence: bool, as_json: bool) -> None:
    """Download PACK's files, verify them and make the pack ready. Resumes an interrupted download.

    \b
    Example:
      stash-sense models download stash-sense-community
    """
    (pack,) = _packs((pack_id,))
    paths: list[Path] = []
    if pack.downloads:
        _consent(pack, accept_licence)
        with progress_bar(in_bytes=True) as progress:
            paths = download.download_pack(pack, settings.data_dir, progress)
    with progress_bar() as progress:
        prepared = prepare.prepare_pack(pack, settings.data_dir, progress)
    if as_json:
        print_json(
            {
                "id": pack.id,
                "downloaded": [str(path) for path in paths],
                "files": {role: str(path) for role, path in prepared.paths.items()},
                "fingerprint": prepared.fingerprint,
                "calibrated": prepared.manifest.calibration is not None,
            }
        )
        return
    outcome = f"{quantity(len(paths), 'file')} downloaded" if paths else "nothing to download"
    click.echo(f"{pack.id}: {outcome}; ready.")
    if prepared.manifest.calibration is None:
        click.echo(
            "This pack is not calibrated: it lists candidates but never says match. To calibrate it: "
            f"stash-sense models calibrate {pack.id} --people FOLDER"
        )


@models_group.command("verify")
@click.argument("pack_ids", metavar="[PACK]...", nargs=-1)
@json_option
@click.pass_context
def verify_command(ctx: click.Context, pack_ids: tuple[str, ...], as_json: bool) -> None:
    """Verify every file of each PACK by its hash.

    Altered files are recreated where possible. Without PACK, all installed packs are verified. The exit
    status is 1 if a file is missing or altered.

    \b
    Example:
      stash-sense models verify
    """
    data_dir: Path = ctx.obj.data_dir
    packs = _packs(pack_ids)
    if not pack_ids:
        packs = [pack for pack in packs if verify.pack_status(pack, data_dir).state != "missing"] or packs[:1]
    with progress_bar() as progress:
        checks = {pack.id: verify.verify_pack(pack, data_dir, progress) for pack in packs}
    if as_json:
        print_json({pack_id: [asdict(check) for check in files] for pack_id, files in checks.items()})
    else:
        table = new_table("Pack", "File", "Outcome", "Problem")
        for pack_id, files in checks.items():
            for check in files:
                table.add_row(
                    pack_id, check.name, cell(check.outcome, OUTCOMES[check.outcome]), cell(check.problem)
                )
        stdout().print(table)
    if any(check.problem for files in checks.values() for check in files):
        ctx.exit(1)


@models_group.command("calibrate")
@click.argument("pack_id", metavar="[PACK]", required=False)
@click.option(
    "--people",
    "people",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="A folder with one folder of photos per person: at least 200 people, better 1,000. Can be repeated.",
)
@workers_option
@json_option
@click.pass_obj
def calibrate_command(
    settings: Settings, pack_id: str | None, people: tuple[Path, ...], as_json: bool
) -> None:
    """Calibrate PACK on known people: those of the face database, or of folders of photos.

    Then a distance means the same as in every other pack. Every face is compared with those of all other
    people; how near different people come sets the scale. The calibration is stored with the pack and used
    from then on. Without PACK: the pack in use. Without --people: at least 200 enrolled people of a face
    database that was built with this pack.

    \b
    Examples:
      stash-sense models calibrate
      stash-sense models calibrate --people Labelled/
    """
    with progress_bar() as progress:
        path, calibration = calibrate_pack(settings.with_values(pack=pack_id), people, progress)
    if as_json:
        print_json(calibration.model_dump())
        return
    table = new_table("Slot", "Mean", "Deviation", "Weight", "Cosine at 0.6", "Cosine at 0.4")
    for name, slot in calibration.slots.items():
        numbers = (slot.mean, slot.sd, slot.weight, slot.curve.score(0.6), slot.curve.score(0.4))
        table.add_row(name, *(f"{number:.3f}" for number in numbers))
    stdout().print(table)
    click.echo(safe_text(f"Calibrated on {calibration.made_on}. Stored in {path}"))
