"""POST /decisions and DELETE /decisions/{decision_id}: a person's word on a face, and taking it back."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from stash_sense.api import wire_words as wire
from stash_sense.api.depends import AtDesk, WithState
from stash_sense.api.json_body import FAILURES, json_body, read_json
from stash_sense.api.openapi import documented
from stash_sense.workflows.crops import stored_face_id

router = APIRouter(tags=["decisions"])

_BODY = json_body(
    wire.DecisionIn,
    confirmed={
        "face_id": "17",
        "performer_id": "stashdb.org:50459d16-0000-4000-8000-000000000000",
        "word": "confirmed",
    },
    ignored={"face_id": "17", "word": "ignored"},
)


@router.post("/decisions", responses=documented(404, 503, *FAILURES), openapi_extra=_BODY)
async def decide(request: Request, desk: AtDesk, state: WithState) -> wire.DecisionOut:
    """Who a stored face is, or is not. It outlives re-runs and new face databases.

    The same word again gives the same decision back. Confirming replaces what was confirmed before. With
    `entry_id` it is taken back when that entry of the journal is undone.
    """
    asked = await read_json(request, desk, wire.DecisionIn)
    face_id = stored_face_id(str(asked.face_id))
    decision = await state.run(
        lambda store: store.decide(face_id, asked.word, asked.performer_id, entry_id=asked.entry_id)
    )
    return wire.decision_out(decision, face_id)


@router.delete("/decisions/{decision_id}", responses=documented(404, 422, 503))
async def undecide(
    state: WithState, decision_id: Annotated[int, Path(ge=0, lt=2**63, examples=[5])]
) -> wire.DecisionOut:
    """Take a decision back: what matching said of the face shows again."""
    return wire.decision_out(await state.run(lambda store: store.undecide(decision_id)), None)
