"""Options and fixtures shared by all tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from stash_sense.memory import bound_arenas
from stash_sense.models.manifest import DEFAULT_PACK
from stash_sense.models.prepare import prepare_pack
from stash_sense.recognition.recognizer import LoadedPack, load_pack

pytest_plugins = ["fakes.colours"]

# A runner started in the background ignores Ctrl-C; the commands under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As the command does: the workers of a whole test run would grow to gigabytes.
bound_arenas()

UMASK = os.umask(0o022)
os.umask(UMASK)

# A busy machine makes any example slow once in a while.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


SLOW_FIXTURES = {"pack", "pack_dir", "data_dir", "tabs", "torture", "run"}
"""Those of tests that load the networks, run the command, open a browser or have a long form."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--torture", action="store_true", help="run the long tests with their full counts")
    parser.addoption("--fast", action="store_true", help="leave out tests that take long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --fast, leaves out what is marked as slow and what needs one of SLOW_FIXTURES."""
    if config.getoption("--fast"):
        slow = {
            item for item in items if item.get_closest_marker("slow") or SLOW_FIXTURES & set(names_of(item))
        }
        items[:] = [item for item in items if item not in slow]
        config.hook.pytest_deselected(items=list(slow))


def names_of(item: pytest.Item) -> list[str]:
    """The fixtures of a test."""
    return getattr(item, "fixturenames", [])


@pytest.fixture(autouse=True)
def as_started() -> Iterator[None]:
    """A command that was run in this process leaves its umask behind; the next test begins without it."""
    os.umask(UMASK)
    yield
    os.umask(UMASK)


@pytest.fixture(scope="session")
def torture(request: pytest.FixtureRequest) -> bool:
    """Whether the long tests run with their full counts."""
    return bool(request.config.getoption("--torture"))


@pytest.fixture(scope="session")
def samples() -> Path:
    """The free photos: `people/<Name>/` to enrol, `gallery/` to look at."""
    return Path(__file__).parents[1] / "samples"


@pytest.fixture(scope="session")
def pack_dir(tmp_path_factory) -> Path:
    """A data folder in which the default pack is prepared."""
    folder = tmp_path_factory.mktemp("pack")
    prepare_pack(DEFAULT_PACK, folder)
    return folder


@pytest.fixture(scope="session")
def pack(pack_dir) -> LoadedPack:
    """The default pack, its real networks running."""
    return load_pack(prepare_pack(DEFAULT_PACK, pack_dir))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the sidecar does."""
    return "asyncio"


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Shows a figure in the test run's own output."""

    def show(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return show


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with room for 2 MB; skips the test where this user may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or sys.platform != "linux":
        pytest.skip("only root may mount a small disk; the limit on file sizes is tested everywhere")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk here: {mounted.stderr.decode(errors='replace')}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)
