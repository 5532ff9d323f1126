"""A person's word on stored faces, one or many, and taking it back."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Request

from stash_sense.api import wire_words as wire
from stash_sense.api.depends import AtDesk, WithState
from stash_sense.api.json_body import FAILURES, json_body, read_json
from stash_sense.api.openapi import documented
from stash_sense.errors import NotStored
from stash_sense.recognition.crops import stored_face_id

router = APIRouter(tags=["decisions"])

_PERFORMER = "stashdb.org:50459d16-0000-4000-8000-000000000000"
_ONE = json_body(
    wire.DecisionIn,
    confirmed={"face_id": "17", "performer_id": _PERFORMER, "name": "Jane Doe", "word": "confirmed"},
    ignored={"face_id": "17", "word": "ignored"},
    apart={"face_id": "17", "word": "apart"},
)
_MANY = json_body(
    wire.FacesDecisionIn,
    confirmed={
        "face_ids": ["17", "18", "23"],
        "performer_id": _PERFORMER,
        "name": "Jane Doe",
        "word": "confirmed",
    },
    ignored={"face_ids": ["17", "18", "23"], "word": "ignored"},
)
_UNDO = json_body(wire.UndoIn, three={"decision_ids": [5, 6, 7]})


@router.post("/decisions", responses=documented(404, 409, 503, *FAILURES), openapi_extra=_ONE)
async def decide(request: Request, desk: AtDesk, state: WithState) -> wire.DecisionOut:
    """Who a stored face is, or is not. It outlives re-runs and new face databases.

    The same word again gives the same decision back. Confirming replaces what was confirmed before. With
    `entry_id` it is taken back when that entry of the journal is undone.
    """
    asked = await read_json(request, desk, wire.DecisionIn)
    face_id = stored_face_id(str(asked.face_id))
    decision = await state.run(
        lambda store: store.decide(face_id, asked.word, asked.performer_id, asked.name, asked.entry_id)
    )
    return wire.decision_out(decision, face_id)


@router.post("/decisions/faces", responses=documented(404, 409, 503, *FAILURES), openapi_extra=_MANY)
async def decide_on_faces(request: Request, desk: AtDesk, state: WithState) -> wire.FacesDecisionOut:
    """The same word on up to 10,000 stored faces, as POST /decisions would record it: on all or on none.

    Faces of which nothing is stored are left out and told; 404 where that is all of them.
    """
    asked = await read_json(request, desk, wire.FacesDecisionIn)
    face_ids = list(dict.fromkeys(str(face_id) for face_id in asked.face_ids))
    numbers = _stored_face_ids(face_ids)
    decisions, gone = await state.run(
        lambda store: store.decide_faces(
            numbers.values(), asked.word, asked.performer_id, asked.name, asked.entry_id
        )
    )
    stored = set(numbers.values()).difference(gone)
    return wire.FacesDecisionOut(
        decision_ids=[decision.decision_id for decision in decisions],
        missing=[face_id for face_id in face_ids if numbers.get(face_id) not in stored],
    )


@router.post("/decisions/undo", responses=documented(503, *FAILURES), openapi_extra=_UNDO)
async def undo_decisions(request: Request, desk: AtDesk, state: WithState) -> wire.UndoOut:
    """Take up to 10,000 decisions back at once: what matching said of the faces shows again."""
    asked = await read_json(request, desk, wire.UndoIn)
    undone, missing = await state.run(lambda store: store.undecide_all(asked.decision_ids))
    return wire.UndoOut(undone=undone, missing=missing)


@router.delete("/decisions/{decision_id}", responses=documented(404, 422, 503))
async def undecide(
    state: WithState, decision_id: Annotated[int, Path(ge=0, lt=2**63, examples=[5])]
) -> wire.DecisionOut:
    """Take a decision back: what matching said of the face shows again."""
    return wire.decision_out(await state.run(lambda store: store.undecide(decision_id)), None)


def _stored_face_ids(face_ids: Iterable[str]) -> dict[str, int]:
    """The state's numbers for those ids that are numbers. Raises NotStored where none is."""
    numbers: dict[str, int] = {}
    for face_id in face_ids:
        try:
            numbers[face_id] = stored_face_id(face_id)
        except NotStored:
            continue
    if not numbers:
        raise NotStored(
            "None of these faces is stored. Only faces of images in Stash are stored: identify the images by "
            "their ids in Stash, and use the face ids of those answers."
        )
    return numbers
