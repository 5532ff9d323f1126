"""A suggestion keeps every key of its person that Stash has not dropped, whatever a stash-box is called."""

from types import SimpleNamespace

from stash_sense.domain.identity import Person
from stash_sense.recognition.suggestions import suggestions_page
from stash_sense.stash.targets import StashTarget
from stash_sense.store.repositories.suggestion_list import (
    Suggestion,
    SuggestionGroup,
    SuggestionPage,
    SuggestionQuery,
)

AT_HOME = "stash-box.local:0a0b0c0d"


async def test_a_stash_box_in_the_local_network_is_not_taken_for_performers_of_stash():
    place = Suggestion(1, "image", "7", 0.2, None)
    group = SuggestionGroup(Person(AT_HOME, AT_HOME), ("local:5", "local:6", AT_HOME), 1, (place,))
    page = SuggestionPage((group,), 1, None)
    found = {("image", "7"): StashTarget("7"), ("performer", "5"): StashTarget("5"), ("performer", "6"): None}

    async def find_targets(_):
        return found

    async def in_state(work):
        return page if work.func.__name__ == "list_suggestions" else None

    stash = SimpleNamespace(find_targets=find_targets)
    shown = await suggestions_page(in_state, stash, None, SuggestionQuery("seen-not-tagged", 0.5))
    assert shown.groups[0].keys == ("local:5", AT_HOME)
