"""The command `stash-sense`: arguments in, text out."""

import logging
import os
from pathlib import Path

# Before NumPy is loaded: one thread a product, as with the networks. Workers keep the cores busy by
# themselves, and OpenBLAS's own threads spin on the cores that these need (docs/decisions/0008).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import click

from stash_sense import __version__
from stash_sense.cli.console import Commands
from stash_sense.cli.database import database
from stash_sense.cli.doctor import doctor
from stash_sense.cli.identify import identify
from stash_sense.cli.jobs import jobs
from stash_sense.cli.models import models
from stash_sense.cli.serve import serve, token
from stash_sense.cli.state import state
from stash_sense.settings import read_settings


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where models, face databases and state are kept (environment: DATA_DIR).",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A TOML file of settings, instead of stash-sense.toml in the data folder.",
)
@click.option("-v", "--verbose", is_flag=True, help="Say what is being done.")
@click.version_option(__version__, prog_name="stash-sense")
@click.pass_context
def main(ctx: click.Context, data_dir: Path | None, config: Path | None, verbose: bool) -> None:
    """Names the people in photos, on your own machine.

    \b
    A first try, with one folder per person under People/:
      stash-sense identify Holiday/ --people People/ --html holiday.html
    """
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(message)s")
    ctx.obj = read_settings(config, data_dir)


main.add_command(identify)
main.add_command(database)
main.add_command(models)
main.add_command(state)
main.add_command(doctor)
main.add_command(serve)
main.add_command(token)
main.add_command(jobs)
