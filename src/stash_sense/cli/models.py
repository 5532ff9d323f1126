"""`stash-sense models`: which model packs there are, whether their files are whole, and fetching them."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from stash_sense.cli.console import cell, out, print_json, progress, shown, table
from stash_sense.models import download, manifest, prepare, verify
from stash_sense.runtime.engine import calibrate_pack
from stash_sense.settings import Settings

OUTCOMES = {"intact": "green", "made": "green", "mended": "yellow", "missing": "red", "altered": "red"}
STATES = {"ready": "green", "available": "green", "missing": "yellow"}


@click.group()
def models() -> None:
    """Model packs: list, download, verify and calibrate them."""


def _packs(names: tuple[str, ...] = ()) -> list[manifest.PackManifest]:
    """All packs, or those with these names. Raises UnknownPack."""
    return [manifest.load_manifest(name) for name in names] if names else list(manifest.list_packs())


def _licences(pack: manifest.PackManifest) -> str:
    names = dict.fromkeys(file.licence.name for file in pack.files)
    return "\n".join(names)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """The packs, their licences, and whether they are ready to run.

    ready: at once; available: prepared at first use; missing: has to be downloaded or installed first.
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
    rows = table("Pack", "State", "Calibrated", "Download", "Licences", "Title")
    for status in statuses:
        pack = status.manifest
        size = sum(file.size for file in pack.downloads)
        rows.add_row(
            pack.id,
            cell(status.state, STATES[status.state]),
            "yes" if status.calibrated else "no",
            f"{size / 1e6:.0f} MB" if size else "none",
            _licences(pack),
            pack.title,
        )
    out().print(rows)
    for status in statuses:
        for command in dict.fromkeys(file.command for file in status.files if file.command):
            click.echo(shown(f"{status.manifest.id}: not complete. Run: {command}"))
        if status.problem:
            click.echo(shown(status.problem))


def _consent(pack: manifest.PackManifest, accepted: bool) -> None:
    """Shows the licences on the error stream and asks, unless the answer was given beforehand."""
    click.echo(download.licence_text(pack), err=True)
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
def download_command(settings: Settings, pack_id: str, accept_licence: bool, as_json: bool) -> None:
    """Fetch PACK's files, check them and make the pack ready to run. Resumes what broke off."""
    (pack,) = _packs((pack_id,))
    paths: list[Path] = []
    if pack.downloads:
        _consent(pack, accept_licence)
        with progress(in_bytes=True) as bars:
            paths = download.download(pack, settings.data_dir, bars)
    with progress() as bars:
        prepared = prepare.prepare(pack, settings.data_dir, bars)
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
    data_dir: Path = ctx.obj.data_dir
    packs = _packs(pack_ids)
    if not pack_ids:
        packs = [pack for pack in packs if verify.pack_status(pack, data_dir).state != "missing"] or packs[:1]
    with progress() as bars:
        checks = {pack.id: verify.verify(pack, data_dir, bars) for pack in packs}
    if as_json:
        print_json({pack_id: [asdict(check) for check in files] for pack_id, files in checks.items()})
    else:
        rows = table("Pack", "File", "Outcome", "Problem")
        for pack_id, files in checks.items():
            for check in files:
                rows.add_row(
                    pack_id, check.name, cell(check.outcome, OUTCOMES[check.outcome]), cell(check.problem)
                )
        out().print(rows)
    if any(check.problem for files in checks.values() for check in files):
        ctx.exit(1)


@models.command("calibrate")
@click.argument("pack_id", metavar="[PACK]", required=False)
@click.option(
    "--people",
    "people",
    multiple=True,
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="At least 200 people, better 1,000, one folder of photos each. May be given more than once.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def calibrate_command(
    settings: Settings, pack_id: str | None, people: tuple[Path, ...], as_json: bool
) -> None:
    """Measure PACK on labelled people, so that its distances mean what they should.

    Every face is compared with those of all other people; how near different people come sets the scale.
    The result is kept with the pack and used from then on. Without PACK: the one in use.
    """
    with progress() as bars:
        path, calibration = calibrate_pack(settings.with_values(pack=pack_id), people, bars)
    if as_json:
        print_json(calibration.model_dump())
        return
    rows = table("Slot", "Mean", "Deviation", "Weight", "Cosine at 0.6", "Cosine at 0.4")
    for name, slot in calibration.slots.items():
        numbers = (slot.mean, slot.sd, slot.weight, slot.curve.score(0.6), slot.curve.score(0.4))
        rows.add_row(name, *(f"{number:.3f}" for number in numbers))
    out().print(rows)
    click.echo(shown(f"Measured on {calibration.made_on}. Kept in {path}"))
