"""The kinds of jobs: what each does with its parameters."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from stash_sense.enrolment.stash import build_from_stash
from stash_sense.jobs.run import JobReport, JobWork
from stash_sense.jobs.workers import WorkPool
from stash_sense.recognition.answers import as_json
from stash_sense.recognition.evidence import MatchOptions
from stash_sense.recognition.gallery import identify_gallery
from stash_sense.recognition.parameters import Tools
from stash_sense.recognition.recognizer import FaceRecognizer
from stash_sense.recognition.state_in_use import StateInUse
from stash_sense.runtime.engine import database_place, media_limits
from stash_sense.runtime.keeper import RecognizerKeeper
from stash_sense.runtime.stash import PATIENT
from stash_sense.runtime.stash_watch import not_configured
from stash_sense.settings import Settings
from stash_sense.stash.client import StashClient
from stash_sense.stash.outage import OutageLimits
from stash_sense.stash.types import Source

LEFT_OUT_TOLD = 1000
"""Pictures that a build did not take, told in its result; their number always is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an image or a gallery."""

    knobs: MatchOptions
    force: bool = False
    source: Source = "original"


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """What the work needs. stash: None where STASH_URL is set to empty. patience: of jobs with it."""

    settings: Settings
    stash: StashClient | None
    state: StateInUse
    recognition: RecognizerKeeper
    pool: WorkPool
    patience: OutageLimits

    def need_stash(self) -> StashClient:
        """The client of Stash. Raises StashNotConfigured."""
        if self.stash is None:
            raise not_configured()
        return self.stash

    def kinds(self) -> dict[str, JobWork]:
        """The jobs by their names."""
        return {"gallery": self._gallery, "database": self._database}

    @asynccontextmanager
    async def at_hand(self) -> AsyncIterator[tuple[FaceRecognizer, Tools]]:
        """The recognizer, leased, and the tools. Raises what says which of them is not there, and why."""
        stash = self.need_stash()
        with (await self.recognition.opened()).lease() as recognizer:
            state = await self.state.opened()
            yield recognizer, Tools(stash, state, self.pool, media_limits(self.settings))

    async def _gallery(self, report: JobReport, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        # A job that goes on after a restart is there before what it works with.
        await self.recognition.first_look.wait()
        await self.state.first_look.wait()
        wanted = from_json(asked)
        async with self.at_hand() as (recognizer, tools):
            answer = await identify_gallery(
                asked["gallery_id"],
                recognizer,
                wanted.knobs,
                tools,
                report,
                force=wanted.force,
                source=wanted.source,
                patience=self.patience,
            )
        return as_json(answer)

    async def _database(self, report: JobReport, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        await self.recognition.first_look.wait()
        build = await build_from_stash(
            self.need_stash().with_limits(replace(PATIENT, media_bytes=self.settings.max_bytes)),
            database_place(self.settings),
            await self.recognition.pack(),
            report,
            pool=self.pool,
            with_images=asked["images"],
            limits=media_limits(self.settings),
        )
        await self.recognition.look()  # whoever waited for it wants to use it
        return build.as_json(LEFT_OUT_TOLD)


def to_json(asked: Asked) -> dict[str, Any]:
    """As a job keeps it."""
    return asdict(asked)


def from_json(asked: Mapping[str, Any]) -> Asked:
    """What `to_json` made."""
    return Asked(MatchOptions(**asked["knobs"]), asked["force"], asked["source"])
