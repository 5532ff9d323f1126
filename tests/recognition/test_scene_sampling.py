"""Which frames of a scene are looked at, and why no more."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakes.videos import write_video
from stash_sense.errors import Cancelled, UnreadableVideo
from stash_sense.media.video.reader import VideoReader
from stash_sense.recognition.scene_analysis import FRAMES_PER_BATCH
from stash_sense.recognition.scene_sampling import (
    DECODED_FRAMES,
    MOST_FAILURES,
    SPREAD,
    SamplingOptions,
    sample_scene,
)

from .scenes import FakeVideo, at_once, judge_as


@pytest.fixture
def sample(colours):
    def sample(video, max_frames=120, judge=None, on_frames=lambda new: None, submit=at_once, **options):
        return sample_scene(
            video,
            colours.engine,
            SamplingOptions(max_frames),
            judge=judge or judge_as(),
            on_frames=on_frames,
            submit=submit,
            **options,
        )

    return sample


def times(result):
    return [frame.time_s for frame in result.frames]


def every(step, duration_s):
    return [at * step for at in range(int(duration_s / step))]


HOUR = 3600.0


def test_keyframes_all_over_the_scene_come_first(sample):
    rounds = []
    result = sample(FakeVideo(96.0, every(1.0, 96)), on_frames=rounds.append)
    assert times(result) == [4.0 * at for at in range(SPREAD)]
    assert result.stopped == "settled"
    assert [len(new) for new in rounds] == [FRAMES_PER_BATCH] * (SPREAD // FRAMES_PER_BATCH)


def test_boxes_are_in_pixels_of_the_upright_video(sample):
    result = sample(FakeVideo(10.0, every(0.1, 10), [("red", 0, 10)]))
    assert {(frame.width, frame.height) for frame in result.frames} == {(80, 60)}
    assert result.frames[0].faces[0].box.tolist() == [0, 0, 80, 60]


def test_no_gap_stays_wider_than_eight_seconds(sample):
    result = sample(FakeVideo(400.0, every(1.0, 400)))
    gaps = [after - before for before, after in zip(times(result), times(result)[1:], strict=False)]
    assert max(gaps) <= 9  # to the next keyframe
    assert result.stopped == "settled"


def test_the_change_from_one_person_to_another_is_found(sample):
    shots = [("red", 0, 101), ("green", 101, 180)]
    result = sample(FakeVideo(180.0, every(0.5, 180), shots))
    before = max(time_s for time_s in times(result) if time_s < 101)
    after = min(time_s for time_s in times(result) if time_s >= 101)
    assert after - before <= 2


def test_frames_around_a_person_who_is_not_settled_are_a_second_apart(sample):
    shots = [("red", 100, 112)]
    result = sample(FakeVideo(180.0, every(0.5, 180), shots), judge=judge_as("ambiguous", moments=1))
    inside = [time_s for time_s in times(result) if 100 <= time_s < 112]
    assert len(inside) >= 10
    assert len(times(result)) < 60


def test_a_long_scene_ends_with_the_most_frames_allowed(sample):
    result = sample(FakeVideo(HOUR, every(2.0, HOUR)), max_frames=50)
    assert (len(result.frames), result.stopped) == (50, "max-frames")


def test_a_scene_four_times_as_long_costs_no_more(sample):
    hour, four_hours = (FakeVideo(hours * HOUR, every(2.0, hours * HOUR)) for hours in (1, 4))
    sample(hour)
    sample(four_hours)
    assert sum(four_hours.asked.values()) <= sum(hour.asked.values()) * 1.2
    assert sum(hour.asked.values()) <= 130


def test_a_short_scene_with_scarce_keyframes_is_read_through(sample):
    video = FakeVideo(20.0, [0.0], [("red", 11, 12.2)])
    result = sample(video)
    assert result.stopped == "all-frames"
    assert times(result) == every(0.5, 20)
    assert [frame.time_s for frame in result.frames if frame.faces] == [11, 11.5, 12]


def test_reading_through_keeps_to_the_most_frames_allowed(sample):
    result = sample(FakeVideo(40.0, [0.0]), max_frames=20)
    assert len(result.frames) <= 20
    assert times(result)[-1] > 30


def test_a_long_scene_with_scarce_keyframes_is_sought_around_open_tracks(sample):
    video = FakeVideo(HOUR, every(120.0, HOUR), [("red", 1200, 1203)])
    result = sample(video, judge=judge_as("ambiguous", moments=1))
    assert result.stopped == "scarce-keyframes"
    assert any(1200 < time_s < 1203 for time_s in times(result))
    assert video.asked["through"] == 0


def test_exact_seeks_decode_only_so_much(sample):
    cost = []

    class Counted(FakeVideo):
        def frame_at(self, time_s):
            cost.append((time_s % 120) * 30)
            return super().frame_at(time_s)

    video = Counted(HOUR, every(120.0, HOUR), [("red", 0, HOUR)], rate=30.0)
    sample(video, judge=judge_as("ambiguous", moments=1))
    assert 0 < sum(cost) <= DECODED_FRAMES


def test_a_scene_that_does_not_say_how_long_it_is_ends_with_its_last_keyframe(sample):
    result = sample(FakeVideo(96.0, every(1.0, 96), says_duration=False))
    assert (result.duration_s, times(result)[-1] > 90) == (95.0, True)


def test_a_scene_of_one_frame_is_looked_at_once(sample):
    result = sample(FakeVideo(0.04, [0.0], [("red", 0, 1)]))
    assert times(result) == [0.0]


def test_known_frames_are_not_read_again(sample):
    shots = [("red", 30, 60)]
    whole = sample(FakeVideo(96.0, every(1.0, 96), shots))
    half = whole.frames[: len(whole.frames) // 2]
    new = []
    again = sample(FakeVideo(96.0, every(1.0, 96), shots), known=half, on_frames=new.extend)
    assert times(again) == times(whole)
    assert not {frame.time_s for frame in new} & {frame.time_s for frame in half}


def test_a_known_scene_is_not_read_at_all(sample):
    whole = sample(FakeVideo(96.0, every(1.0, 96)))
    video = FakeVideo(96.0, every(1.0, 96))
    assert times(sample(video, known=whole.frames)) == times(whole)
    assert video.asked["keyframe"] <= 1


def test_a_cancelled_run_ends_at_once(sample):
    video, batches = FakeVideo(HOUR, every(2.0, HOUR)), []

    def on_frames(new):
        batches.append(new)
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        sample(video, on_frames=on_frames)
    assert len(batches) == 1
    assert video.asked["keyframe"] <= SPREAD


def test_a_damaged_part_does_not_cost_the_rest(sample):
    result = sample(FakeVideo(96.0, every(1.0, 96), broken=[(40, 44.5)]))
    assert len(result.frames) >= SPREAD - 2
    assert result.stopped != "unreadable"


def test_a_file_that_is_damaged_to_its_end_is_given_up(sample):
    video = FakeVideo(96.0, every(1.0, 96), broken=[(40, 96)])
    result = sample(video)
    assert (times(result)[-1] < 40, result.stopped) == (True, "unreadable")
    assert video.asked["keyframe"] <= 10 + 1 + MOST_FAILURES


def test_a_video_without_a_readable_frame_is_an_error(sample):
    with pytest.raises(UnreadableVideo):
        sample(FakeVideo(96.0, every(1.0, 96), broken=[(0, 96)]))


@pytest.mark.parametrize("duration_s", [20.0, HOUR])
def test_a_video_of_which_nothing_is_decoded_is_an_error(sample, duration_s):
    class Empty(FakeVideo):
        def _frame(self, time_s):
            return None

        def frames(self, from_s, to_s, step_s):
            return iter(())

    with pytest.raises(UnreadableVideo, match=r"clip\.mp4: none of its frames"):
        sample(Empty(duration_s, [0.0]))


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Twelve seconds: red, then nobody, then green; a keyframe every second."""
    path = tmp_path_factory.mktemp("scenes") / "clip.mp4"
    colours = [(0, 0, 255), (0, 0, 0), (0, 255, 0)]
    pictures = [np.full((120, 160, 3), colour, np.uint8) for colour in colours for _ in range(40)]
    return write_video(path, pictures=pictures, rate=10, gop=10)


def test_a_real_video_is_sampled_with_real_workers(sample, clip):
    with VideoReader(clip) as video, ThreadPoolExecutor(2) as pool:
        result = sample(video, submit=pool.submit)
    assert times(result) == [float(second) for second in range(12)]
    seen = {frame.time_s: len(frame.faces) for frame in result.frames}
    assert seen == {float(second): int(not 4 <= second < 8) for second in range(12)}
    assert result.frames[0].faces[0].box.tolist() == [0, 0, 160, 120]
