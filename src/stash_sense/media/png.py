"""What decoding needs of a PNG: its chunks with their checksums verified, without texts and profiles.

Pillow refuses a picture for a wrong checksum in any chunk but the pixels' own, and unpacks texts and
profiles, which are never used here.
"""

import zlib

_SIGNATURE = 8

_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})

_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})

_USED = _ANIMATION | {b"tRNS", b"eXIf"}  # with transparency and orientation

_END = memoryview(b"\0\0\0\0IEND\xae\x42\x60\x82")

_MAX_CHUNKS = 500_000


class BadChunk(ValueError):
    """A chunk that the picture depends on is damaged or unknown."""


def needed_chunks(data: bytes) -> bytes:
    """Return the PNG without chunks that are damaged or not used. Its end may be missing.

    Raises BadChunk if a critical chunk but the last has a wrong checksum, or is none of PNG's.
    """
    view = memoryview(data)
    parts = [(b"", view[:_SIGNATURE])]
    unused: frozenset[bytes] = frozenset()
    position = _SIGNATURE
    for _ in range(_MAX_CHUNKS):
        end = position + 12 + int.from_bytes(data[position : position + 4])
        kind = data[position + 4 : position + 8]
        if end > len(data):
            parts.append((b"", view[position:]))  # the decoder tells whether pixels are missing
            break
        is_whole = zlib.crc32(view[position + 4 : end - 4]) == int.from_bytes(data[end - 4 : end])
        if kind[0] & 0x20:  # ancillary, as its letter is a small one
            if not is_whole and kind in _ANIMATION:
                unused = _ANIMATION  # one frame less would be an error; the first picture stays
            if is_whole and kind in _USED:
                parts.append((kind, view[position:end]))
        elif kind not in _CRITICAL:
            raise BadChunk(f"it has a chunk {kind!r} of another program's own")
        elif is_whole:
            parts.append((kind, view[position:end]))
        elif kind == b"IEND":  # no pixel depends on its checksum
            parts.append((kind, _END))
        else:
            raise BadChunk(f"the checksum of its chunk {kind.decode()} is wrong")
        position = end
        if kind == b"IEND":
            break
    else:
        raise BadChunk("it consists of too many pieces")
    kept = [part for kind, part in parts if kind not in unused]
    is_same = sum(map(len, kept)) == len(data) and kept[-1] is not _END
    return data if is_same else b"".join(kept)
