"""The command `stash-sense`, also `python -m stash_sense`: global options and all subcommands."""

import logging
import os
from pathlib import Path

# Before NumPy is loaded: one thread per matrix product, as with the networks. The workers keep all cores
# busy, and OpenBLAS's own threads would only spin on them (docs/decisions.md).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import click

from stash_sense import __version__
from stash_sense.cli.console import CommandGroup
from stash_sense.cli.database import database_group
from stash_sense.cli.doctor import doctor_command
from stash_sense.cli.identify import identify_command
from stash_sense.cli.jobs import jobs_group
from stash_sense.cli.models import models_group
from stash_sense.cli.sidecar import serve_command, state_group, token_command
from stash_sense.memory import bound_arenas
from stash_sense.settings import read_settings


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    bound_arenas()
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s")
    ctx.obj = read_settings(config, data_dir)


main.add_command(identify_command)
main.add_command(database_group)
main.add_command(models_group)
main.add_command(state_group)
main.add_command(doctor_command)
main.add_command(serve_command)
main.add_command(token_command)
main.add_command(jobs_group)

if __name__ == "__main__":
    main(prog_name="stash-sense")
