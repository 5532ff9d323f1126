"""Work on a job until it ends the program; where told so, the job gets one step further each time."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from stash_sense.jobs.queue import JobQueue


async def main(place: Path, *, further: bool) -> None:
    async def deadly(progress, parameters):
        steps = place.with_suffix(".steps")
        progress.start("Working", 100)
        if further:
            progress.update(steps.stat().st_size)
            with steps.open("a") as kept:
                kept.write(".")
        await asyncio.sleep(0.3)  # a crash comes in the midst of it
        os.kill(os.getpid(), signal.SIGKILL)

    async def fine(progress, parameters):
        return {}

    queue = JobQueue(place, {"deadly": deadly, "fine": fine})
    await queue.start()
    for job in await queue.list():
        await queue.wait(job.job_id)
    await queue.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), further=sys.argv[2] == "further"))
