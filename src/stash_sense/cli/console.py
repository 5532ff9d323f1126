"""What all commands share: errors as sentences, tables, JSON, progress."""

import json
import sys
from collections.abc import Iterator
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
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import ProgressColumn as Column
from rich.table import Table
from rich.text import Text

from stash_sense.errors import StashSenseError

STOPPED = 130
"""The exit status of a command stopped by Ctrl-C, as shells have it."""


class Commands(click.Group):
    """A group whose errors end in one sentence and an exit status instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class."""
        try:
            return super().invoke(ctx)
        except StashSenseError as error:
            raise click.ClickException(shown(str(error))) from error
        except KeyboardInterrupt:
            click.echo("Stopped. What was there before is unchanged.", err=True)
            ctx.exit(STOPPED)


def shown(text: str) -> str:
    """Text from outside, fit for a terminal: no control characters, nothing that cannot be encoded."""
    return "".join(sign if sign.isprintable() or sign == "\u200d" else "\ufffd" for sign in text)


def counted(number: int, what: str) -> str:
    """`1 photo`, `2,000 photos`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns in `right` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in right else "left")
    return made


def cell(text: object, style: str = "") -> Text:
    """A cell of a table, whatever its text."""
    return Text(shown(str(text)), style)


def out() -> Console:
    """The terminal, or whatever stands for it; a pipe gets lines wide enough for its reader."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def as_json(value: object) -> bytes:
    """JSON as UTF-8; names that are no valid text (undecodable file names) keep their escapes."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def print_json(value: object) -> None:
    """To the output, as bytes: whatever the terminal's encoding, a pipe gets UTF-8."""
    sys.stdout.flush()
    sys.stdout.buffer.write(as_json(value))
    sys.stdout.buffer.flush()


def write_file(path: Path, content: bytes) -> None:
    """Write a result the person asked for; an unwritable place is a sentence."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{shown(str(path))}: cannot be written ({error.strerror}).") from error


class _Rate(Column):
    """Photos a second, and faces so far."""

    def render(self, task: Task) -> Text:
        rate = f"{task.speed:.0f}/s" if task.speed else ""
        faces = task.fields.get("faces", 0)
        return Text(f"{rate}  {faces:,} faces" if faces else rate)


class Bars:
    """Progress on a terminal: a bar a stage, with rate and time left."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def start(self, stage: str, total: int) -> None:
        """See Progress."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(stage, total=total or None, faces=0)

    def update(self, done: int, *, faces: int = 0, people: int = 0) -> None:  # noqa: ARG002
        """See Progress."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, faces=faces)

    def problem(self, message: str) -> None:
        """See Progress. Nothing is shown: each command prints the problems with its result."""


@contextmanager
def progress(*, in_bytes: bool = False) -> Iterator[Bars]:
    """A progress bar on the error stream; nothing if that is not a terminal."""
    console = Console(stderr=True)
    counts = (DownloadColumn(),) if in_bytes else (MofNCompleteColumn(), _Rate())
    columns = (TextColumn("{task.description}"), BarColumn(), *counts, TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        yield Bars(bars)
