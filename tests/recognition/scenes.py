"""Videos made of colours, with the keyframes a test wants; the colour engine takes each colour for a face."""

from concurrent.futures import Future
from itertools import count

import numpy as np

from stash_sense.domain.reasons import Reason, ReasonCode
from stash_sense.errors import UnreadableVideo
from stash_sense.matching.scene_people import SceneEvidence, SceneTrack
from stash_sense.media.video.frames import VideoFrame, VideoInfo

PAINTS = {"red": (30, 30, 255), "green": (30, 255, 30), "blue": (255, 30, 30), "black": (0, 0, 0)}
"""BGR."""


class FakeVideo:
    """shots: colour -> (from, to) in seconds; black elsewhere. Counts what it is asked for."""

    def __init__(self, duration_s, keyframes, shots=(), rate=10.0, says_duration=True, broken=()):
        self.duration_s = duration_s
        self.keyframes = sorted(keyframes)
        self.shots = shots
        self.broken = broken
        self.info = VideoInfo(duration_s if says_duration else None, 80, 60, "h264", "mov", rate)
        self.name = "clip.mp4"
        self.asked = {"keyframe": 0, "exact": 0, "through": 0}

    def keyframe_at(self, time_s):
        self.asked["keyframe"] += 1
        return self._frame(max([key for key in self.keyframes if key <= time_s] or self.keyframes[:1]))

    def frame_at(self, time_s):
        self.asked["exact"] += 1
        return self._frame(time_s)

    def frames(self, from_s, to_s, step_s):
        for step in count():
            time_s = from_s + step * step_s
            if time_s > to_s or time_s >= self.duration_s:
                return
            self.asked["through"] += 1
            yield self._frame(time_s)

    def _frame(self, time_s):
        if any(start <= time_s < end for start, end in self.broken):
            raise UnreadableVideo("clip.mp4: decoding it failed twice.")
        colour = next((name for name, start, end in self.shots if start <= time_s < end), "black")
        pixels = np.full((30, 40, 3), PAINTS[colour], np.uint8)
        return VideoFrame(time_s, pixels, np.array([2, 2], np.float32), time_s in self.keyframes)


def at_once(work):
    """Submit work to nobody: it is done at once."""
    future = Future()
    future.set_result(work())
    return future


def judge_as(status="match", moments=10):
    """A judge who takes each colour for a track with this status, seen at so many moments."""

    def judge(frames, duration_s):
        by_colour = {}
        for at, frame in enumerate(frames):
            for face in frame.faces:
                by_colour.setdefault(int(face.embeddings["arcface"].argmax()), []).append((at, 0))
        tracks = tuple(track_of(faces, status, moments) for faces in by_colour.values())
        return SceneEvidence(tracks, ()) if status == "match" else SceneEvidence((), tracks)

    return judge


def track_of(faces, status="match", moments=10, matches=()):
    reason = Reason(ReasonCode.NEAREST)
    return SceneTrack(tuple(faces), status, reason, None, matches, (), 0.5, moments, faces[0], (), {})
