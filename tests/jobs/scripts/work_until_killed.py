"""Work through jobs until killed, submitting some first; say what begins and ends."""

import asyncio
import sys
from pathlib import Path

from stash_sense.jobs.queue import JobQueue
from stash_sense.store.repositories import jobs_file

jobs_file.MAX_CRASHES = 1000  # it is killed from outside, and none of its jobs is at fault

STEPS = 5


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def work(progress, parameters):
    tell(f"begin {parameters['n']} {progress.job_id}")
    progress.start("Working", STEPS)
    for step in range(STEPS):
        progress.update(step)
        await asyncio.sleep(0.01)
    tell(f"end {parameters['n']} {progress.job_id}")
    return {"n": parameters["n"]}


async def main(place: Path, jobs: int) -> None:
    queue = JobQueue(place, {"count": work})
    await queue.start()
    tell("ready")
    for n in range(jobs):
        tell(f"asked {n} {await queue.submit('count', f'thing:{n}', {'n': n})}")
    for job in await queue.list(limit=1000):
        await queue.wait(job.job_id)
    tell("all done")
    await queue.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
