"""The stand-in answers GraphQL as Stash does, so that what passes here passes there."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from graphql import parse, validate

from fakes.stash import LATEST, OLDEST, StashStandIn, schema

Ask = Callable[..., dict[str, Any]]

IMAGES = """query ($filter: FindFilterType, $image_filter: ImageFilterType, $ids: [ID!]) {
  findImages(filter: $filter, image_filter: $image_filter, ids: $ids) { count images { id } }
}"""
BULK = """mutation ($input: BulkImageUpdateInput!) {
  bulkImageUpdate(input: $input) { id performers { id } updated_at paths { image } }
}"""


def ids(answer: dict[str, Any]) -> list[int]:
    return [int(image["id"]) for image in answer["data"]["findImages"]["images"]]


def message(answer: dict[str, Any]) -> str:
    return answer["errors"][0]["message"]


@pytest.fixture
def thirty(stash: StashStandIn) -> int:
    """A gallery of thirty images, added in the wrong order of their names."""
    gallery = stash.library.add_gallery("Beach")
    for number in range(30, 0, -1):
        stash.library.add_image(galleries=[gallery], path=f"/data/beach/{number}.jpg")
    return gallery


def test_an_unknown_field_is_an_error(http: httpx.Client):
    answer = http.post("/graphql", json={"query": "{ findGallery(id: 1) { images { id } } }"})
    assert answer.status_code == 422
    assert "Cannot query field" in message(answer.json())


def test_an_unknown_input_field_is_an_error(http: httpx.Client):
    body = {"query": BULK, "variables": {"input": {"ids": ["1"], "performers": ["1"]}}}
    assert http.post("/graphql", json=body).status_code == 422


def test_a_missing_image_is_null(ask: Ask):
    assert ask("{ findImage(id: 9) { id } }") == {"data": {"findImage": None}}


def test_an_id_that_is_no_number_fails_in_the_parsers_words(ask: Ask):
    assert "strconv.Atoi" in message(ask('{ findImage(id: "x") { id } }'))


def test_a_page_has_25_unless_told(ask: Ask, thirty: int):
    answer = ask(IMAGES)
    assert answer["data"]["findImages"]["count"] == 30
    assert len(ids(answer)) == 25


def test_minus_one_is_all(ask: Ask, thirty: int):
    assert len(ids(ask(IMAGES, filter={"per_page": -1}))) == 30


def test_without_sort_pages_repeat_and_miss(ask: Ask, thirty: int):
    seen = [each for page in (1, 2, 3) for each in ids(ask(IMAGES, filter={"per_page": 10, "page": page}))]
    assert len(set(seen)) < len(seen) == 30


def test_paths_are_sorted_by_the_value_of_their_numbers(ask: Ask, thirty: int):
    assert ids(ask(IMAGES, filter={"sort": "path", "per_page": -1})) == list(range(30, 0, -1))


def test_equal_paths_and_titles_come_in_any_order(ask: Ask, stash: StashStandIn):
    for name in ("a.jpg", "A.jpg"):
        stash.library.add_image(path=f"/z.zip/{name}", title="same")
    orders = {tuple(ids(ask(IMAGES, filter={"sort": "path"}))) for _ in range(40)}
    assert orders == {(1, 2), (2, 1)}


def test_an_unknown_sort_is_an_error(ask: Ask):
    assert message(ask(IMAGES, filter={"sort": "size"})) == "invalid sort: size"


def test_a_gallery_filter_keeps_the_gallerys_images(ask: Ask, stash: StashStandIn, thirty: int):
    stash.library.add_image()
    inside = {"galleries": {"value": [thirty], "modifier": "INCLUDES"}}
    assert ask(IMAGES, image_filter=inside)["data"]["findImages"]["count"] == 30


def test_an_empty_filter_list_is_no_filter(ask: Ask, stash: StashStandIn, thirty: int):
    stash.library.add_image()
    inside = {"galleries": {"value": [], "modifier": "INCLUDES"}}
    assert ask(IMAGES, image_filter=inside)["data"]["findImages"]["count"] == 31


def test_one_missing_id_fails_the_whole_list(ask: Ask, thirty: int):
    assert message(ask(IMAGES, ids=["1", "99"])) == "image with id 99 not found"


def test_an_image_may_have_files_of_two_kinds(ask: Ask, stash: StashStandIn):
    image = stash.library.add_image()
    stash.library.images[image].files.append(stash.library.add_file(b"", "/a.gif", video=True))
    kinds = ask("{ findImage(id: 1) { visual_files { __typename } } }")["data"]["findImage"]["visual_files"]
    assert [kind["__typename"] for kind in kinds] == ["ImageFile", "VideoFile"]


def test_bulk_add_keeps_who_is_there(ask: Ask, stash: StashStandIn):
    ann, bea = stash.library.add_performer("Ann"), stash.library.add_performer("Bea")
    image = stash.library.add_image(performers=[ann])
    ask(BULK, input={"ids": [image], "performer_ids": {"ids": [bea], "mode": "ADD"}})
    assert stash.library.images[image].performers == [ann, bea]


def test_bulk_add_twice_adds_once(ask: Ask, stash: StashStandIn):
    ann, image = stash.library.add_performer("Ann"), stash.library.add_image()
    for _ in range(2):
        ask(BULK, input={"ids": [image], "performer_ids": {"ids": [ann], "mode": "ADD"}})
    assert stash.library.images[image].performers == [ann]


def test_bulk_remove_takes_only_its_own(ask: Ask, stash: StashStandIn):
    ann, bea = stash.library.add_performer("Ann"), stash.library.add_performer("Bea")
    image = stash.library.add_image(performers=[ann, bea])
    ask(BULK, input={"ids": [image], "performer_ids": {"ids": [ann], "mode": "REMOVE"}})
    assert stash.library.images[image].performers == [bea]


@pytest.mark.parametrize(("ids_", "performers"), [(["1", "99"], ["1"]), (["1"], ["1", "99"])])
def test_one_bad_id_rolls_the_whole_call_back(
    ask: Ask, stash: StashStandIn, ids_: list[str], performers: list[str]
):
    stash.library.add_performer("Ann")
    image = stash.library.add_image()
    ask(BULK, input={"ids": ids_, "performer_ids": {"ids": performers, "mode": "ADD"}})
    assert stash.library.images[image].performers == []


def test_image_update_replaces_the_set(ask: Ask, stash: StashStandIn):
    ann, bea = stash.library.add_performer("Ann"), stash.library.add_performer("Bea")
    image = stash.library.add_image(performers=[ann])
    ask("mutation { imageUpdate(input: {id: 1, performer_ids: [2]}) { id } }")
    assert stash.library.images[image].performers == [bea]


def test_an_update_that_adds_nothing_changes_updated_at_and_the_urls(ask: Ask, stash: StashStandIn):
    ann = stash.library.add_performer("Ann")
    image = stash.library.add_image(performers=[ann])
    change = {"ids": [image], "performer_ids": {"ids": [ann], "mode": "ADD"}}
    first, second = (ask(BULK, input=change)["data"]["bulkImageUpdate"][0] for _ in range(2))
    assert first["updated_at"] != second["updated_at"]
    assert first["paths"]["image"] != second["paths"]["image"]


def test_a_performers_name_and_disambiguation_are_unique(ask: Ask, stash: StashStandIn):
    stash.library.add_performer("Ann")
    create = 'mutation ($d: String) { performerCreate(input: {name: "Ann", disambiguation: $d}) { id } }'
    assert message(ask(create)) == "performer with name 'Ann' already exists"
    assert ask(create, d="the other")["data"]["performerCreate"]["id"] == "2"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("jane", ["Jane Doe", "Mary Major"]),
        ("doe jane", ["Jane Doe"]),
        ("major jan", ["Mary Major"]),
        ("jane -doe", ["Mary Major"]),
        ('"-x"', ["Ann -X"]),
        ('"jane" "smith"', []),
        ("", ["Ann -X", "Jane Doe", "Mary Major"]),
    ],
)
def test_a_search_looks_for_all_words_in_the_name_and_an_alias(
    ask: Ask, stash: StashStandIn, text: str, names: list[str]
):
    stash.library.add_performer("Jane Doe")
    stash.library.add_performer("Mary Major", alias_list=["Jane", "M. Smith"])
    stash.library.add_performer("Ann -X")
    query = "query ($q: String) { findPerformers(filter: {q: $q}) { performers { name } } }"
    assert [each["name"] for each in ask(query, q=text)["data"]["findPerformers"]["performers"]] == names


def test_a_name_is_compared_as_a_pattern_without_case(ask: Ask, stash: StashStandIn):
    stash.library.add_performer("Jane Doe")
    query = """query ($n: String!) {
      findPerformers(performer_filter: {name: {value: $n, modifier: EQUALS}}) { count } }"""
    for name, count in (("jane doe", 1), ("jane%", 1), ("jane", 0)):
        assert ask(query, n=name)["data"]["findPerformers"]["count"] == count


def test_a_performer_without_a_picture_has_a_default_address(ask: Ask, stash: StashStandIn):
    stash.library.add_performer("Ann")
    assert (
        "default=true"
        in ask("{ findPerformer(id: 1) { image_path } }")["data"]["findPerformer"]["image_path"]
    )


def test_performers_are_found_by_a_stash_id(ask: Ask, stash: StashStandIn):
    stash.library.add_performer("Ann", stash_ids=[("https://a/graphql", "u1")])
    stash.library.add_performer("Bea", stash_ids=[("https://b/graphql", "u1")])
    find = """{ findPerformers(performer_filter: {stash_id_endpoint:
        {endpoint: "https://b/graphql", stash_id: "u1", modifier: EQUALS}}) { performers { name } } }"""
    assert ask(find)["data"]["findPerformers"]["performers"] == [{"name": "Bea"}]


def test_settings_of_a_plugin_are_overwritten_whole(ask: Ask):
    write = 'mutation ($i: Map!) { configurePlugin(plugin_id: "p", input: $i) }'
    ask(write, i={"a": 1})
    ask(write, i={"b": 2})
    read = ask('{ configuration { plugins(include: ["p", "q"]) } }')
    assert read["data"]["configuration"]["plugins"] == {"p": {"b": 2}}


def test_a_plugins_operation_may_ask_stash_back(ask: Ask, stash: StashStandIn):
    stash.run_plugin = lambda plugin, args: {
        "plugin": plugin,
        "asked": ask("{ version { version } }"),
        **args,
    }
    answer = ask('mutation { runPluginOperation(plugin_id: "p", args: {mode: "health"}) }')
    output = answer["data"]["runPluginOperation"]
    assert (output["plugin"], output["mode"]) == ("p", "health")
    assert "data" in output["asked"]


def test_an_image_files_format_came_with_0_29():
    asked = parse("{ findImage(id: 1) { visual_files { ... on ImageFile { format } } } }")
    assert validate(schema(OLDEST), asked)
    assert not validate(schema("0.29"), asked)


def test_several_stash_ids_in_one_filter_came_later():
    found = "stash_ids_endpoint: {stash_ids: [], modifier: EQUALS}"
    asked = parse(f"{{ findPerformers(performer_filter: {{{found}}}) {{ count }} }}")
    assert validate(schema("0.30"), asked)
    assert not validate(schema(LATEST), asked)


MARK = """mutation ($input: SceneMarkerCreateInput!) {
  sceneMarkerCreate(input: $input) { id title seconds primary_tag { name } }
}"""


def test_a_marker_needs_a_tag_and_ends_after_its_start(ask: Ask, stash: StashStandIn):
    scene, tag = stash.library.add_scene("A scene"), stash.library.add_tag("Kiss")
    given = {"title": " Ann ", "seconds": 5.5, "scene_id": str(scene), "primary_tag_id": str(tag)}
    assert ask(MARK, input=given)["data"]["sceneMarkerCreate"] == {
        "id": "1", "title": "Ann", "seconds": 5.5, "primary_tag": {"name": "Kiss"}
    }  # fmt: skip
    assert "end_seconds" in message(ask(MARK, input={**given, "end_seconds": 5.0}))
    assert "FOREIGN KEY" in message(ask(MARK, input={**given, "primary_tag_id": "9"}))
    destroy = "mutation { sceneMarkerDestroy(id: 1) }"
    assert ask(destroy) == {"data": {"sceneMarkerDestroy": True}}
    assert message(ask(destroy)) == "scene marker with id 1 not found"


def test_a_marker_has_no_end_before_0_28(http: httpx.Client, stash: StashStandIn):
    stash.version = OLDEST
    given = {"title": "Ann", "seconds": 5, "end_seconds": 6, "scene_id": "1", "primary_tag_id": "1"}
    assert http.post("/graphql", json={"query": MARK, "variables": {"input": given}}).status_code == 422


def test_a_picture_of_null_takes_a_performers_picture_away(ask: Ask, stash: StashStandIn):
    performer = stash.library.add_performer("Ann", image=b"a picture")
    query = "mutation ($input: PerformerUpdateInput!) { performerUpdate(input: $input) { id } }"
    ask(query, input={"id": str(performer)})
    assert stash.library.performers[performer].image == b"a picture"
    ask(query, input={"id": str(performer), "image": None})
    assert stash.library.performers[performer].image is None
