"""What to tag in the whole library: people who are seen and not tagged, or tagged and not seen."""

from typing import Annotated

from fastapi import APIRouter, Query

from stash_sense.api.dependencies import JSON_BODY, SidecarDep, StateDep
from stash_sense.api.problems import BODY_ERRORS, documented
from stash_sense.api.schemas.database import DismissedOut
from stash_sense.api.schemas.suggestions import (
    SuggestionsDismissIn,
    SuggestionsPageOut,
    SuggestionsQuery,
    suggestions_out,
)
from stash_sense.recognition.suggestions import suggestions_page

router = APIRouter(tags=["suggestions"])


@router.get("/suggestions", responses=documented(422, 429, 503))
async def get_suggestions(
    sidecar: SidecarDep, state: StateDep, query: Annotated[SuggestionsQuery, Query()]
) -> SuggestionsPageOut:
    """People who are seen on images, galleries and scenes without being tagged there, or the other way round.

    Each page is checked against Stash first: what is tagged by now, gone or merged leaves by itself. Tagging
    is up to the caller. To reject a suggestion, reject the person on its faces (POST /decisions/faces).
    """
    if sidecar.services.recognition.current is None:
        return suggestions_out(await suggestions_page(state.run, sidecar.stash, None, query.as_query()))
    async with sidecar.recognition.lease() as recognizer:
        database = recognizer.database
        return suggestions_out(await suggestions_page(state.run, sidecar.stash, database, query.as_query()))


@router.post("/suggestions/dismiss", dependencies=[JSON_BODY], responses=documented(503, *BODY_ERRORS))
async def post_dismiss_suggestions(state: StateDep, body: SuggestionsDismissIn) -> DismissedOut:
    """Never make these suggestions again: a tag that is right although nobody sees why, or is not wanted."""
    return DismissedOut(dismissed=await state.run(lambda store: store.dismiss_suggestions(body.ids)))
