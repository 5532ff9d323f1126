"""The rules of CONTRIBUTING.md that a test can hold: few modules, one name for one thing, plain packages."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "stash_sense"
MODULES = sorted(PACKAGE.rglob("*.py"))

MOST_MODULES = 350
MOST_LINES = 300

SHARED_NAMES: frozenset[str] = frozenset()
"""Public names that several modules may define. At most ten."""


def name_of(module: Path) -> str:
    return str(module.relative_to(PACKAGE))


def syntax_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def test_the_modules_are_few():
    assert len(MODULES) <= MOST_MODULES


def test_no_module_is_long():
    lines = {name_of(module): len(module.read_text("utf-8").splitlines()) for module in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_public_class_or_function_is_defined_in_one_module_only():
    modules = defaultdict(set)
    for module in MODULES:
        for node in syntax_of(module).body:
            definition = isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            if definition and not node.name.startswith("_"):
                modules[node.name].add(name_of(module))
    shared = {name: sorted(places) for name, places in modules.items() if len(places) > 1}
    assert {name: places for name, places in shared.items() if name not in SHARED_NAMES} == {}
    assert shared.keys() >= SHARED_NAMES  # no exception that nobody uses any more
    assert len(SHARED_NAMES) <= 10


@pytest.mark.parametrize(
    "package", [module for module in MODULES if module.name == "__init__.py"], ids=name_of
)
def test_a_package_says_in_one_sentence_what_lives_there_and_nothing_else(package):
    docstring, *rest = syntax_of(package).body
    if package.parent == PACKAGE:  # the one source of the version
        (version,) = rest
        assert version.targets[0].id == "__version__"
    else:
        assert rest == []
    text = docstring.value.value
    assert text.endswith(".")
    assert text.count(". ") + text.count(".\n") == 0
