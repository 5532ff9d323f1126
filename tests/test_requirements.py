"""What is installed is pinned by version and by hash, for every platform, and nothing else is."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = PROJECT["dependency-groups"]
LISTS = ["runtime", *GROUPS]
PINS = dict(line.split("==") for line in (REQUIREMENTS / "constraints.txt").read_text("utf-8").split())


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirement):
    return canonical(re.match(r"[\w.-]+", requirement)[0])


def locked(name):
    """Package -> (version, hashes) of a list."""
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    packages = {}
    for line in text.splitlines():
        package, version, rest = re.fullmatch(r"([\w.-]+)==([\w.]+)(.*)", line).groups()
        packages[canonical(package)] = version, re.findall(r"--hash=sha256:([0-9a-f]{64})\b", rest)
    return packages


def asked_for(name):
    if name == "runtime":
        return {named(each) for each in PROJECT["project"]["dependencies"]}
    packages = set()
    for each in GROUPS[name]:
        packages |= asked_for(each["include-group"]) if isinstance(each, dict) else {named(each)}
    return packages


@pytest.mark.parametrize("name", LISTS)
def test_every_package_has_hashes(name):
    assert [package for package, (_, hashes) in locked(name).items() if not hashes] == []


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_all_that_is_asked_for(name):
    assert asked_for(name) - locked(name).keys() == set()


@pytest.mark.parametrize("name", LISTS)
def test_the_versions_are_the_pinned_ones(name):
    pins = {canonical(package): version for package, version in PINS.items()}
    assert {package: version for package, (version, _) in locked(name).items()}.items() <= pins.items()


def test_no_pin_is_left_over():
    assert {canonical(package) for package in PINS} == set().union(*map(locked, LISTS))


@pytest.mark.parametrize(
    "package", ["av", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "simplejpeg"]
)
def test_compiled_packages_have_the_hashes_of_many_platforms(package):
    """Wheels for Python 3.11 to 3.13 on Linux (x86-64, ARM), macOS and Windows, not those of one machine."""
    assert len(locked("runtime")[package][1]) >= 5


@pytest.mark.parametrize("package", ["av", "pillow-heif"])
def test_the_notices_are_of_the_installed_versions(package):
    """A new version may contain other libraries, under other licences."""
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    assert f"| `{package}` {locked('runtime')[package][0]} (" in notices


def test_the_makefile_installs_nothing_without_its_hash():
    text = (ROOT / "Makefile").read_text("utf-8")
    installs = re.findall(r"\$\((?:PIP|LOCKED)\)[^\n]*", text)
    assert len(installs) >= 4
    for install in installs:
        assert install.startswith("$(LOCKED)") or "--no-deps" in install or "--require-hashes" in install
    assert "--no-build-isolation" in text
