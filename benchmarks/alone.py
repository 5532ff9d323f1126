"""How much evidence a face alone needs: what strangers reach, and what the people reach who are meant.

    python benchmarks/alone.py [--data FOLDER] [--pairs]

Strangers: one photo of each person of the crowd, and every photo of dev/enrol, searched among all enrolled
people but the person themselves. Known: the photos of dev/enrol whose person has several, each in turn left
out of the enrolment. The crowd's labels are not clean: one picture under two names, one person under two
spellings. Such pairs, and relatives, would pass for strangers who are hard to tell apart; one column leaves
them out.
"""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import lab
from stash_sense.domain.faces import Candidate
from stash_sense.enrolment.references import prominent_face
from stash_sense.facedb.database import FaceDatabase
from stash_sense.matching.candidates import Embeddings, find_candidates
from stash_sense.matching.tracks import COPY_DISTANCE
from stash_sense.matching.verdict import (
    NAME_ALONE,
    OFFER_ALONE,
    RIVAL_LEAD,
    bar_at,
    evidence_for,
    judge_face,
    lead_of,
)
from stash_sense.media.listing import list_images
from stash_sense.recognition.analysis import analyze_photos
from stash_sense.recognition.recognizer import LoadedPack
from stash_sense.runtime.from_settings import open_recognizer, recognizer
from trials import write_part

MAX_DISTANCE = 0.6
BARS = (0.0, 1.0, 1.4, 1.8, OFFER_ALONE, 2.5, NAME_ALONE, 3.2, 3.5, 4.0, 4.3, 5.0)
RESEMBLING = 0.7
"""Two names are one person's, spelt differently, from this likeness of their letters, or by a common word
behind the first."""
HIGH = 3.5
"""From this evidence on the pairs are looked at."""
BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """The prominent face of a photo, embedded as faces to be named are, not as references."""

    path: Path
    owner: str
    embeddings: Embeddings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe came to. evidence: above the bar, -inf if too far; clear: nobody else is as likely."""

    owner: str
    nearest: str
    distance: float
    evidence: float
    clear: bool
    status: str

    @property
    def label(self) -> str:
        """What the two people are: on one picture, of names that resemble each other, or strangers."""
        if self.distance < COPY_DISTANCE:
            return "same picture"
        return "names alike" if resemble(self.owner, self.nearest) else "strangers"


def probes(folder: Path, pack: LoadedPack) -> list[Probe]:
    """One face for each photo of a folder of people."""
    paths = [path for path in list_images(folder).images if len(path.relative_to(folder).parts) > 1]
    made = []
    with closing(analyze_photos(paths, pack.engine, min_confidence=0.5)) as read:
        for path, photo in zip(paths, read, strict=True):
            face = prominent_face(photo.faces, photo.width, photo.height)
            if face is not None:
                owner = path.relative_to(folder).parts[0]
                made.append(Probe(path, owner, dict(face.embeddings)))
    return made


def outcomes(
    asked: Sequence[Probe], database: FaceDatabase, pack: LoadedPack, *, without_owner: bool
) -> Iterator[Outcome]:
    """Each probe's nearest people, with or without the one it shows."""
    names = [database.person(index).name for index in range(database.people)]
    bar = bar_at(MAX_DISTANCE, database.people, pack.scorer)
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        found = find_candidates([probe.embeddings for probe in batch], database, pack.scorer, 3)
        for probe, everybody in zip(batch, found, strict=True):
            near = [one for one in everybody if not without_owner or names[one.person] != probe.owner][:2]
            verdict = judge_face(near, pack.scorer, database.people, MAX_DISTANCE, database.person)
            clear = lead_of(near, pack.scorer) >= RIVAL_LEAD
            evidence = evidence_for(near, pack.scorer) - bar if _near_enough(near, bar, pack) else -np.inf
            yield Outcome(
                probe.owner, names[near[0].person], near[0].combined, evidence, clear, verdict.status
            )


def _near_enough(near: Sequence[Candidate], bar: float, pack: LoadedPack) -> bool:
    return near[0].combined <= MAX_DISTANCE and pack.scorer.decades_at(near[0].combined) >= bar


def known(asked: Sequence[Probe], whole: FaceDatabase, pack: LoadedPack, data: lab.FaceData) -> list[Outcome]:
    """Photos of people who have several, each left out of the enrolment in turn."""
    by_owner: dict[str, list[Probe]] = {}
    for probe in asked:
        by_owner.setdefault(probe.owner, []).append(probe)
    several = {owner: own for owner, own in by_owner.items() if len(own) > 1}
    result: list[Outcome] = []
    with TemporaryDirectory() as folder:
        for turn in range(max(map(len, several.values()))):
            out = [own[turn] for own in several.values() if turn < len(own)]
            paths = {str(data.enrol.resolve() / probe.path.relative_to(data.enrol)) for probe in out}
            rows = (row for row in range(whole.manifest.faces) if whole.reference(row).photo not in paths)
            place = Path(folder, str(turn))
            write_part(whole, place, pack, frozenset(rows))
            with open_recognizer(pack, place).database as database:
                result += outcomes(out, database, pack, without_owner=False)
    return result


def resemble(one: str, other: str) -> bool:
    """Whether two names may be the same person's, or those of relatives."""
    first, second = (re.findall(r"[^\W_]{3,}", name.lower()) for name in (one, other))
    likeness = difflib.SequenceMatcher(None, "".join(sorted(first)), "".join(sorted(second))).ratio()
    common = set(first) & set(second) - ({first[0]} & {second[0]} if first and second else set())
    return likeness >= RESEMBLING or bool(common)


def named(seen: Sequence[Outcome], bar: float) -> int:
    """How many are named from this much evidence on."""
    return sum(one.clear and one.evidence >= bar for one in seen)


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--pairs", action="store_true", help="print the strangers with the most evidence")
    options = parser.parse_args()
    data, pack = lab.face_data(options.data), lab.default_pack()
    crowd, enrolled = (probes(folder, pack) for folder in (data.crowd, data.enrol))
    with recognizer(pack, data.enrolled(pack)) as ready:
        whole = ready.database
        strangers = list(outcomes(crowd, whole, pack, without_owner=True))
        taken_out = list(outcomes(enrolled, whole, pack, without_owner=True))
        meant = known(enrolled, whole, pack, data)
    _print(strangers, taken_out, meant, pairs=options.pairs)


def _print(
    strangers: Sequence[Outcome], taken_out: Sequence[Outcome], meant: Sequence[Outcome], *, pairs: bool
) -> None:
    apart = [one for one in strangers if one.label == "strangers"]
    right = [one for one in meant if one.owner == one.nearest]
    titles = {NAME_ALONE: " NAME_ALONE", OFFER_ALONE: " OFFER_ALONE"}
    rows = [
        [
            f"{bar:g}{titles.get(bar, '')}",
            *(named(seen, bar) for seen in (strangers, apart, taken_out)),
            f"{named(right, bar)} ({named(right, bar) / len(meant):.3f})",
        ]
        for bar in BARS
    ]
    head = (
        "evidence from",
        f"crowd, of {len(strangers):,}",
        f"of true strangers, {len(apart):,}",
        f"dev/enrol taken out, of {len(taken_out)}",
        f"known, of {len(meant)}",
    )
    lab.table("Faces alone that reach the evidence, nobody else being as likely", head, rows)
    seen_by = {"crowd": strangers, "dev/enrol taken out": taken_out, "known": meant}
    counts = {
        what: {
            status: sum(one.status == status for one in seen) for status in ("match", "ambiguous", "unknown")
        }
        for what, seen in seen_by.items()
    }
    lab.table(
        "Verdicts", ("faces", *counts["crowd"]), [[what, *seen.values()] for what, seen in counts.items()]
    )
    high = Counter(one.label for one in strangers if one.evidence >= HIGH)
    print(f"\ncrowd faces from {HIGH:g} on, by what their labels say: {dict(high)}")
    if pairs:
        for one in sorted(strangers, key=lambda one: -one.evidence)[:60]:
            print(f"{one.evidence:.2f} {one.owner} -> {one.nearest}: {one.label}")
    lab.save("alone", {"head": head, "rows": rows, "verdicts": counts, "high": high})


if __name__ == "__main__":
    main()
