"""Images on which a performer alone is tagged."""

from stash_sense.enrolment.stash import stash_report_json
from stash_sense.enrolment.stash_photos import IMAGES_PER_PERSON

from .conftest import BLACK, BLUE, RED, enrolled, picture


class TestImages:
    """With images on which one person alone is tagged."""

    async def test_only_images_with_this_performer_alone_are_taken(self, enrol, three, stash, place):
        stash.library.add_image(picture((250, 60, 60)), performers=[1])
        stash.library.add_image(picture((240, 60, 60)), performers=[1, 2])
        stash.library.add_image(picture((230, 60, 60)))
        stash.library.add_image(b"mp4", performers=[1], video=True, size=(10, 10))
        done = await enrol(with_images=True)
        assert enrolled(place) == {"Ann": 2, "Bea": 1}
        assert stash.record.counts["original"] == 1
        assert done.analyzed == 3

    async def test_without_being_asked_none_is_looked_at(self, enrol, three, stash):
        stash.library.add_image(picture(RED), performers=[1])
        await enrol()
        assert stash.record.counts["original"] == 0
        assert stash.record.counts["FindImages"] == 0

    async def test_somebody_without_a_portrait_is_known_by_images(self, enrol, three, stash, place):
        stash.library.add_image(picture(BLUE), performers=[3])
        await enrol(with_images=True)
        assert enrolled(place) == {"Ann": 1, "Bea": 1, "Cleo": 1}

    async def test_no_more_than_so_many_a_person(self, enrol, three, stash):
        for number in range(IMAGES_PER_PERSON + 5):
            stash.library.add_image(picture((255, 30, 30 + number)), performers=[1])
        await enrol(with_images=True)
        assert stash.record.counts["original"] == IMAGES_PER_PERSON

    async def test_tagging_other_things_fetches_nothing_again(self, enrol, three, stash):
        image = stash.library.add_image(picture((250, 60, 60)), performers=[1])
        first = await enrol(with_images=True)
        with stash.library.lock:
            stash.library.images[image].updated_at = stash.library.now()
        stash.record.forget()
        again = await enrol(with_images=True)
        assert stash.record.counts["original"] == 0
        assert again.version == first.version

    async def test_a_wrong_tag_is_quarantined_and_judged_again_when_things_change(
        self, enrol, three, stash, place, colours
    ):
        for colour in (RED, (250, 60, 60)):
            stash.library.add_image(picture((colour[0], colour[1], 45)), performers=[1])
        wrong = stash.library.add_image(picture((60, 250, 60)), performers=[1])
        done = await enrol(with_images=True)
        assert [(photo.person.name, photo.path) for photo in done.quarantined] == [
            ("Ann", f"stash:image/{wrong}")
        ]
        assert "more like Bea" in done.quarantined[0].reason
        assert enrolled(place) == {"Ann": 3, "Bea": 1}

        again = await enrol(with_images=True)
        assert again.quarantined == done.quarantined
        assert (again.analyzed, again.version) == (0, done.version)

        del stash.library.performers[2]
        stash.record.forget()
        last = await enrol(with_images=True)
        assert stash.record.counts["original"] == 0
        assert last.quarantined == ()
        assert [(photo.path, photo.code) for photo in last.skipped] == [(f"stash:image/{wrong}", "not-sure")]
        assert enrolled(place) == {"Ann": 3}

    async def test_an_uncalibrated_pack_judges_nobody(self, enrol, three, stash, make_pack):
        stash.library.add_image(picture((60, 250, 60)), performers=[1])
        done = await enrol(pack=make_pack(calibrated=False), with_images=True)
        assert done.quarantined == ()

    async def test_the_result_is_json_and_can_be_cut(self, enrol, three, stash):
        stash.library.add_performer("Dora", image=picture(BLACK))
        stash.library.add_performer("Else", image=picture(BLACK))
        done = stash_report_json(await enrol(), 1)
        assert (len(done["skipped"]), done["skipped_count"]) == (1, 2)
        assert done["skipped"][0]["why"] == "no face found"
