"""stash_process.py, begun and asked: the Stash that the sidecar is measured with."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().parent / "stash_process.py"


@dataclass(slots=True)
class Stash:
    """A Stash in a process of its own. gallery, others: ids of its gallery, and of images in none."""

    process: subprocess.Popen[str]
    url: str
    gallery: str
    others: list[str]
    cpu_s: float = 0.0

    def ask(self, what: str = "counts") -> dict[str, Any]:
        """What was asked of it since the last time; cpu_s: processor seconds that it took meanwhile."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        answer["cpu_s"], self.cpu_s = answer["cpu_s"] - self.cpu_s, answer["cpu_s"]
        return answer


@contextmanager
def stand_in(folder: Path, count: int, others: Path) -> Iterator[Stash]:
    """A Stash: a gallery of `count` images over the photos of `folder`; those of `others` are in none."""
    command = [sys.executable, str(PROGRAM), str(folder), str(count), str(others)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    stash = Stash(process, **json.loads(process.stdout.readline()))
    try:
        stash.ask()
        yield stash
    finally:
        process.communicate()
