"""The documentation names what exists, and everything that exists is documented."""

import re
from pathlib import Path

import click
import pytest

from stash_sense.__main__ import main
from stash_sense.api.app import create_app
from stash_sense.api.problems import STATUS_BY_KIND, codes_of
from stash_sense.api.telemetry import JsonLineFormatter, RecentEvents
from stash_sense.runtime.sidecar import build_sidecar
from stash_sense.settings import Settings, env_name

ROOT = Path(__file__).parents[1]
CODE = ROOT / "src" / "stash_sense"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "samples" / "README.md"])
TEXT = {page: page.read_text("utf-8") for page in PAGES}

LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|md|toml|json|yml|yaml|js|css|svg|sql|graphql|j2))`")
COMMAND = re.compile(r"(?:`|^\$ |bin/|exec stash-sense )stash-sense ([a-z]+)(?: ([a-z-]+))?", re.MULTILINE)
SETTING = re.compile(r"\bSTASH_SENSE_[A-Z_]+\b")
RELEASED = {"faces.json", "performers.json", "manifest.json", "links.json", "aliases.json"}
"""Files of public face databases."""
MADE_AT_RUN_TIME = {
    "stash-sense.toml",
    "index.yml",
    "forgotten.json",
    "person.json",
    "quarantine.json",
} | RELEASED


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Every call of the sidecar, as `GET /health`."""
    sidecar = build_sidecar(Settings(DATA_DIR=tmp_path_factory.mktemp("data"), STASH_URL=""))
    app = create_app(sidecar, RecentEvents(JsonLineFormatter(())))
    paths = app.openapi()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def commands(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Every command below a group by its full name, groups included."""
    below: dict[str, click.Command] = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        below[before + name] = command
        if isinstance(command, click.Group):
            below |= commands(command, f"{before}{name} ")
    return below


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+ (.+)$", TEXT[page], re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def resolve(page: Path, target: str) -> tuple[Path, str]:
    """The file and the heading that a relative link leads to."""
    name, _, anchor = target.partition("#")
    return ((page.parent / name).resolve() if name else page), anchor


def test_links_lead_to_files_and_headings_that_exist():
    broken = []
    for page, text in TEXT.items():
        for target in LINK.findall(text):
            if not target.startswith(("http://", "https://")):
                path, anchor = resolve(page, target)
                if not path.exists() or (anchor and anchor not in headings(path)):
                    broken.append(f"{page.name}: {target}")
    assert broken == []


def test_files_named_in_the_pages_exist():
    missing = []
    for page, text in TEXT.items():
        for name in set(FILE.findall(text)) - MADE_AT_RUN_TIME:
            places = (ROOT, CODE, ROOT / "benchmarks", page.parent)
            if not any((place / name).exists() for place in places):
                missing.append(f"{page.name}: {name}")
    assert missing == []


def test_every_command_and_option_is_documented():
    usage = TEXT[ROOT / "docs" / "usage.md"]
    for name, command in commands(main).items():
        assert f"stash-sense {name}" in usage
        for option in (parameter for parameter in command.params if isinstance(parameter, click.Option)):
            assert option.opts[0] in usage, f"{name} {option.opts[0]}"


def test_commands_named_in_the_pages_exist():
    known = commands(main)
    for page, text in TEXT.items():
        for name, below in COMMAND.findall(text):
            assert name in known, f"{page.name}: stash-sense {name}"
            if below and isinstance(known[name], click.Group):
                assert f"{name} {below}" in known, f"{page.name}: stash-sense {name} {below}"


def test_every_call_is_documented(calls):
    page = TEXT[ROOT / "docs" / "api.md"]
    assert {call for call in calls if f"`{call}`" not in page} == set()


def test_every_error_code_is_documented_with_its_status():
    page = TEXT[ROOT / "docs" / "api.md"]
    rows = re.findall(r"^\| (\d{3}) \| (`.*?`) \|", page, re.MULTILINE)
    documented = {(int(status), code) for status, codes in rows for code in re.findall(r"`([\w-]+)`", codes)}
    assert documented == {(status, code) for status in STATUS_BY_KIND.values() for code in codes_of(status)}


def test_every_setting_is_documented():
    rows = re.findall(r"^\| `([A-Z_]+)` \|", TEXT[ROOT / "docs" / "running.md"], re.MULTILINE)
    assert sorted(rows) == sorted(map(env_name, Settings.model_fields))


def test_settings_named_in_the_pages_exist():
    known = set(map(env_name, Settings.model_fields))
    known |= {"STASH_SENSE_BENCH_DATA"}  # the benchmarks' own
    for page, text in TEXT.items():
        assert set(SETTING.findall(text)) <= known, page.name


def test_labels_named_in_the_plugin_page_are_those_of_the_plugin():
    scripts = "\n".join(path.read_text("utf-8") for path in (ROOT / "plugin").rglob("*.*s"))
    settings = (ROOT / "plugin" / "stash-sense.yml").read_text("utf-8")
    labels = set(re.findall(r"\*\*(.+?)\*\*", TEXT[ROOT / "docs" / "plugin.md"]))
    assert {label for label in labels if label not in scripts + settings} == set()


def test_constants_named_with_their_figures_exist():
    source = "\n".join(path.read_text("utf-8") for path in CODE.rglob("*.py"))
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", TEXT[ROOT / "docs" / "accuracy.md"]))
    assert {name for name in named if not re.search(rf"\b{name}\b", source)} == {"STASH_SENSE_BENCH_DATA"}


def test_every_decision_is_listed():
    listed = LINK.findall(TEXT[ROOT / "docs" / "decisions" / "README.md"])
    records = {page.name for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert records == {name for name in listed if name[0].isdigit()}


def test_the_readme_opens_with_the_two_commands():
    opening, _, _ = TEXT[ROOT / "README.md"].partition("\n## ")
    assert "make demo" in opening
    assert "make test" in opening
    assert "![" in opening
