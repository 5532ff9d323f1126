"""`stash-sense database build --from-stash-box`: what all of a box takes is said before it is fetched."""

import asyncio

import click

from stash_sense.cli.console import progress_bar, quantity, safe_text
from stash_sense.domain.identity import endpoint_host
from stash_sense.domain.progress import format_duration
from stash_sense.enrolment.box_report import StashBoxReport
from stash_sense.enrolment.stash_boxes import requests_per_minute
from stash_sense.runtime.from_settings import open_pack
from stash_sense.runtime.stash_boxes import enrol_from_box, estimate_whole_box
from stash_sense.settings import Settings


def enrol_stash_box(
    settings: Settings, name: str, *, whole: bool, yes: bool, allow_empty: bool
) -> StashBoxReport:
    """Build, with a progress bar. whole: everybody, once a person has agreed; yes: who has agreed before."""
    pack = open_pack(settings)
    if whole:
        access, estimate = asyncio.run(estimate_whole_box(settings, name))
        per_minute = requests_per_minute(access)
        click.echo(
            f"{safe_text(access.name)} ({endpoint_host(access.endpoint)}): "
            f"{quantity(estimate.people, 'person', 'people')} with about "
            f"{quantity(estimate.pictures, 'picture')}, which takes about "
            f"{format_duration(estimate.hours * 3600)} at {per_minute} requests a minute. It may be "
            "interrupted: the next build continues.",
            err=True,
        )
        if not yes:
            click.confirm("Fetch everybody?", abort=True, err=True)
    with progress_bar() as progress:
        return asyncio.run(
            enrol_from_box(
                settings,
                name,
                pack,
                progress,
                whole=whole,
                allow_empty=allow_empty,
                on_pause=lambda message: click.echo(safe_text(message), err=True),
            )
        )
