"""What is suggested over HTTP is checked against Stash first, whatever happened there meanwhile."""

import json
import random
from itertools import count

import pytest
from click.testing import CliRunner

from stash_sense.__main__ import main
from stash_sense.domain.decisions import StoredMatch
from stash_sense.domain.faces import Box
from stash_sense.domain.identity import PictureIdentity
from stash_sense.errors import DiskFull
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.faces import DetectedFace
from stash_sense.store.repositories.results import ImageResult

from .test_failures import problem

NUMBERS = count(1)


@pytest.fixture(scope="module")
def served(serve, settings_with, stash):
    with serve(settings_with(STASH_URL=stash.url)) as served:
        yield served


@pytest.fixture(autouse=True)
def empty(served, stash):
    """Nothing is stored, and Stash has nothing."""
    served.store.delete_everything()
    for items in (stash.library.images, stash.library.galleries, stash.library.performers):
        items.clear()


@pytest.fixture
def see(served, stash):
    """Puts an image into Stash on which these performers are seen: its id."""

    def see(*performers, distance=0.2, keys=None, galleries=(), image=None):
        place = image or str(stash.library.add_image(b"", galleries=[int(each) for each in galleries]))
        keys = keys or [(f"local:{each}", f"Person {each}", {"local_id": str(each)}) for each in performers]
        faces = [
            DetectedFace(
                Box(0.05 + 0.3 * n, 0.1, 0.2, 0.2),
                0.9,
                "match",
                "because",
                (StoredMatch(key, distance, name=name, facts=facts),),
                quality=0.9,
            )
            for n, (key, name, facts) in enumerate(keys)
        ]
        identity = PictureIdentity.of([("md5", f"{place} {next(NUMBERS)}")])
        result = ImageResult(
            place, identity, "stash-sense-default", "v1", faces, gallery_ids=tuple(galleries)
        )
        served.store.store_image_result(result)
        return place

    return see


def asked(served, **query):
    answer = served.client.get("/suggestions", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(served, **query):
    """(target type, target id, local id) of everything suggested."""
    page = asked(served, **query)
    return {
        (each["target_type"], each["target_id"], group["local_id"])
        for group in page["groups"]
        for each in group["suggestions"]
    }


def test_a_suggestion_says_whom_where_how_sure_and_why(served, stash, see):
    anna = stash.library.add_performer("Anna")
    image = see(anna)
    page = asked(served)
    (group,) = page["groups"]
    (suggestion,) = group["suggestions"]
    assert (page["total"], page["next_cursor"], page["pending"]) == (1, None, 0)
    assert (group["performer_id"], group["local_id"], group["count"]) == (f"local:{anna}", str(anna), 1)
    assert (suggestion["target_type"], suggestion["target_id"], suggestion["seen"]) == ("image", image, [])
    assert (suggestion["confidence"], suggestion["distance"]) == (0.8, 0.2)
    assert suggestion["reason"] == f"Person {anna} is seen and not tagged (80%)"
    decision = {"face_ids": suggestion["face_ids"], "performer_id": group["performer_id"], "word": "rejected"}
    assert served.client.post("/decisions/faces", json=decision).status_code == 200
    assert asked(served)["groups"] == []


def test_what_is_tagged_gone_or_merged_in_stash_leaves_by_itself(served, stash, see):
    anna, berta, merged = (stash.library.add_performer(name) for name in ("Anna", "Berta", "Merged"))
    tagged, gone, left = (see(anna, berta) for _ in range(3))
    see(merged)
    assert len(listed(served)) == 7
    stash.library.images[int(tagged)].performers = [anna]
    del stash.library.images[int(gone)]
    del stash.library.performers[merged]
    assert listed(served) == {
        ("image", left, str(anna)),
        ("image", left, str(berta)),
        ("image", tagged, str(berta)),
    }


def test_a_person_of_a_stash_box_or_a_folder_is_found_among_the_tagged(served, stash, see):
    endpoint = "https://stashdb.org/graphql"
    anna = stash.library.add_performer("Anna", stash_ids=[(endpoint, "a-1")])
    berta = stash.library.add_performer("berta")
    first = see(keys=[("stashdb.org:a-1", "Another name", {"stash_ids": [[endpoint, "a-1"]]})])
    second = see(keys=[("Berta", "Berta", {})])
    assert listed(served) == {("image", first, None), ("image", second, None)}
    stash.library.images[int(first)].performers = [anna]
    stash.library.images[int(second)].performers = [berta]
    assert listed(served) == set()
    third = see(keys=[("Berta", "Berta", {})])
    assert listed(served) == {("image", third, str(berta))}  # it was learned who she is


def test_galleries_are_suggested_and_inherit_where_asked(served, stash, see):
    anna = stash.library.add_performer("Anna")
    gallery = str(stash.library.add_gallery("Photos"))
    images = [see(anna, galleries=[gallery]) for _ in range(2)]
    both = {("image", image, str(anna)) for image in images} | {("gallery", gallery, str(anna))}
    assert listed(served) == both
    assert listed(served, target_type="gallery") == {("gallery", gallery, str(anna))}
    stash.library.galleries[int(gallery)].performers = [anna]
    listed(served)
    assert listed(served) == {each for each in both if each[0] == "image"}
    assert listed(served, inherit=True) == set()


def test_the_list_can_be_read_while_stash_is_away(served, stash, see):
    see(stash.library.add_performer("Anna"))
    stash.down()
    assert len(listed(served)) == 1


def test_the_list_can_be_read_while_nothing_can_be_written(served, stash, see, monkeypatch):
    anna = stash.library.add_performer("Anna")
    shown, gone = see(anna), see(anna)
    assert len(listed(served)) == 2
    see(anna)
    del stash.library.images[int(gone)]

    def full(*_, **__):
        raise DiskFull("The disk is full; free some space.")

    for name in ("refresh_suggestions", "record_tags", "forget_targets"):
        monkeypatch.setattr(RecommendationsDB, name, full)
    assert listed(served) == {("image", shown, str(anna))}
    assert asked(served)["pending"] == 1


def test_a_wrong_tag_is_doubted_of_enrolled_people_alone(served, stash, see):
    anna, barack, berta = (stash.library.add_performer(name) for name in ("Anna", "Barack Obama", "Berta"))
    first, second = see(anna), see(anna)
    served.store.link_performers({"Barack Obama": str(barack)})
    stash.library.images[int(first)].performers = [barack]
    stash.library.images[int(second)].performers = [berta]
    listed(served)
    (group,) = asked(served, kind="tagged-not-seen")["groups"]
    (suggestion,) = group["suggestions"]
    assert (group["name"], group["local_id"], group["count"]) == ("Barack Obama", str(barack), 1)
    assert suggestion["target_id"] == first
    assert [each["local_id"] for each in suggestion["seen"]] == [str(anna)]
    assert suggestion["reason"] == f"Barack Obama is tagged, and only Person {anna} is seen (80%)"
    stash.library.images[int(first)].performers = [anna]
    assert listed(served, kind="tagged-not-seen") == set()


def test_all_targets_of_a_person_come_in_bounded_pages(served, stash, see):
    anna = stash.library.add_performer("Anna")
    images = {see(anna, distance=0.1 + n / 100) for n in range(12)}
    page = asked(served)
    assert (page["groups"][0]["count"], len(page["groups"][0]["suggestions"])) == (12, 8)
    got, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = asked(served, performer_id=f"local:{anna}", limit=5, **more)
        got += [each["target_id"] for each in page["groups"][0]["suggestions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (len(got), set(got)) == (12, images)
    sure = asked(served, performer_id=f"local:{anna}", min_confidence=0.85)
    assert [each["confidence"] for each in sure["groups"][0]["suggestions"]] == [
        0.9,
        0.89,
        0.88,
        0.87,
        0.86,
        0.85,
    ]


def test_a_dismissed_suggestion_does_not_come_back(served, stash, see):
    image = see(stash.library.add_performer("Anna"))
    number = asked(served)["groups"][0]["suggestions"][0]["suggestion_id"]
    answer = served.client.post("/suggestions/dismiss", json={"ids": [number]})
    assert answer.json() == {"dismissed": 1}
    see(*[int(each) for each in stash.library.performers], image=image)
    assert listed(served) == set()


def test_hundreds_of_targets_are_journalled_under_one_batch(served, stash, see):
    anna = stash.library.add_performer("Anna")
    images = [see(anna) for _ in range(6)]
    entries = []
    for some in (images[:4], images[4:]):
        body = {"target_type": "image", "target_ids": some, "local_id": str(anna), "batch_id": "all-1"}
        entry = served.client.post("/journal", json=body).json()
        for image in some:
            stash.library.images[int(image)].performers = [anna]
        end = {"status": "done", "added_ids": some}
        assert served.client.patch(f"/journal/{entry['entry_id']}", json=end).json()["added_ids"] == some
        entries.append(entry)
    assert {entry["batch_id"] for entry in entries} == {"all-1"}
    assert listed(served) == set()


def test_the_command_lists_them(served, stash, see):
    anna = stash.library.add_performer("Anna")
    images = {see(anna) for _ in range(10)}
    settings = {"STASH_SENSE_PORT": str(served.port), "STASH_URL": ""}
    folder = str(served.sidecar.settings.data_dir)

    def run(*more):
        result = CliRunner().invoke(main, ["--data-dir", folder, "suggestions", *more], env=settings)
        assert result.exit_code == 0, result.output
        return result.output

    assert "10 suggestions for 1 person." in run()
    (group,) = json.loads(run("--json"))["groups"]
    assert {each["target_id"] for each in group["suggestions"]} == images
    assert "Nothing to suggest" in run("--kind", "tagged-not-seen")


CHANGES = ("untag", "tag", "delete", "delete gallery", "merge", "move", "add")


def churn(stash, see, chance, performers):
    """One random change in Stash, as people make them there."""
    library = stash.library
    images, galleries = list(library.images), list(library.galleries)
    match chance.choice(CHANGES):
        case "tag":
            library.images[chance.choice(images)].performers = chance.sample(performers, 2)
        case "untag":
            library.images[chance.choice(images)].performers = []
        case "delete" if len(images) > 10:
            del library.images[chance.choice(images)]
        case "delete gallery" if len(galleries) > 1:
            gone = chance.choice(galleries)
            del library.galleries[gone]
            for image in library.images.values():
                image.galleries = [each for each in image.galleries if each != gone]
        case "merge" if len(performers) > 3:
            former, kept = chance.sample(performers, 2)
            performers.remove(former)
            del library.performers[former]
            for item in (*library.images.values(), *library.galleries.values()):
                item.performers = list({kept if each == former else each for each in item.performers})
        case "move":
            library.images[chance.choice(images)].galleries = [chance.choice(galleries)]
        case _:
            if len(galleries) < 5:
                library.add_gallery("Photos")
            see(*chance.sample(performers, 2), galleries=[str(chance.choice(list(library.galleries)))])


def test_none_points_at_a_gone_object_after_random_changes_in_stash(served, stash, see, request):
    changes = 1000 if request.config.getoption("--torture") else 60
    chance = random.Random(14)
    performers = [stash.library.add_performer(f"Person {n}") for n in range(12)]
    for _ in range(3):
        stash.library.add_gallery("Photos")
    for _ in range(20):
        see(*chance.sample(performers, 2), galleries=[str(chance.choice(list(stash.library.galleries)))])
    for change in range(changes):
        churn(stash, see, chance, performers)
        if change % 20 and change != changes - 1:
            continue
        for kind, target_id, local_id in listed(served):
            items = stash.library.images if kind == "image" else stash.library.galleries
            assert int(target_id) in items
            assert int(local_id) in stash.library.performers
            assert int(local_id) not in items[int(target_id)].performers


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "nothing"},
        {"limit": 0},
        {"limit": 501},
        {"cursor": "x"},
        {"min_confidence": 1.1},
        {"min_confidence": "nan"},
        {"target_type": "marker"},
        {"performer_id": ""},
        {"page": 1},
    ],
)
def test_a_bad_query_is_refused(served, query):
    answer = served.client.get("/suggestions", params=query)
    problem(answer, 422, answer.json()["code"])


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["1"]}, {"ids": [0]}, {"ids": [2**63]}, []])
def test_bad_ids_to_dismiss_are_refused(served, body):
    problem(served.client.post("/suggestions/dismiss", json=body), 422, "bad-parameter")
