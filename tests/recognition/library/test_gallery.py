"""A gallery of a Stash: everything once, nothing twice, and the evidence of all of it together."""

import asyncio
import dataclasses
import json
import time

import pytest

from fakes.stash import Delay
from stash_sense.domain.progress import NoProgress
from stash_sense.errors import NotInStash
from stash_sense.jobs.workers import Lane
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition import parameters
from stash_sense.recognition.folder import identify_photos
from stash_sense.recognition.image_batches import FETCHERS
from stash_sense.runtime.from_settings import recognizer as open_recognizer

REDDISH = (240, 160, 20)
"""Beyond 0.05 from red, within 0.2 of that."""


async def test_everybody_is_found_with_their_images(fill, identify, people_of, progress, fetched):
    gallery, images = fill("red", "green", "black", "red", "blue")
    answer = await identify(gallery)
    assert people_of(answer) == {"Red": [images[0], images[3]], "Green": [images[1]], "Blue": [images[4]]}
    assert (answer.total_images, answer.images_processed, answer.faces_detected) == (5, 5, 4)
    assert (answer.error_count, answer.skipped, answer.not_stored) == (0, (), 0)
    assert progress.steps[-1] == (5, 5, 4, 3)
    assert fetched() == 5


async def test_it_finds_what_the_same_folder_of_files_gives(real, samples, stash, identify, people_of):
    paths = sorted((samples / "gallery").iterdir())
    gallery = stash.library.add_gallery("Samples")
    for number, path in enumerate(paths):
        stash.library.add_image(path, galleries=[gallery], path=f"/data/{number}.jpg")
    answer = await identify(str(gallery), recognizer=real)
    files = identify_photos(paths, real, MatchOptions(), NoProgress())
    expected = {one.person.name: [str(position + 1) for position in one.images] for one in files.people}
    assert people_of(answer) == expected
    for ours, theirs in zip(answer.performers, files.people, strict=True):
        assert ours.best_distance == pytest.approx(theirs.best_distance, abs=2e-3)
        assert ours.avg_distance == pytest.approx(theirs.avg_distance, abs=2e-3)


async def test_asked_again_nothing_is_fetched_or_written(fill, identify, fetched, stash, state, colours):
    gallery, images = fill(*["red", "green", REDDISH, "black"] * 5)
    first = await identify(gallery)
    assert fetched() == 20
    looked_at = colours.engine.pictures
    before = [state.get_image_fingerprint(image)["updated_at"] for image in images]
    for image in images:
        stash.library.images[int(image)].updated_at = stash.library.now()
    assert await identify(gallery) == first
    assert (fetched(), colours.engine.pictures) == (0, looked_at)
    assert [state.get_image_fingerprint(image)["updated_at"] for image in images] == before


async def test_asked_again_after_all_images_were_tagged_nothing_is_fetched(
    fill, identify, fetched, tools, stash
):
    gallery, images = fill("red", "green", "red")
    first = await identify(gallery)
    anna = stash.library.add_performer("Anna")
    await tools.stash.add_performers("image", images, [str(anna)])
    fetched()
    assert await identify(gallery) == first
    assert fetched() == 0


async def test_a_new_image_alone_is_fetched(fill, identify, fetched, stash, picture):
    gallery, _ = fill("red", "red")
    await identify(gallery)
    fetched()
    stash.library.add_image(picture("red", 99), galleries=[int(gallery)], path="/data/zzz.png")
    answer = await identify(gallery)
    assert (fetched(), answer.performers[0].image_count) == (1, 3)


async def test_an_image_of_another_gallery_is_not_fetched_again(fill, identify, fetched, stash, state):
    first, images = fill("red", "green")
    await identify(first)
    second = stash.library.add_gallery("Second")
    for image in images:
        stash.library.images[int(image)].galleries.append(second)
    fetched()
    await identify(str(second))
    assert fetched() == 0
    assert state.get_image_result(images[0]).gallery_ids == (first, str(second))


async def test_the_gallerys_verdict_is_stored(fill, identify, look_at, state):
    """Beyond the distance asked for, but Red is sure on two other images."""
    options = MatchOptions(max_distance=0.05)
    gallery, images = fill("red", "red", REDDISH)
    answer = await identify(gallery, options)
    assert answer.performers[0].image_count == 3
    stored = state.get_image_result(images[2]).faces[0]
    assert (stored.verdict, stored.candidates[0].support) == ("match", "gallery")
    assert stored.reason.endswith("together with 2 other photos of this person")
    shown = await look_at(images[2], options)
    assert (shown.reused, shown.faces[0].matches[0].support) == (True, "gallery")


async def test_plain_evidence_takes_the_gallerys_verdict_back(fill, identify, state):
    gallery, images = fill("red", "red", REDDISH)
    await identify(gallery, MatchOptions(max_distance=0.05))
    answer = await identify(gallery, MatchOptions(max_distance=0.05, evidence="plain"))
    assert answer.performers[0].image_count == 2
    assert state.get_image_result(images[2]).faces[0].candidates == ()
    again = await identify(gallery, MatchOptions(max_distance=0.05))
    assert again.performers[0].image_count == 3


@pytest.mark.parametrize("evidence", ["plain", "gallery"])
@pytest.mark.parametrize("top_k", [1, 20])
@pytest.mark.parametrize("max_distance", [0.0, 0.05, 2.0])
async def test_stored_and_fresh_results_agree_for_any_options(
    fill, identify, fetched, new_progress, evidence, top_k, max_distance
):
    gallery, _ = fill("red", "red", REDDISH, (120, 240, 20), "green", "black", (90, 90, 200))
    await identify(gallery)
    options = MatchOptions(top_k, max_distance, 0.5, evidence)
    fetched()
    again = await identify(gallery, options)
    assert fetched() == 0
    assert await identify(gallery, options, force=True, progress=new_progress("job-2")) == again
    assert fetched() == 7


async def test_after_a_change_of_the_database_nothing_is_fetched(
    fill, identify, fetched, new_progress, build, people, colours, place, people_of, state
):
    gallery, images = fill("red", "green", "blue", "blue")
    await identify(gallery)
    (people / "Blue").rename(people / "Azure")
    build(people)
    fetched()
    with open_recognizer(colours, place) as newer:
        answer = await identify(gallery, recognizer=newer)
        fresh = await identify(gallery, recognizer=newer, force=True, progress=new_progress("job-2"))
    assert people_of(answer)["Azure"] == images[2:]
    assert answer == fresh
    assert fetched() == 4  # of the forced one
    assert state.get_image_fingerprint_faces(images[2])[0]["performer_id"] == "Azure"


async def test_results_of_an_older_analysis_are_analysed_again(fill, identify, fetched, monkeypatch):
    gallery, _ = fill("red", "green")
    with monkeypatch.context() as older:
        older.setattr(parameters, "ANALYSIS", "older")
        await identify(gallery)
    fetched()
    await identify(gallery)
    assert fetched() == 2
    await identify(gallery)
    assert fetched() == 0


async def test_a_swap_midway_leaves_the_job_its_database(
    fill, identify, progress, build, people, colours, place, sees_colours, people_of
):
    gallery, images = fill(*["blue"] * 30)

    def swap(done):
        if done and (people / "Blue").exists():
            (people / "Blue").rename(people / "Azure")
            build(people)

    progress.at_step = swap
    assert people_of(await identify(gallery)) == {"Blue": images}
    with open_recognizer(colours, place) as newer:
        assert people_of(await identify(gallery, recognizer=newer)) == {"Azure": images}


async def test_rejected_people_are_not_listed(fill, identify, state, people_of):
    gallery, images = fill("red", "red", "green")
    await identify(gallery)
    for image in images[:2]:
        state.decide(state.get_image_result(image).faces[0].face_id, "rejected", "Red")
    assert people_of(await identify(gallery)) == {"Green": [images[2]]}


@pytest.mark.parametrize("evidence", ["plain", "gallery"])
async def test_one_rejected_face_that_is_apart_leaves_the_person_the_others(
    fill, identify, state, people_of, evidence
):
    gallery, images = fill("red", "red", REDDISH)
    options = MatchOptions(evidence=evidence, max_distance=0.2)
    await identify(gallery, options)
    face_id = state.get_image_result(images[2]).faces[0].face_id
    state.decide(face_id, "rejected", "Red")
    state.decide(face_id, "apart")
    assert people_of(await identify(gallery, options)) == {"Red": images[:2]}


async def test_a_person_rejected_on_one_face_is_no_name_for_its_track(fill, identify, state, people_of):
    gallery, images = fill("red", "red", "green")
    await identify(gallery)
    state.decide(state.get_image_result(images[0]).faces[0].face_id, "rejected", "Red")
    answer = await identify(gallery)
    assert people_of(answer) == {"Green": [images[2]]}
    assert [one.image_ids for one in answer.unknown] == [tuple(images[:2])]


async def test_one_confirmed_face_names_its_track_and_no_other(fill, identify, state, people_of):
    gallery, images = fill("blue", "blue", "green")
    await identify(gallery)
    state.decide(state.get_image_result(images[0]).faces[0].face_id, "confirmed", "local:77", "New")
    answer = await identify(gallery)
    assert people_of(answer) == {"New": images[:2], "Green": [images[2]]}
    assert [(one.confirmed, one.face_count) for one in answer.performers] == [(True, 2), (False, 1)]


async def test_an_ignored_face_is_in_no_track(fill, identify, state):
    gallery, images = fill("blue", "blue")
    await identify(gallery)
    for image in images:
        state.decide(state.get_image_result(image).faces[0].face_id, "ignored")
    answer = await identify(gallery)
    assert (answer.performers, answer.unknown, answer.faces_detected) == ((), (), 2)


async def test_a_face_that_is_apart_is_judged_alone(fill, identify, state, people_of):
    """Blue was rejected on a face that this one is no longer together with."""
    gallery, images = fill("blue", "blue", "blue")
    await identify(gallery)
    faces = [state.get_image_result(image).faces[0].face_id for image in images]
    state.decide(faces[0], "rejected", "Blue")
    assert [one.image_ids for one in (await identify(gallery)).unknown] == [tuple(images)]
    state.decide(faces[1], "apart")
    answer = await identify(gallery)
    assert people_of(answer) == {"Blue": [images[1]]}
    assert [one.image_ids for one in answer.unknown] == [(images[0], images[2])]


async def test_the_faces_of_a_track_stand_in_the_answer(fill, identify, state):
    gallery, images = fill("red", "blue", "red")
    await identify(gallery)
    faces = {image: state.get_image_result(image).faces[0].face_id for image in images}
    state.decide(faces[images[1]], "rejected", "Blue")
    answer = await identify(gallery)
    (red,), (unknown,) = answer.performers, answer.unknown
    assert dict(zip(red.face_image_ids, red.face_ids, strict=True)) == {
        image: str(faces[image]) for image in (images[0], images[2])
    }
    assert (unknown.face_ids, unknown.face_image_ids) == ((str(faces[images[1]]),), (images[1],))
    assert (red.face_count, red.faces_alone, unknown.verdict) == (2, 2, "unknown")


@pytest.mark.parametrize("evidence", ["plain", "gallery"])
async def test_confirmed_people_are_listed(fill, identify, state, people_of, evidence):
    gallery, images = fill("red", "red", "green")
    options = MatchOptions(evidence=evidence)
    await identify(gallery, options)
    face_id = state.get_image_result(images[2]).faces[0].face_id
    state.decide(face_id, "confirmed", "Red", "Red")
    assert people_of(await identify(gallery, options)) == {"Red": images}
    state.decide(face_id, "confirmed", "local:77", "Nobody Enrolled")
    found = people_of(await identify(gallery, options, force=True))
    assert found == {"Red": images[:2], "Nobody Enrolled": [images[2]]}


async def test_each_person_comes_with_the_reference_of_their_nearest_face(fill, identify, state, colours):
    gallery, images = fill((240, 120, 20), "red", "green", "black")
    answer = await identify(gallery)
    for one, image in zip(answer.performers, (images[1], images[2]), strict=True):
        (match, *_) = state.get_image_result(image).faces[0].candidates
        assert (one.performer_id, one.reference_id) == (match.performer_id, match.reference_id)
    state.decide(state.get_image_result(images[2]).faces[0].face_id, "confirmed", "Red", "Red")
    (red,) = (await identify(gallery)).performers
    assert red.reference_id == answer.performers[0].reference_id
    state.decide(state.get_image_result(images[2]).faces[0].face_id, "confirmed", "local:77", "New")
    assert {one.name: one.reference_id for one in (await identify(gallery)).performers}["New"] is None


async def test_ignored_faces_count_for_nobody(fill, identify, state, people_of):
    gallery, images = fill("red", "green")
    await identify(gallery)
    state.decide(state.get_image_result(images[0]).faces[0].face_id, "ignored")
    assert people_of(await identify(gallery)) == {"Green": [images[1]]}


async def test_an_empty_gallery_is_an_answer_of_zeros(stash, identify, progress):
    gallery = str(stash.library.add_gallery("Empty"))
    answer = await identify(gallery)
    told = dataclasses.asdict(answer)
    named = {name: told.pop(name) for name in ("gallery_id", "db_version", "decisions_revision")}
    assert named["gallery_id"] == gallery
    assert not any(told.values()), told
    assert progress.steps[-1] == (0, 0, 0, 0)


async def test_an_unknown_gallery_is_not_there(identify):
    with pytest.raises(NotInStash):
        await identify("404")


async def test_videos_and_clips_are_skipped_and_told(fill, identify, stash):
    gallery, _ = fill("red")
    clip = stash.library.add_image(b"x", galleries=[int(gallery)], video=True)
    zipped = stash.library.add_image(b"video", galleries=[int(gallery)], path="/data/a.zip/b.mp4")
    answer = await identify(gallery)
    assert [one.image_id for one in answer.skipped] == [str(clip), str(zipped)]
    assert "video" in answer.skipped[1].reason
    assert (answer.images_processed, answer.error_count, answer.total_images) == (1, 0, 3)


async def test_the_result_stands_while_it_runs(fill, identify, progress, stash):
    gallery, _ = fill(*["red"] * 60)
    stash.faults.add(Delay(0.05), where="original")
    seen = []

    def look(done):
        seen.append((done, progress.make()))

    progress.at_step = look
    answer = await identify(gallery)
    json.dumps(seen)
    assert seen[0][1]["total_images"] == 60
    assert progress.make() == answer.as_json()
    assert any(0 < made["images_processed"] <= done for done, made in seen[:-1])


async def test_progress_never_goes_back(fill, identify, progress):
    gallery, _ = fill(*["red", "black"] * 20)
    await identify(gallery)
    assert progress.steps == sorted(progress.steps)
    assert progress.steps[-1][0] == 40


async def test_a_person_waits_for_one_unit_at_most(fill, identify, pool, colours, progress):
    gallery, _ = fill(*["red"] * 200)
    begun = asyncio.Event()
    progress.at_step = lambda done: begun.set() if done > 10 else None
    job = asyncio.create_task(identify(gallery))
    await begun.wait()
    calls = len(colours.engine.calls)
    await pool.run(lambda: None, Lane.INTERACTIVE)
    assert len(colours.engine.calls) - calls <= 2 * pool.workers
    assert not job.done()
    await job


async def test_only_a_handful_is_fetched_at_a_time(fill, identify, stash):
    """Each takes 20 ms, so that more at a time would be done sooner."""
    gallery, _ = fill(*["red"] * 40)
    stash.faults.add(Delay(0.02), where="original")
    began = time.monotonic()
    await identify(gallery)
    assert time.monotonic() - began >= 40 * 0.02 / FETCHERS


async def test_a_state_that_cannot_be_written_costs_only_the_keeping(
    fill, identify, progress, locked, people_of, caplog
):
    gallery, images = fill("red", "red", "green")
    with locked():
        answer = await identify(gallery)
    assert people_of(answer) == {"Red": images[:2], "Green": [images[2]]}
    assert answer.not_stored == 3
    assert any("Not everything could be stored" in one for one in progress.problems)
    assert (await identify(gallery)).not_stored == 0
