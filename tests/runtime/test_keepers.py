"""What a running sidecar keeps open beside its requests: cancelled or failing at a bad moment."""

import asyncio
from pathlib import Path

import pytest

from stash_sense.domain.progress import Silent
from stash_sense.errors import StateError
from stash_sense.facedb.database import current_version
from stash_sense.runtime import engine
from stash_sense.runtime.jobs_in_use import JobsInUse
from stash_sense.runtime.keeper import RecognizerKeeper
from stash_sense.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path, pack_dir, pack):
    (tmp_path / "models").symlink_to(pack_dir / "models")
    return Settings(DATA_DIR=tmp_path, _env_file=None)


async def test_a_look_that_is_cancelled_loses_no_new_database(settings, samples, pack):
    keeper = RecognizerKeeper(settings)
    place = engine.database_place(settings)
    await keeper.look()
    assert keeper.in_use.current is None
    for person in sorted((samples / "people").iterdir()):
        folder = settings.data_dir / person.name
        folder.mkdir()
        (folder / person.name).symlink_to(person)
        await asyncio.to_thread(engine.enrol, settings, [folder], place, pack, Silent())
        looking = asyncio.create_task(keeper.look())
        while not keeper._looking.locked():  # noqa: ASYNC110 - a lock knows no event
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)  # its thread is at work
        looking.cancel()
        await asyncio.wait({looking})
        await keeper.look()
        assert keeper.in_use.current.database.manifest.version == current_version(place)
    await keeper.stop()
    keeper.in_use.replace(None)


async def test_jobs_that_cannot_be_opened_for_an_unknown_reason_are_told_at_once(tmp_path):
    jobs = JobsInUse(Path(f"{tmp_path}/with\0nul"), {})
    jobs.start()
    with pytest.raises(StateError, match="the log has more"):
        await asyncio.wait_for(jobs.opened(), 5)
    await jobs.close()
