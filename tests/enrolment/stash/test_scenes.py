"""Scenes on which a performer alone is tagged, as a source of references."""

import pytest

from fakes.videos import write_video
from stash_sense.enrolment.selection import MOST_REFERENCES
from stash_sense.facedb.database import FaceDatabase

from .conftest import enrolled, solid


@pytest.fixture
def add_scene(stash, tmp_path):
    """A scene whose file opens here: colours (R, G, B), each a second long with its own keyframe."""

    def add_scene(*colours, performers):
        path = tmp_path / f"{len(stash.library.scenes)}.mp4"
        frames = [solid(colour) for colour in colours for _ in range(5)]
        write_video(path, pictures=frames, rate=5, gop=5)
        return stash.library.add_scene(content=path.read_bytes(), path=str(path), performers=performers)

    return add_scene


def scene_frames(place):
    with FaceDatabase.open(place) as database:
        paths = [database.reference(row).photo for row in range(database.manifest.faces)]
    return [path for path in paths if path.startswith("stash:scene/")]


SHADES = [(250, 40 + 30 * step, 40) for step in range(4)]
"""One person in different light, to a pack that sees colours."""


async def test_faces_of_a_scene_with_one_person_are_references(enrol, three, add_scene, place):
    scene = add_scene(*SHADES, performers=[1])
    await enrol(with_scenes=True)
    frames = scene_frames(place)
    assert frames
    assert all(path.startswith(f"stash:scene/{scene}@") for path in frames)
    assert len(set(frames)) == len(frames) == enrolled(place)["Ann"] - 1


async def test_a_person_has_no_more_than_eight_references(enrol, three, stash, add_scene, place):
    for number in range(4):
        add_scene(*((red - number, green, blue) for red, green, blue in SHADES), performers=[1])
    await enrol(with_scenes=True)
    assert enrolled(place)["Ann"] == MOST_REFERENCES


async def test_without_being_asked_no_scene_is_looked_at(enrol, three, stash, add_scene):
    add_scene(*SHADES, performers=[1])
    await enrol()
    assert stash.record.counts["FindScenes"] == 0


async def test_a_scene_with_two_performers_is_not_looked_at(enrol, three, add_scene, place):
    add_scene(*SHADES, performers=[1, 2])
    await enrol(with_scenes=True)
    assert scene_frames(place) == []


async def test_a_scene_that_shows_several_people_gives_no_reference(enrol, three, add_scene, place):
    scene = add_scene((255, 20, 20), (20, 20, 255), performers=[1])
    report = await enrol(with_scenes=True)
    assert scene_frames(place) == []
    assert [(photo.path, photo.code) for photo in report.skipped] == [
        (f"stash:scene/{scene}@0", "several-faces")
    ]


async def test_a_scene_of_somebody_unlike_the_portrait_does_not_get_in(enrol, three, add_scene, place):
    add_scene((40, 40, 250), performers=[1])
    report = await enrol(with_scenes=True)
    assert scene_frames(place) == []
    assert {photo.code for photo in report.skipped} == {"not-sure"}


async def test_a_scene_is_looked_at_once(enrol, three, stash, add_scene, place, colours):
    add_scene(*SHADES, performers=[1])
    add_scene((255, 20, 20), (20, 20, 255), performers=[2])
    first = await enrol(with_scenes=True)
    before = colours.engine.pictures
    again = await enrol(with_scenes=True)
    assert (colours.engine.pictures, again.version) == (before, first.version)


async def test_who_is_known_from_scenes_stays_known_in_a_build_without_them(enrol, three, add_scene, place):
    add_scene(*SHADES, performers=[1])
    await enrol(with_scenes=True)
    before = enrolled(place)
    await enrol()
    assert enrolled(place) == before
