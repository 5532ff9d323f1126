"""What somebody does with unnamed faces in a dialogue, and what then stands of them."""

from typing import Any


def turned_until(page: Any, fact: str) -> None:
    """Turns the page's clock on and on until an expression of its scripts holds."""
    look = f"(turnClock(6_000), {fact}) ? done() : requestAnimationFrame(look)"
    page.evaluate(f"new Promise((done) => {{ const look = () => {look}; look(); }})")


def settled(page: Any) -> None:
    """Whatever the page was still waiting for in the next minute has been done, loaded and drawn."""
    page.evaluate("turnClock(60_000)")
    turned_until(page, "[...document.images].every((each) => each.complete || each.loading === 'lazy')")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


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


def tagged_as(page: Any, name: str) -> None:
    """The first group was added to the gallery under a name."""
    group(page).locator(f"text=Added to the gallery as {name}").wait_for()
