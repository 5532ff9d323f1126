"""What somebody does with unnamed faces in a dialogue, and what then stands of them."""

from typing import Any


def group(page: Any, number: int = 1) -> Any:
    """A group of an unknown person in the gallery's dialogue."""
    return page.locator(".sense-group").nth(number - 1)


def choose(where: Any, text: str) -> None:
    """The first performer whom a text finds, in a group, on a card, or wherever there is one choice alone."""
    where.locator("text=Choose performer").click()
    field = where.locator("[role=combobox]")
    field.fill(text)
    where.locator("[role=option]").first.wait_for()
    field.press("Enter")


def said(world: Any) -> list[tuple[str, str, str | None]]:
    """Decisions as (face, word, performer)."""
    decisions = world.sidecar.decisions
    return sorted((each["face_id"], each["word"], each.get("performer_id")) for each in decisions)
