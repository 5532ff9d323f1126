"""Decisions of a person on stored faces, and the journal of the tags written for them."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from stash_sense.api.dependencies import JSON_BODY, SidecarDep, StateDep
from stash_sense.api.problems import BODY_ERRORS, documented
from stash_sense.api.schemas.decisions import (
    DecisionIn,
    DecisionOut,
    DecisionsPageOut,
    DecisionsQuery,
    FacesDecisionIn,
    FacesDecisionOut,
    NewestQuery,
    RevisionOut,
    RevisionQuery,
    UndoIn,
    UndoOut,
    decision_out,
    listed_decision_out,
)
from stash_sense.api.schemas.journal import (
    FormerPictureOut,
    JournalEndIn,
    JournalIn,
    JournalOut,
    JournalPageOut,
    PictureIn,
    journal_out,
)
from stash_sense.domain.faces import FaceId
from stash_sense.errors import NotStored
from stash_sense.recognition.crops import stored_face_id
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.former_pictures import FormerPicture

router = APIRouter()

EntryId = Annotated[int, Path(ge=0, lt=2**63, examples=[12])]
_PERFORMER = "stashdb.org:50459d16-0000-4000-8000-000000000000"
_FACE_IDS = ["17", "18", "23"]
_CONFIRMED = {"performer_id": _PERFORMER, "name": "Jane Doe", "word": "confirmed"}


@router.post(
    "/decisions",
    tags=["decisions"],
    dependencies=[JSON_BODY],
    responses=documented(404, 409, 503, *BODY_ERRORS),
)
async def post_decision(
    sidecar: SidecarDep,
    state: StateDep,
    body: Annotated[
        DecisionIn,
        Body(
            openapi_examples={
                "confirmed": {"value": {"face_id": "17", **_CONFIRMED}},
                "ignored": {"value": {"face_id": "17", "word": "ignored"}},
                "apart": {"value": {"face_id": "17", "word": "apart"}},
            }
        ),
    ],
) -> DecisionOut:
    """Decide who a stored face is, or is not. Decisions outlive re-runs and new face databases.

    The same decision again gives the same one back. Confirming replaces what was confirmed before. With
    `entry_id` the decision is taken back when that entry of the journal is undone.
    """
    face_id = stored_face_id(str(body.face_id))
    decision = await state.run(
        lambda store: store.decide(
            face_id, body.word, body.performer_id, body.name, body.entry_id, _text(body.local_id)
        )
    )
    sidecar.updates.note_decision()
    return decision_out(decision, face_id)


@router.get("/decisions", tags=["decisions"], responses=documented(404, 422, 503))
async def get_decisions(state: StateDep, query: Annotated[DecisionsQuery, Query()]) -> DecisionsPageOut:
    """The decisions that stand, newest first; each can be taken back."""
    face_id = None if query.face_id is None else stored_face_id(query.face_id)
    one_more = await state.run(
        lambda store: store.list_decisions(
            query.performer_id, face_id, query.word, query.before, query.limit + 1
        )
    )
    page = one_more[: query.limit]
    return DecisionsPageOut(
        decisions=[listed_decision_out(listed) for listed in page],
        next_before=page[-1].decision.decision_id if len(one_more) > query.limit else None,
    )


@router.get("/decisions/revision", tags=["decisions"], responses=documented(422, 503))
async def get_decisions_revision(state: StateDep, query: Annotated[RevisionQuery, Query()]) -> RevisionOut:
    """Whether decisions on faces of a gallery or a scene changed since a result: compare its
    `decisions_revision`."""

    def revision(store: RecommendationsDB) -> str:
        if query.scene_id is not None:
            return store.scene_decisions_revision(str(query.scene_id))
        return store.decisions_revision(str(query.gallery_id))

    return RevisionOut(revision=await state.run(revision))


@router.post(
    "/decisions/faces",
    tags=["decisions"],
    dependencies=[JSON_BODY],
    responses=documented(404, 409, 503, *BODY_ERRORS),
)
async def post_decision_on_faces(
    sidecar: SidecarDep,
    state: StateDep,
    body: Annotated[
        FacesDecisionIn,
        Body(
            openapi_examples={
                "confirmed": {"value": {"face_ids": _FACE_IDS, **_CONFIRMED}},
                "ignored": {"value": {"face_ids": _FACE_IDS, "word": "ignored"}},
            }
        ),
    ],
) -> FacesDecisionOut:
    """The same decision on up to 10,000 stored faces, as POST /decisions records it: on all or on none.

    Faces of which nothing is stored are left out and listed; 404 where that is all of them.
    """
    face_ids = list(dict.fromkeys(str(face_id) for face_id in body.face_ids))
    numbers = _stored_face_ids(face_ids)
    decisions, gone = await state.run(
        lambda store: store.decide_faces(
            numbers.values(), body.word, body.performer_id, body.name, body.entry_id, _text(body.local_id)
        )
    )
    sidecar.updates.note_decision()
    stored = set(numbers.values()).difference(gone)
    return FacesDecisionOut(
        decision_ids=[decision.decision_id for decision in decisions],
        missing=[face_id for face_id in face_ids if numbers.get(face_id) not in stored],
    )


@router.post(
    "/decisions/undo",
    tags=["decisions"],
    dependencies=[JSON_BODY],
    responses=documented(503, *BODY_ERRORS),
)
async def post_undo(
    sidecar: SidecarDep,
    state: StateDep,
    body: Annotated[UndoIn, Body(openapi_examples={"three": {"value": {"decision_ids": [5, 6, 7]}}})],
) -> UndoOut:
    """Take up to 10,000 decisions back at once: the faces show their verdicts again."""
    undone, missing = await state.run(lambda store: store.undecide_all(body.decision_ids))
    sidecar.updates.note_decision()
    return UndoOut(undone=undone, missing=missing)


@router.delete("/decisions/{decision_id}", tags=["decisions"], responses=documented(404, 422, 503))
async def delete_decision(
    sidecar: SidecarDep,
    state: StateDep,
    decision_id: Annotated[int, Path(ge=0, lt=2**63, examples=[5])],
) -> DecisionOut:
    """Take a decision back: the face shows its verdict again."""
    decision = await state.run(lambda store: store.undecide(decision_id))
    sidecar.updates.note_decision()
    return decision_out(decision, None)


def _text(stash_id: str | int | None) -> str | None:
    return None if stash_id is None else str(stash_id)


def _stored_face_ids(face_ids: Iterable[str]) -> dict[str, FaceId]:
    """The state's ids of those that are ids of stored faces. Raises NotStored where none is."""
    numbers: dict[str, FaceId] = {}
    for face_id in face_ids:
        try:
            numbers[face_id] = stored_face_id(face_id)
        except NotStored:
            continue
    if not numbers:
        raise NotStored(
            "None of these faces is stored. Only faces of images and scenes in Stash are stored: identify "
            "the images or scenes by their ids in Stash, and use the face ids of those answers."
        )
    return numbers


@router.post(
    "/journal",
    tags=["journal"],
    dependencies=[JSON_BODY],
    responses=documented(503, *BODY_ERRORS),
)
async def post_journal_entry(
    state: StateDep,
    body: Annotated[
        JournalIn,
        Body(
            openapi_examples={
                "example": {"value": {"target_type": "image", "target_ids": ["101", "102"], "local_id": "88"}}
            }
        ),
    ],
) -> JournalOut:
    """Record a tag before it is written to Stash. The answer comes once it is on disk."""
    target_ids = [str(target_id) for target_id in body.target_ids]
    return journal_out(
        await state.run(
            lambda store: store.journal_begin(
                body.target_type, target_ids, str(body.local_id), body.batch_id, body.action
            )
        )
    )


@router.post(
    "/journal/picture",
    tags=["journal"],
    dependencies=[JSON_BODY],
    responses=documented(503, *BODY_ERRORS),
)
async def post_picture(state: StateDep, body: PictureIn) -> JournalOut:
    """Record that a performer's picture is about to be replaced in Stash, and keep the present one."""
    pictures = FormerPicture(body.before, body.after)
    return journal_out(await state.run(lambda store: store.begin_picture(str(body.local_id), pictures)))


@router.get("/journal/{entry_id}/picture", tags=["journal"], responses=documented(404, 422, 503))
async def get_former_picture(state: StateDep, entry_id: EntryId) -> FormerPictureOut:
    """The picture that an entry replaced. The newest 200 are kept, of at most 100 MB together."""
    pictures = await state.run(lambda store: store.former_picture(entry_id))
    return FormerPictureOut(before=pictures.before, after=pictures.after)


@router.patch(
    "/journal/{entry_id}",
    tags=["journal"],
    dependencies=[JSON_BODY],
    responses=documented(404, 409, 503, *BODY_ERRORS),
)
async def patch_journal_entry(
    state: StateDep,
    entry_id: EntryId,
    body: Annotated[
        JournalEndIn,
        Body(openapi_examples={"example": {"value": {"status": "done", "added_ids": ["102"]}}}),
    ],
) -> JournalOut:
    """Record how writing a tag ended. The same again changes nothing; a different end is refused."""
    added_ids = [str(target_id) for target_id in body.added_ids or ()]
    return journal_out(
        await state.run(lambda store: store.journal_complete(entry_id, body.status, added_ids))
    )


@router.get("/journal", tags=["journal"], responses=documented(422, 503))
async def get_journal(state: StateDep, query: Annotated[NewestQuery, Query()]) -> JournalPageOut:
    """The tags that were written, newest first."""
    one_more = await state.run(
        lambda store: store.journal_entries(
            before=query.before, limit=query.limit + 1, performer_id=query.performer_id
        )
    )
    page = one_more[: query.limit]
    return JournalPageOut(
        entries=[journal_out(entry) for entry in page],
        next_before=page[-1].entry_id if len(one_more) > query.limit else None,
    )


@router.post("/journal/{entry_id}/undone", tags=["journal"], responses=documented(404, 409, 422, 503))
async def post_journal_undone(sidecar: SidecarDep, state: StateDep, entry_id: EntryId) -> JournalOut:
    """Record that what was done to exactly `added_ids` was undone in Stash; refused a second time.

    Decisions that came with this entry are taken back too.
    """
    entry = await state.run(lambda store: store.journal_undone(entry_id))
    sidecar.updates.note_decision()
    return journal_out(entry)
