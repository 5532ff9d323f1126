"""Who is seen in the library, where, and where a face is seen again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from stash_sense.api.dependencies import SidecarDep, StateDep
from stash_sense.api.problems import documented
from stash_sense.api.schemas.people import (
    AppearancesOut,
    AppearancesQuery,
    SeenPeopleOut,
    SeenPeopleQuery,
    SimilarFacesOut,
    SimilarFacesQuery,
    appearances_out,
    people_out,
    similar_out,
)
from stash_sense.recognition.parameters import pack_key
from stash_sense.recognition.similar_faces import similar_faces

router = APIRouter(tags=["people"])


@router.get("/people", responses=documented(422, 503))
async def get_people(state: StateDep, query: Annotated[SeenPeopleQuery, Query()]) -> SeenPeopleOut:
    """The people who are seen in what was identified, decisions applied: on how many images and scenes."""
    return people_out(await state.run(lambda store: store.list_people(query.sort, query.cursor, query.limit)))


@router.get("/people/{performer_id:path}/appearances", responses=documented(404, 422, 503))
async def get_appearances(
    state: StateDep,
    performer_id: Annotated[
        str,
        Path(
            min_length=1,
            max_length=1000,
            description="Any key that the person has or had.",
            examples=["stashdb.org:50459d16-0000-4000-8000-000000000000"],
        ),
    ],
    query: Annotated[AppearancesQuery, Query()],
) -> AppearancesOut:
    """Where a person is seen, with the faces, and whether they are tagged there."""
    return appearances_out(
        await state.run(lambda store: store.list_appearances(performer_id, query.cursor, query.limit))
    )


@router.get("/faces/{face_id}/similar", responses=documented(404, 422, 429, 503))
async def get_similar(
    sidecar: SidecarDep,
    state: StateDep,
    face_id: Annotated[str, Path(min_length=1, max_length=100, examples=["17"])],
    query: Annotated[SimilarFacesQuery, Query()],
) -> SimilarFacesOut:
    """The stored faces that look most like this one, named or not: one of each other image or track."""
    async with sidecar.recognition.lease() as recognizer:
        scorer, pack = recognizer.pack.scorer, pack_key(recognizer.pack)
        found = await state.run(lambda store: similar_faces(face_id, query.limit, store, scorer, pack))
    return similar_out(found)
