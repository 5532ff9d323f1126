"""The parts of a multipart/form-data body that is in memory: nothing is written to disk."""

from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from stash_sense.errors import BadParameter

_MOST_PARTS = 16
_LONGEST_HEADERS = 8192


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form. is_file: whether a file name was given with it."""

    name: str
    is_file: bool
    content: bytes


def read_parts(content_type: str, body: bytes | bytearray) -> list[Part]:
    """The parts in their order. Raises BadParameter."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary or len(boundary) > 200:
        raise BadParameter("The Content-Type names no boundary between the parts. Let your client set it.")
    collected = _Collected()
    try:
        parser = collected.parser(boundary)
        parser.write(bytes(body))
        parser.finalize()
    except FormParserError as error:
        raise BadParameter(f"The multipart body is broken ({error}). Let your client build it.") from None
    if not collected.ended:
        raise BadParameter("The multipart body has no end. It was cut short; send it again.")
    return collected.parts


class _Collected:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._name = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._content: list[bytes] = []
        self._header_bytes = 0

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_name,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def _begin(self) -> None:
        if len(self.parts) >= _MOST_PARTS:
            raise BadParameter(f"The form has more than {_MOST_PARTS} fields. Send only those of this call.")
        self._headers, self._content, self._header_bytes = {}, [], 0
        self._name = self._value = b""

    def _count(self, added: int) -> None:
        self._header_bytes += added
        if self._header_bytes > _LONGEST_HEADERS:
            raise BadParameter("A part of the form has too long headers. Let your client build the form.")

    def _on_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._name += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def _on_part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self.parts.append(Part(name, b"filename" in options, b"".join(self._content)))

    def _on_end(self) -> None:
        self.ended = True
