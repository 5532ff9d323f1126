"""Mutated pictures against /identify: an answer or a problem, never a failure of ours, in bounded memory."""

import random
from collections import Counter
from pathlib import Path

import cv2

GROWTH = 400_000_000
"""Bytes of memory; one picture of the largest size takes most of it."""


def mutated(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 2, 5, 20))):
        start = chance.randrange(min(len(made), chance.choice((32, 700, len(made)))) or 1)
        length = chance.choice((1, 2, 4, 64))
        match chance.randrange(5):
            case 0:
                made[start : start + length] = chance.randbytes(length)
            case 1:
                made[start : start + length] = b"\xff" * length
            case 2:
                del made[start : start + length]
            case 3:
                made[start:start] = made[chance.randrange(len(made) + 1) :][:length]
            case _:
                del made[chance.randrange(1, len(made) + 1) :]
        if not made:
            break
    return bytes(made)


def resident() -> int:
    """Bytes of memory that this process, and so the sidecar in it, holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_mutated_pictures_are_answered(app, samples, torture):
    chance = random.Random(4)
    photo = cv2.imread(str(samples / "gallery" / "obama2.jpg"))
    small = cv2.resize(photo, (240, 240), interpolation=cv2.INTER_AREA)
    kinds = (".jpg", ".png", ".webp", ".bmp", ".tiff")
    whole = [cv2.imencode(kind, small)[1].tobytes() for kind in kinds]
    began, statuses = 0, Counter()
    for turn in range(2000 if torture else 120):
        answer = app.client.post("/identify", files={"file": mutated(chance.choice(whole), chance)})
        statuses[answer.status_code] += 1
        assert answer.status_code in (200, 413, 415, 422), answer.text
        if turn == 50:
            began = resident()
    assert statuses[200] > 0
    assert statuses[422] > 0
    assert resident() - began < GROWTH
    assert app.client.get("/health").json()["status"] == "ok"
