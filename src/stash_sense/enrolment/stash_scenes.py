"""Scenes of a person alone, taken into a build: a few frames of each, if the same one face shows on all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from stash_sense.domain.identity import picture_stamp
from stash_sense.enrolment.build import DatabaseBuild
from stash_sense.enrolment.known_faces import SCENE
from stash_sense.enrolment.performers import StashPerson
from stash_sense.enrolment.quarantine import reference_distances
from stash_sense.enrolment.references import NewPhoto, only_face
from stash_sense.enrolment.selection import choose_to_differ
from stash_sense.enrolment.set_aside import NO_FACE, faces_that_differ, is_left_out, reason_code
from stash_sense.errors import NoVideo, StashError, StashSenseError, UnreadableVideo
from stash_sense.facedb.analyzed_photos import ReferencePhoto, StoredPhoto
from stash_sense.facedb.layout import Photo
from stash_sense.jobs.workers import Lane, WorkPool
from stash_sense.matching.tracks import JOIN_DISTANCE
from stash_sense.media.video.reader import VideoReader
from stash_sense.recognition.scene_video import SceneVideo, video_file
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import DEFAULT_OUTAGE_LIMITS, ResilientStash
from stash_sense.stash.scenes import StashScene

SCENES_PER_PERSON = 4
"""Scenes looked at, the oldest first: their faces differ more than those of one, and each costs seconds."""

FRAMES_PER_SCENE = 12
"""Keyframes looked at, spread over the scene."""

_QUALITY = 95


FRAMES_KEPT = 4
"""Frames of one scene among which references are chosen: the best one, and those that differ most."""


@dataclass(frozen=True, slots=True, eq=False)
class StashScenes:
    """Takes scenes on which a person alone is tagged into a build.

    known: scene id -> its frames as the last build knew them. guarded: takes a picture into the build, or
    notes why it cannot be had now. on_outage: called with a message when waiting for Stash begins.
    """

    client: StashClient
    pool: WorkPool
    build: DatabaseBuild
    known: Mapping[str, Sequence[StoredPhoto]]
    guarded: Callable[[str, Awaitable[None]], Awaitable[None]]
    on_outage: Callable[[str], None]

    async def frames_of(self, person: StashPerson) -> list[str]:
        """The paths of frames that show the person, each taken into the build."""
        alone = {
            "performers": {"value": [each.id for each in person.performers], "modifier": "INCLUDES"},
            "performer_count": {"value": 1, "modifier": "EQUALS"},
        }
        paths: list[str] = []
        for scene in await self.client.first_scenes(alone, SCENES_PER_PERSON):
            failed = f"{SCENE}{scene.id}@0"
            await self.guarded(failed, self._take(scene, person.person.key, paths))
            if failed in self.build.failed and failed not in paths:
                paths.append(failed)  # so that the report names the scene
        return paths

    async def _take(self, scene: StashScene, owner: str, paths: list[str]) -> None:
        """Take frames of a scene into the build, and append their paths."""
        try:
            file = video_file(scene)
        except NoVideo:
            return
        fingerprints = [(each.type, each.value) for each in file.fingerprints]
        stamp = picture_stamp(fingerprints, file.path, file.size, file.mod_time)
        known = self.known.get(scene.id, ())
        if known and all(_is_of(each, stamp) and not is_left_out(each.photo.skipped) for each in known):
            self._keep(known, paths)
            return
        photo = Photo(f"{SCENE}{scene.id}@0", stamp, owner)
        try:
            frames = await self._look(scene)
        except NoVideo as error:  # its drive may come back
            self.build.fail(photo.path, str(error))
            self._keep(known, paths)
            return
        except StashError:
            self._keep(known, paths)
            raise
        except StashSenseError as error:
            paths.append(photo.path)
            self.build.note(replace(photo, skipped=str(error)))
            return
        found = await self._analyze(
            [
                (replace(photo, path=f"{SCENE}{scene.id}@{at}", stamp=f"{stamp}@{at}"), jpeg)
                for at, jpeg in frames
            ]
        )
        reason, best = await asyncio.to_thread(self._judge, found)
        if reason:
            paths.append(photo.path)
            self.build.note(replace(photo, skipped=reason))
            return
        for stored in best:
            self.build.record(stored.photo.path, stored)
            paths.append(stored.photo.path)

    def _keep(self, known: Sequence[StoredPhoto], paths: list[str]) -> None:
        """Leave the frames of a scene as the last build took them."""
        self.build.photos |= {each.photo.path: each for each in known}
        paths += [each.photo.path for each in known]

    async def _look(self, scene: StashScene) -> list[tuple[int, bytes]]:
        """(milliseconds, JPEG) of keyframes spread over the scene."""
        stash = ResilientStash(self.client, DEFAULT_OUTAGE_LIMITS, self.on_outage)
        video = SceneVideo(scene, stash, self.pool)

        def read(reader: VideoReader, _source: str) -> list[tuple[int, bytes]]:
            frames: dict[int, bytes] = {}
            step = (reader.info.duration_s or 0.0) / FRAMES_PER_SCENE
            for number in range(FRAMES_PER_SCENE):
                video.check()
                try:
                    frame = reader.keyframe_at((number + 0.5) * step)
                except UnreadableVideo:
                    if number == FRAMES_PER_SCENE - 1 and not frames:
                        raise
                    continue
                if frame is not None:
                    _, jpeg = cv2.imencode(".jpg", frame.pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
                    frames.setdefault(round(1000 * frame.time_s), jpeg.tobytes())
            return list(frames.items())

        return await video.look("auto", read)

    async def _analyze(self, frames: Sequence[tuple[Photo, bytes]]) -> list[StoredPhoto]:
        new = [NewPhoto(photo, jpeg, only_face) for photo, jpeg in frames]
        found = await self.pool.run(partial(self.build.analyze, new), Lane.BACKGROUND)
        return [photo for photo in found if isinstance(photo, StoredPhoto)]

    def _judge(self, frames: Sequence[StoredPhoto]) -> tuple[str, list[StoredPhoto]]:
        """Why no reference is taken from a scene, or the frames to choose references from."""
        several = [each for each in frames if reason_code(each.photo.skipped) == "several-faces"]
        if several:
            return several[0].photo.skipped, []
        usable = [each for each in frames if not each.photo.skipped]
        if not usable:
            return next((each.photo.skipped for each in frames if each.photo.skipped != NO_FACE), NO_FACE), []
        loaded = [each.load() for each in usable]
        distances = reference_distances(
            np.stack([each.vector for each in loaded if each.vector is not None]), self.build.pack
        )
        if not _is_one_track(distances):
            return faces_that_differ(len(usable)), []
        best_first = sorted(
            range(len(usable)),
            key=lambda index: -_quality(loaded[index]),
        )
        return "", [usable[index] for index in choose_to_differ(distances, [], best_first, FRAMES_KEPT)]


def _is_one_track(distances: NDArray[np.floating]) -> bool:
    """Whether the faces hang together. distances: (n, n)."""
    reached, fresh = {0}, [0]
    while fresh:
        near = np.flatnonzero(distances[fresh.pop()] <= JOIN_DISTANCE).tolist()
        fresh += [index for index in near if index not in reached]
        reached |= set(near)
    return len(reached) == len(distances)


def _is_of(stored: StoredPhoto, stamp: str) -> bool:
    """Whether a frame is of the video with this stamp."""
    return stored.photo.stamp.partition("@")[0] == stamp


def _quality(photo: ReferencePhoto) -> float:
    return photo.reference.quality if photo.reference else 0.0
