"""Many scenes one after another leave nothing behind."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

WARM_UP = 2

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children() -> set[str]:
    """The processes that this one has begun and that are still there, ended or not."""
    return {
        number
        for task in Path("/proc/self/task").iterdir()
        for number in (task / "children").read_text().split()
    }


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.slow
async def test_scenes_in_a_row_leave_no_process_descriptor_or_file(
    look_at_scene, add_scene, new_progress, torture, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    count = 200 if torture else 4
    before = (0, set(), 0.0)
    for number in range(count):
        if number == WARM_UP:
            before = (descriptors(), children(), resident_megabytes())
        scene = add_scene(fingerprints={"oshash": f"scene {number}"})
        answer = await look_at_scene(scene, progress=new_progress(f"job-{number}"))
        assert len(answer.persons) == 2
    assert descriptors() <= before[0] + 2  # a connection to Stash may stay open
    assert children() <= before[1]
    assert list((tmp_path / "temporary").iterdir()) == []
    if torture:
        assert resident_megabytes() < before[2] + 60
