"""SQL lives in the store alone; `facedb` may read databases of other programs."""

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "stash_sense"
STATEMENT = re.compile(
    r"^\s*(SELECT\b.+\bFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX)|"
    r"ALTER\s+TABLE|DROP\s+TABLE|PRAGMA\s+\w|BEGIN\s+(IMMEDIATE|EXCLUSIVE)|ATTACH\s+DATABASE)\b",
    re.IGNORECASE | re.DOTALL,
)


def found_in(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
        if name.split(".")[0] == "sqlite3"
    ]
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.search(node.value)
    ]
    return imported + texts


def test_no_sql_outside_the_store() -> None:
    strays = {
        str(path.relative_to(SOURCE)): found
        for path in SOURCE.rglob("*.py")
        if path.relative_to(SOURCE).parts[0] not in ("store", "facedb") and (found := found_in(path))
    }
    assert strays == {}


def test_the_search_would_find_some() -> None:
    assert found_in(SOURCE / "store" / "repositories" / "pictures.py")
    assert found_in(SOURCE / "store" / "connection.py")


def test_values_are_bound_and_scripts_never_run() -> None:
    for path in (SOURCE / "store").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr != "executescript", path
