"""What all commands share: errors as sentences, tables, JSON output, a progress bar."""

import errno
import importlib
import io
import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from stash_sense.errors import StashSenseError
from stash_sense.files import describe_os_error
from stash_sense.settings import MOST_WORKERS

log = logging.getLogger(__name__)

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def _set_workers(ctx: click.Context, _: click.Parameter, workers: int | None) -> None:
    if workers is not None:
        ctx.obj = ctx.obj.with_values(workers=workers)


workers_option = click.option(
    "--workers",
    type=click.IntRange(0, MOST_WORKERS),
    expose_value=False,
    callback=_set_workers,
    help="Pictures analysed in parallel; 0: one for each core (environment: STASH_SENSE_WORKERS).",
)


class FiniteRange(click.FloatRange):
    """A range of numbers, of which `nan` is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See click.ParamType."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class CommandGroup(click.Group):
    """A group whose commands report an error as one sentence and an exit status, without a traceback.

    A subcommand's module is imported when it is asked for: together they take a second on a fast machine.
    """

    def __init__(self, *args: Any, subcommands: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """subcommands: name -> `module:attribute`."""
        super().__init__(*args, **kwargs)
        self._subcommands = subcommands or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click.Group."""
        return sorted({*super().list_commands(ctx), *self._subcommands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click.Group."""
        if cmd_name in self._subcommands:
            module, attribute = self._subcommands[cmd_name].split(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except StashSenseError as error:
            raise click.ClickException(safe_text(str(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # as in `| head`: Click ends quietly
                raise
            log.debug("an error of the system", exc_info=error)
            raise click.ClickException(safe_text(describe_os_error(error))) from error
        except KeyboardInterrupt:
            click.echo("Interrupted. Existing data is unchanged.", err=True)
            ctx.exit(INTERRUPTED)


def never_fail_to_encode() -> None:
    """Let the standard streams replace what their encoding lacks, whatever the locale is."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def safe_text(text: str) -> str:
    """Return text from outside without control characters and without what cannot be encoded."""
    return "".join(
        character if character.isprintable() or character == "\u200d" else "\ufffd" for character in text
    )


def quantity(number: int, noun: str, plural: str = "") -> str:
    """`1 photo`, `2,000 photos`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def new_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table. right: the columns that are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in right else "left")
    return table


def cell(value: object, style: str = "") -> Text:
    """A cell of a table, whatever its text."""
    return Text(safe_text(str(value)), style)


def stdout() -> Console:
    """The terminal; or 200 columns if the output is a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def json_bytes(value: object) -> bytes:
    """JSON as UTF-8; undecodable file names keep their escapes."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def print_json(value: object) -> None:
    """Print JSON as UTF-8 bytes, whatever the encoding of the terminal."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json_bytes(value))
    sys.stdout.buffer.flush()


def write_file(path: Path, content: bytes) -> None:
    """Write a result file. Raises ClickException if that is not possible."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(
            f"{safe_text(str(path))}: cannot be written ({error.strerror}). Choose another place."
        ) from error


class _RateColumn(ProgressColumn):
    """Units per second, and faces so far."""

    def render(self, task: Task) -> Text:
        rate = f"{task.speed:.0f}/s" if task.speed else ""
        faces = task.fields.get("faces", 0)
        return Text(f"{rate}  {faces:,} faces" if faces else rate)


class ProgressBar:
    """A Progress on a terminal: one bar for the current stage, with rate and time left."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def start(self, stage: str, total: int) -> None:
        """See domain.progress.Progress."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(stage, total=total or None, faces=0)

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:  # noqa: ARG002
        """See domain.progress.Progress."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, faces=faces)

    def problem(self, message: str) -> None:
        """See domain.progress.Progress. Not shown: each command prints the problems with its result."""


@contextmanager
def progress_bar(*, in_bytes: bool = False) -> Iterator[ProgressBar]:
    """A progress bar on the error stream; nothing if that is not a terminal."""
    console = Console(stderr=True)
    counts = (DownloadColumn(),) if in_bytes else (MofNCompleteColumn(), _RateColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), *counts, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield ProgressBar(bars)
