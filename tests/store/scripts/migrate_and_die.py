"""Migrate the file named, and be killed: after so many steps of SQLite's machine, or from outside."""

import os
import signal
import sys
from pathlib import Path

from stash_sense.store import migrations
from stash_sense.store.connection import connect
from stash_sense.store.maintenance import backup_beside


def main(path: Path, instructions: int) -> None:
    if instructions:
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            if counted * 100 >= instructions:
                os.kill(os.getpid(), signal.SIGKILL)
            return 0

        def counting(path: Path, busy_seconds: float = 30.0):
            connection = connect(path, busy_seconds)
            connection.set_progress_handler(count, 100)
            return connection

        migrations.connect = counting
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    migrations.migrate_file(path, backup_beside)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
