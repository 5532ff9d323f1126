"""What the server side may cost and may need: Stash brings its Python, and starts it for every call."""

import ast
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import PLUGIN

pytestmark = pytest.mark.slow

SOURCES = sorted(PLUGIN.rglob("*.py"))
OLDEST = (3, 8)
STARTS = 5
CALL_S = 0.150


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_only_the_standard_library_is_imported(path: Path):
    tree = ast.parse(path.read_text())
    names = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"backend"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_python_3_8_can_read_it(path: Path):
    ast.parse(path.read_text(), feature_version=OLDEST)


def _python_3_8() -> str | None:
    """One that runs: a version manager's stand-in for it may not."""
    managed = Path.home() / ".pyenv" / "versions"
    for found in (shutil.which("python3.8"), *map(str, managed.glob("3.8.*/bin/python"))):
        if found and not subprocess.run([found, "-V"], capture_output=True, check=False).returncode:
            return found
    return None


def test_python_3_8_runs_it(call):
    python = _python_3_8()
    if python is None:
        pytest.skip("no Python 3.8 here")
    assert call("health", python=python).output["status"] == "ok"


def test_a_call_costs_less_than_150_ms_of_a_processor(call):
    call("nothing")  # compiled once, as for a user
    costs = []
    for _ in range(STARTS):
        before = _spent_by_children()
        call("nothing")
        costs.append(_spent_by_children() - before)
    assert min(costs) <= CALL_S


def _spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
