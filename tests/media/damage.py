"""Files damaged as disks, networks and attackers do it."""

import random


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one to eight damages."""
    result = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        # Headers decide most: half of the damage is done there.
        start = chance.randrange(min(len(result), chance.choice((64, 512, len(result))))) if result else 0
        length = chance.choice((1, 2, 4, 30))
        match chance.randrange(6):
            case 0:
                result[start : start + length] = chance.randbytes(length)
            case 1:
                result[start : start + length] = bytes(length)
            case 2:
                result[start : start + length] = b"\xff" * length
            case 3:
                del result[start : start + length]
            case 4:
                result[start:start] = result[chance.randrange(len(result) + 1) :][:length]
            case _:
                del result[chance.randrange(len(result) + 1) :]
    return bytes(result)
