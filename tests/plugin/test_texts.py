"""What the plugin says: the same in both languages, nothing missing, nothing left over."""

import ast
import re
from pathlib import Path

import pytest

from stash_sense.api.problems import INTERNAL
from stash_sense.domain.reasons import Reason, ReasonCode, ReasonPerson
from stash_sense.errors import KIND_BY_CODE

SCRIPTS = Path(__file__).parents[2] / "plugin" / "scripts"
BACKEND = SCRIPTS.parent / "backend"
ENGLISH_TABLES = ("texts.js", "texts-pages.js")
GERMAN_TABLES = ("texts-de.js", "texts-pages-de.js")
PROBLEM_TABLES = ("problems-de.js",)
PROBLEM = "problem_"


def texts_of(tables):
    """Key -> text; the tables are read as they are written, one text a line."""
    source = "\n".join((SCRIPTS / name).read_text("utf-8") for name in tables)
    entries = re.findall(r"^    \"?([\w-]+)\"?: \"((?:[^\"\\]|\\.)*)\",$", source, re.MULTILINE)
    assert len(entries) == len(dict(entries)), f"{tables} have a key twice"
    return dict(entries)


def values_in(text):
    return set(re.findall(r"\{(\w+)\}", text))


TABLES = (ENGLISH_TABLES, GERMAN_TABLES, PROBLEM_TABLES)
ENGLISH, GERMAN, PROBLEMS = map(texts_of, TABLES)
CODE = "\n".join(
    path.read_text("utf-8")
    for path in SCRIPTS.glob("*.js")
    if not any(path.name in names for names in TABLES)
)


def test_german_has_every_text_and_no_other():
    assert set(GERMAN) == set(ENGLISH)
    assert len(ENGLISH) > 200


def test_both_languages_name_the_same_values():
    differing = {key for key, text in ENGLISH.items() if values_in(text) != values_in(GERMAN[key])}
    assert differing == set()


def test_the_form_for_one_names_no_other_values():
    for key in (key for key in ENGLISH if key.endswith("_one")):
        whole = values_in(ENGLISH[key.removesuffix("_one")])
        assert whole - {"n"} <= values_in(ENGLISH[key]) | {"k"} <= whole | {"k"}, key


def test_every_text_that_the_scripts_ask_for_exists():
    asked = set(re.findall(r"\bt\(\s*\"([\w-]+)\"", CODE))
    asked |= {key for pair in re.findall(r"\bt\([^()]*\? \"(\w+)\" : \"(\w+)\"", CODE) for key in pair}
    assert len(asked) > 100
    assert asked - set(ENGLISH) == set()


def test_every_text_is_asked_for():
    quoted = set(re.findall(r"\"([\w-]+)\"", CODE))
    begun = tuple(re.findall(r"`(\w+_)\$\{", CODE))
    left = {key for key in ENGLISH if not key.startswith(begun) and key.removesuffix("_one") not in quoted}
    assert left == set()


def codes_of_the_backend():
    calls = [
        node
        for path in BACKEND.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "PluginError"
    ]
    return {each.value for call in calls for each in call.args[1:] if isinstance(each, ast.Constant)}


def test_every_problem_of_the_sidecar_and_the_plugin_is_said_in_german():
    """A new code of `errors.py` gets its German text in `problems-de.js`."""
    own = codes_of_the_backend()
    assert {"connection-refused", "timed-out", "not-stash-sense", "bad-address"} <= own
    codes = {key.removeprefix(PROBLEM).partition("_")[0] for key in PROBLEMS}
    assert codes == own | set(KIND_BY_CODE) | {INTERNAL}


def test_a_form_with_numbers_is_told_by_its_first_and_stands_beside_one_without():
    forms = [key for key in PROBLEMS if "_" in key.removeprefix(PROBLEM)]
    assert forms
    for key in forms:
        whole, _, first = key.rpartition("_")
        assert whole in PROBLEMS
        assert first in values_in(PROBLEMS[key])
    assert {key for key, text in PROBLEMS.items() if values_in(text)} == set(forms)


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_is_the_sidecars_own_sentence(code):
    """The command line, the contact sheet and the plugin say the same."""
    people = ReasonPerson("a", "Ada", 0.86), ReasonPerson("b", "Bob", 0.4)
    for count in (1, 3333):
        key = f"reason_{code}_one" if count == 1 and f"reason_{code}_one" in ENGLISH else f"reason_{code}"
        text = ENGLISH[key].replace("{count}", f"{count:,}").replace("{n}", str(count))
        for name, value in (("name", "Ada"), ("percent", "86%"), ("other", "Bob"), ("otherPercent", "40%")):
            text = text.replace(f"{{{name}}}", value)
        assert text == str(Reason(code, people, count))
