"""Builds from folders that are stopped, killed, out of disk, or two at once."""

import os
import random
import subprocess
import sys
import threading
import time

import pytest

from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment import build as build_module
from stash_sense.enrolment.folder import build_from_folders
from stash_sense.errors import Cancelled, WriteFailed
from stash_sense.facedb import analyzed_photos
from stash_sense.facedb.database import FaceDatabase, current_version
from stash_sense.recognition.analysis import analyze_pictures

from .conftest import skipped

pytestmark = pytest.mark.slow


def test_a_photo_gone_between_listing_and_reading_is_reported(build, people, monkeypatch, enrolled):
    def vanishing(paths, engine, **options):
        (people / "Green" / "1.png").unlink(missing_ok=True)
        return analyze_pictures(paths, engine, **options)

    monkeypatch.setattr(build_module, "analyze_pictures", vanishing)
    report = build(people)
    assert "no such file" in skipped(report)[0][1]
    assert enrolled() == {"Blue": 1, "Red": 2}


@pytest.mark.parametrize("error", [Cancelled("stop"), KeyboardInterrupt()])
def test_stopping_leaves_the_old_database_and_no_thread(
    build, people, photo, progress, place, enrolled, worker_threads, error
):
    build(people)
    for i in range(60):
        photo(people / "New" / f"{i}.png")
    with pytest.raises(type(error)):
        build(people, progress=progress(stop_after=3, error=error))
    assert worker_threads() == []
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}
    assert not list(place.glob(".building-*"))


def test_two_builds_in_two_threads_both_end_well(people, place, make_pack, enrolled):
    reports = []
    threads = [
        threading.Thread(
            target=lambda: reports.append(build_from_folders([people], place, make_pack(), NoProgress()))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(report.analyzed for report in reports) == [0, 0, 4]
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}


TWO_AT_ONCE = """
import sys
from pathlib import Path
from stash_sense.domain.progress import NoProgress
from stash_sense.runtime.from_settings import enrol, open_pack
from stash_sense.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]))
place = Path(sys.argv[3])
report = enrol(settings, [Path(sys.argv[2])], place, open_pack(settings), NoProgress())
print(report.people, report.faces)
"""


def test_two_processes_at_once_with_the_real_pack_both_end_well(pack, pack_dir, samples, tmp_path, python):
    command = [python, "-c", TWO_AT_ONCE, pack_dir, samples / "people", tmp_path / "database"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [process.communicate(timeout=60) for process in processes]
    assert answers == [("3 3\n", "")] * 2
    with FaceDatabase.open(tmp_path / "database") as database:
        assert {database.person(i).name for i in range(3)} == {"Barack Obama", "Eileen Collins", "Joe Biden"}


def test_after_an_interrupted_build_only_the_other_photos_are_analyzed(build, people, photo, progress, place):
    for i in range(60):
        photo(people / "New" / f"{i}.png")
    with pytest.raises(Cancelled):
        build(people, progress=progress(stop_after=30))
    assert current_version(place) is None
    report = build(people)
    assert (report.faces, report.analyzed + report.reused) == (64, 64)
    assert report.analyzed <= 34
    assert not list(place.glob(f"{analyzed_photos.SPOOL_PREFIX}*"))


KILLED = """
import sys, time
from pathlib import Path
from fakes.colours import colour_pack
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders

class Slow(NoProgress):
    def update(self, done, *, faces=0, people=0):
        print("tick", flush=True)
        time.sleep(0.05)

build_from_folders([Path(sys.argv[1])], Path(sys.argv[2]), colour_pack(), Slow())
"""


def test_after_a_kill_the_old_database_is_whole_and_little_is_analyzed_again(
    build, people, photo, place, python, enrolled
):
    build(people)
    for i in range(60):
        photo(people / "New" / f"{i}.png")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [python, "-c", KILLED, people, place], stdout=subprocess.PIPE, text=True, env=environment
    )
    for _ in range(20):
        assert process.stdout.readline() == "tick\n"
    process.kill()
    process.communicate(timeout=60)
    assert enrolled() == {"Blue": 1, "Green": 1, "Red": 2}
    report = build(people)
    assert report.analyzed <= 40
    assert enrolled() == {"Blue": 1, "Green": 1, "New": 60, "Red": 2}


UPDATES = """
import asyncio, sys
from pathlib import Path
from fakes.colours import colour_pack
from stash_sense.domain.progress import NoProgress
from stash_sense.enrolment.folder import build_from_folders, folder_report_json
from stash_sense.enrolment.source_ids import update_sources

place, changing, other = map(Path, sys.argv[1:])
photo, away = changing / "Red" / "2.png", changing.parent / "2.png"

async def update(source):
    return folder_report_json(build_from_folders([Path(source)], place, colour_pack(), NoProgress()))

print("started", flush=True)
while True:
    photo.rename(away) if photo.exists() else away.rename(photo)
    asyncio.run(update_sources([str(changing), str(other)], {"folder": update}))
"""


def test_an_update_killed_at_any_moment_leaves_a_whole_database(
    build, people, photo, place, python, enrolled, torture
):
    other = people.parent / "others"
    photo(other / "New" / "1.png")
    build(people)
    build(other)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(50 if torture else 3):
        process = subprocess.Popen(
            [python, "-c", UPDATES, place, people, other], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout.readline() == b"started\n"
        time.sleep(random.Random().uniform(0, 0.2))
        process.kill()
        process.communicate()
        assert enrolled() in [{"Blue": 1, "Green": 1, "New": 1, "Red": red} for red in (1, 2)]
    build(other)
    assert not list(place.glob(".building-*"))


def test_a_full_disk_is_reported_and_the_old_database_whole(build, people, photo, place, monkeypatch):
    first = build(people)
    photo(people / "Red" / "3.png")
    monkeypatch.setattr(
        analyzed_photos, "_pack", lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(WriteFailed, match="no space left"):
        build(people)
    assert current_version(place) == first.version
    assert not list(place.glob(".building-*"))
