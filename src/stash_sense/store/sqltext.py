"""SQL declarations as text: compared without regard to layout, and names quoted safely."""

import re

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/          # comments
      |'(?:[^']|'')*'              # string literals, kept as they are
      |"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]   # quoted names
      |[A-Za-z_\u0080-\uffff][\w$]*|\d+(?:\.\d+)?|\S""",
    re.VERBOSE | re.DOTALL,
)


def normalised(sql: str) -> str:
    """The declaration without comments, layout, letter case and quotes around names."""
    words = []
    for token in _TOKEN.findall(sql):
        if token.startswith(("--", "/*")):
            continue
        if token[0] == "'":
            words.append(token)
        elif token[0] in '"`[' and len(token) > 1:
            words.append(token[1:-1].lower())
        else:
            words.append(token.lower())
    return re.sub(r"^(create (?:unique )?(?:table|index)) if not exists\b", r"\1", " ".join(words))


def quoted(name: str) -> str:
    """A name from a file in the wild, safe inside a statement: names cannot be bound."""
    return '"' + name.replace('"', '""') + '"'
