"""How right suggestions are: half of the cast not enrolled, and half of the tags missing in Stash.

    python benchmarks/suggestions.py [--data FOLDER] [--names]

The labelled galleries are recognised with the enrolments of leave_out.py, and stored as a sidecar stores
them. A random half of the tags is there. Right is a suggestion of an enrolled person who is there and not
tagged. Then, for the audit, one person on every second photo is tagged as another enrolled one: right is a
doubt of such a tag, wrong one of a tag of a person who is there.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import lab
from splits import SPLITS, VARIANTS
from stash_sense.domain.faces import confidence_at
from stash_sense.domain.identity import PictureIdentity
from stash_sense.matching.gallery_people import MatchOptions
from stash_sense.recognition.folder import judge_photos
from stash_sense.recognition.stored_faces import to_stored
from stash_sense.recognition.suggestions import DEFAULT_CONFIDENCE
from stash_sense.store.database import RecommendationsDB
from stash_sense.store.repositories.library_tags import GALLERY, IMAGE, TargetTags
from stash_sense.store.repositories.results import ImageResult
from stash_sense.store.repositories.suggestion_list import SuggestionQuery
from stash_sense.store.repositories.suggestions import SEEN, TAGGED
from trials import Trials, trials

LIMITS = (0.4, DEFAULT_CONFIDENCE, 0.6, 0.7, 0.8)
LEAST_PRECISION = 0.98

Tags = set[tuple[str, str, str]]
"""Target type, target id, person."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A stored photo: the enrolled people on it, and everybody on it whom Stash has as a performer."""

    image_id: str
    gallery_id: str
    enrolled: frozenset[str]
    people: frozenset[str]


class Counts:
    """Suggestions by kind, target type and least confidence: right, wrong, missed."""

    def __init__(self) -> None:
        self._of: Counter[tuple[str, str, float, str]] = Counter()
        self.wrong: Counter[str] = Counter()

    def add(self, kind: str, found: dict[tuple[str, str, str], float], wanted: Tags) -> None:
        for limit in LIMITS:
            sure = {tag for tag, confidence in found.items() if confidence >= limit}
            for what, tags in (("right", sure & wanted), ("wrong", sure - wanted), ("missed", wanted - sure)):
                for target_type, _, _ in tags:
                    self._of[kind, target_type, limit, what] += 1
        self.wrong.update(f"{kind} {target} {person}" for _, target, person in found.keys() - wanted)

    def of(self, kind: str, target_type: str, limit: float) -> list[int]:
        return [self._of[kind, target_type, limit, what] for what in ("right", "wrong", "missed")]


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--names", action="store_true", help="print which suggestions were wrong")
    options = parser.parse_args()
    counts = Counts()
    with trials(lab.face_data(options.data)) as given:
        for split in range(SPLITS):
            with TemporaryDirectory() as folder, RecommendationsDB(Path(folder) / "state.db") as state:
                _measure(given, split, state, counts)
    kinds = ((SEEN, IMAGE), (SEEN, GALLERY), (TAGGED, IMAGE))
    figures = [[*kind, limit, *_rates(counts.of(*kind, limit))] for kind in kinds for limit in LIMITS]
    head = ("kind", "target", "least confidence", "right", "wrong", "missed", "precision", "recall")
    lab.table("Suggestions, half of the cast left out, half of the tags removed", head, figures)
    if options.names:
        print(dict(counts.wrong.most_common()))
    by_kind = {
        SEEN: [counts.of(SEEN, IMAGE, DEFAULT_CONFIDENCE), counts.of(SEEN, GALLERY, DEFAULT_CONFIDENCE)],
        TAGGED: [counts.of(TAGGED, IMAGE, DEFAULT_CONFIDENCE)],
    }
    bars = []
    for kind, own in by_kind.items():
        precision = _rates([sum(each) for each in zip(*own, strict=True)])[3]
        bars.append(lab.bar(f"{kind}: precision above {DEFAULT_CONFIDENCE}", precision, LEAST_PRECISION))
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars)
    lab.save("suggestions", {"rows": [dict(zip(head, row, strict=True)) for row in figures]})


def _rates(counts: Sequence[int]) -> tuple[int, int, int, float, float]:
    right, wrong, missed = counts
    return right, wrong, missed, right / max(right + wrong, 1), right / max(right + missed, 1)


def _measure(given: Trials, split: int, state: RecommendationsDB, counts: Counts) -> None:
    ready, _ = given.recognized(VARIANTS["half"], split)
    photos = list(_stored(given, split, state))
    enrolled = sorted(given.known - VARIANTS["half"].left_out(given.truth, given.known, split))
    state.link_performers({name: name for name in enrolled})
    chance = random.Random(split)

    missing: Tags = set()
    galleries: dict[str, set[str]] = {}
    for photo in photos:
        tagged = {name for name in sorted(photo.people) if chance.random() < 0.5}
        _tag(state, photo, tagged)
        missing |= {(IMAGE, photo.image_id, name) for name in photo.enrolled - tagged}
        galleries.setdefault(photo.gallery_id, set()).update(photo.enrolled)
    for gallery_id, people in galleries.items():
        tagged = {name for name in sorted(people) if chance.random() < 0.5}
        state.record_tags([TargetTags(GALLERY, gallery_id, tuple(tagged))])
        missing |= {(GALLERY, gallery_id, name) for name in people - tagged}
    counts.add(SEEN, _suggested(state, SEEN), missing)

    mistaken: Tags = set()
    for photo in photos:
        tagged = {name for name in sorted(photo.people) if chance.random() < 0.5}
        if photo.enrolled and chance.random() < 0.5:
            other = chance.choice([name for name in enrolled if name not in photo.people])
            tagged = {*tagged, other} - {chance.choice(sorted(photo.enrolled))}
            mistaken.add((IMAGE, photo.image_id, other))
        _tag(state, photo, tagged)
    known = {tag: sure for tag, sure in _suggested(state, TAGGED).items() if ready.database.find([tag[2]])}
    counts.add(TAGGED, known, mistaken)


def _stored(given: Trials, split: int, state: RecommendationsDB) -> Iterator[Photo]:
    ready, galleries = given.recognized(VARIANTS["half"], split)
    wanted = given.wanted(VARIANTS["half"], split)
    for gallery, seen in galleries.items():
        for photo in judge_photos(seen, ready, MatchOptions(evidence="gallery")).photos:
            image = f"{gallery}-{photo.path.name}"
            faces = [to_stored(face, photo.width, photo.height, ready.database) for face in photo.faces]
            identity = PictureIdentity.of([("path", image)])
            result = ImageResult(image, identity, given.pack.id, "v1", faces, gallery_ids=(gallery,))
            state.store_image_result(result)
            people = given.known.intersection(given.truth[gallery][photo.path.name])
            yield Photo(image, gallery, frozenset(wanted[gallery][photo.path.name]), people)


def _tag(state: RecommendationsDB, photo: Photo, tagged: set[str]) -> None:
    """A performer's id in Stash is here the name itself."""
    state.record_tags([TargetTags(IMAGE, photo.image_id, tuple(tagged), (photo.gallery_id,))])


def _suggested(state: RecommendationsDB, kind: str) -> dict[tuple[str, str, str], float]:
    """Everything of a kind, with its confidence."""
    state.refresh_suggestions()
    page = state.list_suggestions(SuggestionQuery(kind, 2.0, limit=10**6, shown=10**6))
    return {
        (each.target_type, each.target_id, group.person.key): confidence_at(each.distance)
        for group in page.groups
        for each in group.suggestions
    }


if __name__ == "__main__":
    main()
