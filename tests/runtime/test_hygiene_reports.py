"""One comparison of a face database at a time, however many ask for it while databases are swapped."""

import asyncio
import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace

from stash_sense.enrolment.hygiene import HygieneReport
from stash_sense.runtime import hygiene_reports
from stash_sense.runtime.hygiene_reports import HygieneReports


async def test_two_who_ask_after_a_swap_wait_for_one_comparison(tmp_path, monkeypatch):
    begun, comparing = [], threading.Event()

    def inspect(database, _, progress):
        begun.append(database.manifest.version)
        comparing.set()
        while begun == ["old"]:
            progress.update(0)
        return HygieneReport(database.manifest.version, 0)

    def recognizer(version):
        manifest = SimpleNamespace(version=version, faces=0)
        return SimpleNamespace(database=SimpleNamespace(manifest=manifest, folder=tmp_path / "v"), pack=None)

    @asynccontextmanager
    async def lease():
        yield recognition.current

    monkeypatch.setattr(hygiene_reports, "inspect_references", inspect)
    recognition = SimpleNamespace(current=recognizer("old"), lease=lease)
    reports = HygieneReports(SimpleNamespace(recognition=recognition))
    first = asyncio.create_task(reports.current(recognition.current))
    await asyncio.to_thread(comparing.wait)
    new = recognition.current = recognizer("new")
    both = await asyncio.gather(reports.current(new), reports.current(new))
    assert [hygiene.report for hygiene in both] == [HygieneReport("new", 0)] * 2
    assert begun == ["old", "new"]
    await first
    await reports.close()
