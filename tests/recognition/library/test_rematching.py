"""What is stored, matched again with a newer face database in the background: as asking would."""

import pytest

from stash_sense.domain.faces import SceneFaceId
from stash_sense.errors import StateBusy
from stash_sense.recognition import rematching


def listed(state, **page):
    return state.list_newly_named(**page).items


def names(state):
    return [(each.place.match.name, each.place.image_id) for each in listed(state)]


async def test_a_face_that_becomes_somebody_is_listed_with_where_it_is(
    fill, look_at, state, before, rematch, fetched, stash
):
    _, (red, green) = fill("red", "green")
    for image in (red, green):
        await look_at(image, recognizer=before)
    stash.record.forget()
    after = before.then()
    assert await rematch(after)
    assert fetched() == 0
    (item,) = listed(state)
    assert (item.place.match.name, item.place.image_id, item.place.gallery_ids) == ("Green", green, ())
    assert item.db_version == after.database.manifest.version
    assert state.get_image_fingerprint(red)["db_version"] == item.db_version
    answer = await look_at(green, recognizer=after)
    assert (answer.reused, str(item.place.face_id)) == (True, answer.face_ids[0])


async def test_it_stores_what_asking_would(fill, look_at, identify, state, before, rematch):
    gallery, images = fill("red", "green", (40, 250, 40), "blue", "black")
    await identify(gallery, recognizer=before)
    _, alone = fill((35, 255, 35), (255, 40, 30))
    for image in alone:
        await look_at(image, recognizer=before)
    after = before.then()
    await rematch(after)
    stored = [state.get_image_result(image) for image in (*images, *alone)]
    for image in alone:
        await look_at(image, recognizer=after, force=True)
    await identify(gallery, recognizer=after, force=True)
    asked = [state.get_image_result(image) for image in (*images, *alone)]
    assert [_said(result) for result in stored] == [_said(result) for result in asked]
    assert {name for name, _ in names(state)} == {"Green"}


def _said(result):
    return [
        (face.verdict, face.reason, [(match.performer_id, match.reference_id) for match in face.candidates])
        for face in result.faces
    ]


async def test_a_gallery_is_judged_as_a_whole_and_says_in_which(fill, identify, state, before, rematch):
    gallery, images = fill("green", "black", (35, 250, 35))
    await identify(gallery, recognizer=before)
    await rematch(before.then())
    found = {each.place.image_id: each.place.gallery_ids for each in listed(state)}
    assert found == {images[0]: (gallery,), images[2]: (gallery,)}


async def test_a_scene_is_answered_from_its_stored_frames(
    add_scene, look_at_scene, state, before, rematch, parts_fetched
):
    scene = add_scene()
    await look_at_scene(scene, recognizer=before)
    parts_fetched()
    after = before.then()
    await rematch(after)
    assert parts_fetched() == 0
    (item,) = listed(state)
    assert (item.place.match.name, item.place.scene_ids, item.place.image_id) == ("Green", (scene,), None)
    assert 30 <= item.place.time_s <= 40
    assert isinstance(item.place.face_id, SceneFaceId)
    assert await rematch(after)
    assert listed(state) == (item,)


async def test_nothing_is_done_twice_and_one_that_was_stopped_goes_on(
    fill, look_at, state, before, rematch, monkeypatch
):
    monkeypatch.setattr(rematching, "FACES_TOGETHER", 1)
    _, images = fill("green", (40, 250, 40), (35, 245, 35))
    for image in images:
        await look_at(image, recognizer=before)
    after, calls = before.then(), []
    assert not await rematch(after, lambda: not calls.append(1) and len(calls) < 2)
    assert len(listed(state)) == 1
    assert await rematch(after)
    assert len(listed(state)) == 3
    engine, analysed = after.pack.engine, after.pack.engine.pictures
    writes = []
    monkeypatch.setattr(type(state), "write_rematched", lambda *_, **__: writes.append(1))
    assert await rematch(after)
    assert (writes, engine.pictures) == ([], analysed)


async def test_a_face_leaves_the_list_once_decided_dismissed_or_named_otherwise(
    fill, look_at, state, before, rematch, people
):
    _, images = fill("green", (40, 250, 40), (35, 245, 35), (45, 240, 45), (30, 250, 45))
    for image in images:
        await look_at(image, recognizer=before)
    await rematch(before.then())
    first, second, third, fourth, fifth = (each.place.face_id for each in listed(state))
    state.decide(first, "confirmed", "Green")
    state.decide(second, "rejected", "Green")
    state.decide(third, "ignored")
    assert [each.place.face_id for each in listed(state)] == [fourth, fifth]
    assert state.dismiss_newly_named([each.id for each in listed(state)][:1]) == 1
    assert [each.place.face_id for each in listed(state)] == [fifth]
    state.delete_image(images[0])
    assert listed(state) == ()


async def test_it_is_read_in_pages(fill, look_at, state, before, rematch):
    _, images = fill(*[(30 + each, 250, 30) for each in range(5)])
    for image in images:
        await look_at(image, recognizer=before)
    await rematch(before.then())
    ids, cursor = [], None
    for _ in range(3):
        page = state.list_newly_named(before=cursor, limit=2)
        ids += [each.id for each in page.items]
        cursor = page.next_before
    assert (ids, cursor) == (sorted(ids, reverse=True), None)
    assert len(ids) == 5


async def test_a_face_that_keeps_its_name_is_not_listed(fill, look_at, state, before, rematch):
    _, (red,) = fill("red")
    await look_at(red, recognizer=before)
    await rematch(before.then())
    assert listed(state) == ()


async def test_a_failure_of_the_state_ends_it_and_the_next_one_goes_on(
    fill, look_at, state, before, rematch, monkeypatch
):
    _, (green,) = fill("green")
    await look_at(green, recognizer=before)
    after = before.then()

    def fail(*_, **__):
        raise StateBusy("locked")

    with monkeypatch.context() as patched:
        patched.setattr(type(state), "write_rematched", fail)
        with pytest.raises(StateBusy):
            await rematch(after)
    assert await rematch(after)
    assert names(state) == [("Green", green)]
