"""`stash-sense suggestions`: whom the running sidecar would tag, or doubts, in the whole library."""

from typing import Any

import click

from stash_sense.cli.console import cell, json_option, new_table, print_json, quantity, stdout
from stash_sense.cli.sidecar import SidecarClient, sidecar_client
from stash_sense.domain.reasons import percent
from stash_sense.settings import Settings
from stash_sense.store.repositories.suggestions import KINDS, SEEN

_SHOWN = 5
"""Targets of each person in the table."""


@click.command("suggestions")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=SEEN,
    show_default=True,
    help="People who are seen and not tagged, or tags that may be wrong.",
)
@json_option
@click.pass_obj
def suggestions_command(settings: Settings, kind: str, as_json: bool) -> None:
    """List whom to tag in the images, galleries and scenes that were identified.

    The sidecar must run. Nothing is written to Stash. --json lists every suggestion, the table the best ones
    of each person.

    \b
    Examples:
      stash-sense suggestions
      stash-sense suggestions --kind tagged-not-seen --json
    """
    with sidecar_client(settings) as sidecar:
        groups = _groups(sidecar, kind)
        if as_json:
            for group in groups:
                group["suggestions"] = _all_of(sidecar, kind, group)
            print_json({"groups": groups})
            return
    if not groups:
        click.echo("Nothing to suggest. Identify more first: stash-sense library run")
        return
    table = new_table("Person", "Suggestions", "Best", "Where", right=("Suggestions", "Best"))
    for group in groups:
        best = group["suggestions"]
        places = [f"{each['target_type']} {each['target_id']}" for each in best[:_SHOWN]]
        more = ["..."] if group["count"] > len(places) else []
        table.add_row(
            *map(
                cell,
                (group["name"], group["count"], percent(best[0]["confidence"]), ", ".join([*places, *more])),
            )
        )
    stdout().print(table)
    total = sum(group["count"] for group in groups)
    click.echo(f"{quantity(total, 'suggestion')} for {quantity(len(groups), 'person', 'people')}.")


def _groups(sidecar: SidecarClient, kind: str) -> list[dict[str, Any]]:
    """Every person with suggestions, once each, however the list moves while it is read."""
    groups: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = sidecar.get("/suggestions", limit=50, **_query(kind, cursor))
        for group in page["groups"]:
            groups.setdefault(group["performer_id"], dict(group))
        cursor = page["next_cursor"]
    return [*groups.values()]


def _all_of(sidecar: SidecarClient, kind: str, group: dict[str, Any]) -> list[Any]:
    if group["count"] <= len(group["suggestions"]):
        return list(group["suggestions"])
    found: dict[int, Any] = {}
    cursor: str | None = ""
    while cursor is not None:
        query = _query(kind, cursor)
        page = sidecar.get("/suggestions", limit=500, performer_id=group["performer_id"], **query)
        found |= {each["suggestion_id"]: each for own in page["groups"] for each in own["suggestions"]}
        cursor = page["next_cursor"]
    return [*found.values()]


def _query(kind: str, cursor: str) -> dict[str, str]:
    return {"kind": kind} | ({"cursor": cursor} if cursor else {})
