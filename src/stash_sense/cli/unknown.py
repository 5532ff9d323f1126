"""`stash-sense unknown`: the people of the library whom nobody has named."""

from typing import Any

import click

from stash_sense.cli.console import cell, json_option, new_table, print_json, quantity, stdout
from stash_sense.cli.sidecar import sidecar_client
from stash_sense.errors import NotStored
from stash_sense.machine import usable_cores
from stash_sense.recognition.parameters import pack_key
from stash_sense.recognition.unknown_people import link_library
from stash_sense.runtime.from_settings import open_pack
from stash_sense.runtime.known_people import open_state
from stash_sense.settings import Settings

LISTED = 50


@click.group("unknown")
def unknown_group() -> None:
    """List the people of the library whom nobody has named, and put them together again.

    \b
    Examples:
      stash-sense unknown list
      stash-sense unknown recluster
    """


@unknown_group.command("list")
@click.option("--limit", type=click.IntRange(1, 200), default=LISTED, show_default=True, help="How many.")
@click.option("--hidden", is_flag=True, help="Those that were hidden instead.")
@json_option
@click.pass_obj
def list_unknown_command(settings: Settings, limit: int, hidden: bool, as_json: bool) -> None:
    """List unknown people, those on most pictures first. The sidecar must be running.

    \b
    Example:
      stash-sense unknown list --limit 10
    """
    with sidecar_client(settings) as sidecar:
        page = sidecar.get("/unknown", limit=limit, hidden=str(hidden).lower())
    if as_json:
        print_json(page)
        return
    if not page["clusters"]:
        click.echo("No unknown people yet. They are put together after images or scenes are identified.")
        return
    figures = ("Faces", "Images", "Scenes")
    table = new_table("Person", "Status", *figures, "May be", right=figures)
    for cluster in page["clusters"]:
        table.add_row(*map(cell, _row(cluster)))
    stdout().print(table)
    click.echo(f"{len(page['clusters']):,} of {quantity(page['total'], 'unknown person', 'unknown people')}.")


def _row(cluster: dict[str, Any]) -> tuple[str, ...]:
    status = (
        f"named {cluster['name'] or cluster['performer_id']}"
        if cluster["performer_id"]
        else cluster["status"]
    )
    counts = (f"{cluster[f'{what}_count']:,}" for what in ("face", "image", "scene"))
    nearest = ", ".join(match["name"] for match in cluster["nearest"])
    return (str(cluster["cluster_id"]), status, *counts, nearest)


@unknown_group.command("recluster")
@click.option("--apply", is_flag=True, help="Write the new clusters; otherwise they are only compared.")
@json_option
@click.pass_obj
def recluster_command(settings: Settings, apply: bool, as_json: bool) -> None:
    """Put all unknown people of the library together again, and show what would change.

    Clusters that you named, merged, split or hid stay as they are. Minutes for 100,000 faces; the sidecar may
    be running.

    \b
    Example:
      stash-sense unknown recluster --apply
    """
    pack = open_pack(settings)
    with open_state(settings) as state:
        if state is None:
            raise NotStored("Nothing is stored yet. Identify images, galleries or scenes first.")
        result = link_library(state, pack_key(pack), pack.scorer, threads=usable_cores())
        if apply:
            state.apply_full_pass(result.labels)
    difference = result.difference
    if as_json:
        print_json(
            {
                "before": difference.before,
                "after": difference.after,
                "joined": difference.joined,
                "divided": difference.divided,
                "tracks": difference.tracks,
                "applied": apply,
            }
        )
        return
    people = quantity(difference.before, "unknown person", "unknown people")
    click.echo(f"{people} {'became' if apply else 'would become'} {difference.after:,}.")
    click.echo(
        f"{difference.joined:,} joined with others, {difference.divided:,} divided; "
        f"{quantity(difference.tracks, 'face')} with other company than before."
    )
    if not apply and difference.tracks:
        click.echo("Write it: stash-sense unknown recluster --apply")
