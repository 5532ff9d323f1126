"""The Dockerfile and the compose example, as far as they can be held without a container engine."""

import fnmatch
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml

from fakes.ports import free_port
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, its text) of the Dockerfile, lines put together."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line)]


def of(name):
    return [text for word, text in instructions() if word == name]


def last_stage():
    found = instructions()
    start = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def environment():
    return dict(pair.split("=", 1) for text in of("ENV") for pair in shlex.split(text))


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]


def ignored(path: str) -> bool:
    """As the engine reads .dockerignore: the last line that fits a path, or a folder above it, decides."""
    result = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("**/")
        above = [path, *map(str, Path(path).parents)]
        anywhere = [part for one in above for part in (one, Path(one).name)] if "**/" in line else above
        if any(fnmatch.fnmatch(one, pattern) for one in anywhere if one != "."):
            result = not line.startswith("!")
    return result


def copied():
    return [source for text in of("COPY") if not text.startswith("--from") for source in text.split()[:-1]]


def test_everything_that_is_copied_is_there_and_sent():
    assert copied()
    for source in copied():
        assert (ROOT / source).exists(), source
        assert not ignored(source), source


def test_all_that_the_package_is_built_from_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "src"} <= set(copied())


@pytest.mark.parametrize(
    "path", [".git", ".venv/bin/python", ".env", "stash-sense.toml", "samples/people", "tests", "data",
             "src/a/__pycache__"],
)  # fmt: skip
def test_nothing_else_is_sent_to_the_engine(path):
    assert ignored(path)


def test_only_what_has_a_listed_hash_is_installed():
    (install,) = [text for text in of("RUN") if "pip install" in text]
    for step in (part.strip() for part in install.split("&&")):
        if " pip " in step:
            assert "--require-hashes" in step or "--no-index" in step or "--no-deps" in step, step
            assert "pip install" in step or "--no-build-isolation" in step, step


def test_images_are_named_by_digest(services):
    images = [text.split()[0] for text in of("FROM")] + [
        service["image"] for service in services.values() if "image" in service
    ]
    assert len(images) == 3
    assert [image for image in images if not re.search(r":[^@]+@sha256:[0-9a-f]{64}$", image)] == []


def test_the_sidecar_is_limited_in_memory_processes_and_files(services):
    assert {"mem_limit", "memswap_limit", "pids_limit", "ulimits"} <= set(services["stash-sense"])


def test_no_registry_is_named():
    files = [ROOT / name for name in ("Dockerfile", "compose.yaml", ".dockerignore")]
    files += (ROOT / "requirements").iterdir()
    text = "".join(file.read_text("utf-8") for file in files)
    assert not re.search(r"index-url|trusted-host|pypi|pythonhosted|registry", text)


def test_it_does_not_run_as_root_and_owns_its_data():
    stage = last_stage()
    words = [word for word, _ in stage]
    (user,) = of("USER")
    (made,) = [text for word, text in stage if word == "RUN"]
    assert f"nologin {user} " in made
    assert f"--owner={user}" in made
    assert words.index("USER") < words.index("CMD")


def test_data_is_a_volume_and_the_only_place_to_write():
    assert environment()["DATA_DIR"] == "/data"
    assert of("VOLUME") == of("WORKDIR")[-1:] == ["/data"]


def test_the_command_is_one_that_the_package_installs():
    (command,) = map(json.loads, of("CMD"))
    assert command == ["stash-sense", "serve"]
    assert (Path(sys.executable).parent / command[0]).exists()


@pytest.fixture
def container(tmp_path, pack_dir, pack):
    """(process, port): the image's command with the image's settings, in a folder that it cannot write to."""
    data, around = tmp_path / "data", tmp_path / "around"
    data.mkdir()
    around.mkdir(mode=0o500)
    (data / "models").symlink_to(pack_dir / "models")
    port = free_port()
    given = {**environment(), "DATA_DIR": str(data), "STASH_SENSE_PORT": str(port)}
    del given["PATH"]
    (command,) = map(json.loads, of("CMD"))
    process = subprocess.Popen(
        [Path(sys.executable).parent / command[0], *command[1:]],
        env={**os.environ, **given}, cwd=around, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: asked(port, "/health") is not None or process.poll() is not None)
        assert process.poll() is None
        yield process, port
    finally:
        process.kill()
        process.wait()


def asked(port, path):
    """The status of an answer; None where nothing answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_S, trust_env=False).status_code
    except httpx.TransportError:
        return None


@pytest.fixture
def health():
    """Runs the health check's own command; gives its exit status."""
    (check,) = of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])

    def health(port):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, env={**os.environ, "PATH": path, "STASH_SENSE_PORT": str(port)},
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode

    return health


def test_the_health_check_tells_a_sidecar_that_runs_from_none(health, container):
    process, port = container
    assert health(port) == 0
    process.terminate()
    assert process.wait(60) == 0
    assert health(port) != 0


def test_as_in_the_container_strangers_are_asked_for_the_secret(container):
    _, port = container
    assert asked(port, "/database/info") == 401


def test_the_sidecar_is_published_to_nobody(services):
    assert "ports" not in services["stash-sense"]
    assert set(services["stash-sense"]["networks"]) < set(services["stash"]["networks"])
    networks = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["networks"]
    assert networks["sense"]["internal"] is True


def test_the_sidecar_asks_stash_by_its_name(services):
    assert services["stash-sense"]["environment"]["STASH_URL"] == "http://stash:9999"


def test_no_secret_stands_in_the_file(services):
    assert services["stash-sense"]["environment"]["STASH_API_KEY"] == "${STASH_API_KEY:-}"


def test_every_volume_is_declared(services):
    declared = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["volumes"]
    used = {volume.split(":")[0] for one in services.values() for volume in one["volumes"]}
    assert {name for name in used if not name.startswith(".")} == set(declared)


def test_its_data_lies_where_the_image_keeps_it(services):
    assert "sense-data:/data" in services["stash-sense"]["volumes"]


@pytest.mark.parametrize("what", ["docker compose", "STASH_API_KEY", "stash-sense token", "/data"])
def test_the_manual_tells_of_it(what):
    manual = (ROOT / "docs" / "running.md").read_text("utf-8")
    assert what in manual.partition("## In a container")[2]
