"""The command `stash-sense`, also `python -m stash_sense`: global options and all subcommands."""

import logging
import os
from pathlib import Path

# Before NumPy is loaded: one thread per matrix product, as with the networks. The workers keep all cores
# busy, and OpenBLAS's own threads would only spin on them (docs/decisions.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import click

from stash_sense import __version__
from stash_sense.cli.console import CommandGroup, never_fail_to_encode, safe_text
from stash_sense.memory import bound_arenas
from stash_sense.private_files import make_private, restrict_umask
from stash_sense.settings import read_settings

SUBCOMMANDS = {
    "database": "stash_sense.cli.database:database_group",
    "doctor": "stash_sense.cli.doctor:doctor_command",
    "identify": "stash_sense.cli.identify:identify_command",
    "jobs": "stash_sense.cli.jobs:jobs_group",
    "library": "stash_sense.cli.library:library_group",
    "models": "stash_sense.cli.models:models_group",
    "serve": "stash_sense.cli.sidecar:serve_command",
    "state": "stash_sense.cli.sidecar:state_group",
    "suggestions": "stash_sense.cli.suggestions:suggestions_command",
    "token": "stash_sense.cli.sidecar:token_command",
    "unknown": "stash_sense.cli.unknown:unknown_group",
}


@click.group(
    cls=CommandGroup, subcommands=SUBCOMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for models, face databases and state (environment: DATA_DIR).",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file of settings to read instead of stash-sense.toml in the data folder.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is being done.")
@click.version_option(__version__, prog_name="stash-sense")
@click.pass_context
def main(ctx: click.Context, data_dir: Path | None, config: Path | None, verbose: bool) -> None:
    """Name the people in your photos and in your Stash library, on your own machine.

    \b
    Try it on photos, with one folder per person in People/:
      stash-sense identify Holiday/ --people People/ --html holiday.html

    \b
    Use it with Stash:
      stash-sense doctor
      stash-sense database build --from-stash
      stash-sense serve
    """
    restrict_umask()
    bound_arenas()
    never_fail_to_encode()
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s")
    ctx.obj = settings = read_settings(config, data_dir)
    if ctx.invoked_subcommand not in ("serve", "doctor"):  # one logs it, the other reports what it finds
        for line in make_private(settings.data_dir).repaired_lines(settings.data_dir):
            click.echo(safe_text(line), err=True)


if __name__ == "__main__":
    main(prog_name="stash-sense")
