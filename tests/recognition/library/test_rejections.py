"""Whom a face is not, it is not again: after a new analysis, with another database, matched in between."""

import pytest

from stash_sense.domain.faces import SceneFaceId


@pytest.fixture
def rejected(state):
    """Says that a face is not Green, whom the face database does not know yet."""

    def rejected(face_id):
        state.decide(face_id, "rejected", "Green", "Green")

    return rejected


@pytest.fixture(params=["matched again", "not matched again"])
async def after(request, before, rematch, rejected):
    """The recognizer that knows Green, once it is there: `await after()`."""

    async def after():
        recognizer = before.then()
        if request.param == "matched again":
            await rematch(recognizer)
        return recognizer

    return after


def newly_named(state):
    return [item.place.match.name for item in state.list_newly_named().items]


@pytest.mark.parametrize("force", [False, True])
async def test_an_image(fill, look_at, state, before, after, rejected, force):
    _, (image, other) = fill("green", (40, 250, 40))
    for each in (image, other):
        await look_at(each, recognizer=before)
    rejected(state.get_image_result(image).faces[0].face_id)
    newer = await after()
    answer = await look_at(image, recognizer=newer, force=force)
    assert [face.verdict.status for face in answer.faces] == ["unknown"]
    named = await look_at(other, recognizer=newer, force=force)
    assert [face.verdict.status for face in named.faces] == ["match"]
    assert set(newly_named(state)) <= {"Green"}
    assert image not in [item.place.image_id for item in state.list_newly_named().items]


@pytest.mark.parametrize("force", [False, True])
async def test_a_track_of_a_gallery(
    fill, identify, state, before, after, rejected, people_of, new_progress, force
):
    gallery, images = fill("green", "green", (40, 250, 40))
    await identify(gallery, recognizer=before)
    rejected(state.get_image_result(images[1]).faces[0].face_id)
    newer = await after()
    answer = await identify(gallery, recognizer=newer, force=force, progress=new_progress("job-2"))
    assert "Green" not in people_of(answer)
    assert newly_named(state) == []


@pytest.mark.parametrize("change", ["asked again", "looked at again", "other frames"])
async def test_a_track_of_a_scene(
    look_at_scene, add_scene, state, before, after, rejected, new_progress, change
):
    scene = add_scene()
    answer = await look_at_scene(scene, recognizer=before)
    assert [person["name"] for person in answer.persons] == ["Red"]
    (track,) = answer.unknown
    rejected(SceneFaceId(int(track["best_faces"][0]["face_id"].removeprefix("s"))))
    newer = await after()
    if change == "other frames":
        with state._pool.writing() as connection:  # as if no frame of this run were at the same moment
            connection.execute("UPDATE stash_sense_scene_frames SET time_s = time_s + 0.4")
            connection.execute("UPDATE stash_sense_videos SET db_version = NULL")
    force = change == "looked at again"
    answer = await look_at_scene(scene, recognizer=newer, force=force, progress=new_progress("job-2"))
    assert [person["name"] for person in answer.persons] == ["Red"]
    assert newly_named(state) == []
