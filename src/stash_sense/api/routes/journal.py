"""The journal of tags: noted before Stash is asked to write, completed after, undone at most once."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from stash_sense.api import wire_words as wire
from stash_sense.api.depends import AtDesk, WithState
from stash_sense.api.json_body import FAILURES, json_body, read_json
from stash_sense.api.openapi import documented

router = APIRouter(tags=["journal"])

EntryId = Annotated[int, Path(ge=0, lt=2**63, examples=[12])]


@router.post(
    "/journal",
    responses=documented(503, *FAILURES),
    openapi_extra=json_body(
        wire.JournalIn, example={"target_type": "image", "target_ids": ["101", "102"], "local_id": "88"}
    ),
)
async def begin(request: Request, desk: AtDesk, state: WithState) -> wire.JournalOut:
    """Note a tag before it is written to Stash; the answer comes once the disk has it."""
    asked = await read_json(request, desk, wire.JournalIn)
    kind, targets = asked.target_type, [str(one) for one in asked.target_ids]
    return wire.journal_out(
        await state.run(lambda store: store.journal_begin(kind, targets, str(asked.local_id)))
    )


@router.patch(
    "/journal/{entry_id}",
    responses=documented(404, 409, 503, *FAILURES),
    openapi_extra=json_body(wire.JournalEnd, example={"status": "done", "added_ids": ["102"]}),
)
async def complete(request: Request, desk: AtDesk, state: WithState, entry_id: EntryId) -> wire.JournalOut:
    """Say how the write ended. The same again changes nothing; something else is refused."""
    asked = await read_json(request, desk, wire.JournalEnd)
    added = [str(one) for one in asked.added_ids or ()]
    return wire.journal_out(
        await state.run(lambda store: store.journal_complete(entry_id, asked.status, added))
    )


@router.get("/journal", responses=documented(422, 503))
async def entries(state: WithState, asked: Annotated[wire.JournalAsked, Query()]) -> wire.JournalPage:
    """The tags that were written, the newest first."""
    found = await state.run(lambda store: store.journal_entries(before=asked.before, limit=asked.limit + 1))
    shown = found[: asked.limit]
    return wire.JournalPage(
        entries=[wire.journal_out(entry) for entry in shown],
        next_before=shown[-1].entry_id if len(found) > asked.limit else None,
    )


@router.post("/journal/{entry_id}/undone", responses=documented(404, 409, 422, 503))
async def undone(state: WithState, entry_id: EntryId) -> wire.JournalOut:
    """Say that exactly `added_ids` were taken back in Stash; refused a second time.

    Decisions that came with this entry are taken back too.
    """
    return wire.journal_out(await state.run(lambda store: store.journal_undone(entry_id)))
