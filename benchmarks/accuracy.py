"""Who is in the labelled galleries when all of them are enrolled, by the official scorer.

python benchmarks/accuracy.py [--data FOLDER] [--scorer score_galleries.py]
With dev/enrol and the crowd enrolled, default settings: both kinds of evidence with bootstrap intervals, then
with another distance, and without the crowd. The usual case, half of the people not enrolled: leave_out.py.
"""

from pathlib import Path

import numpy as np

import lab
from score import add_scorer, find_scorer, official_score
from stash_sense.domain.progress import NoProgress
from stash_sense.matching.gallery_people import Evidence, MatchOptions
from stash_sense.recognition.folder import FolderResult, RecognizedPhoto, identify_photos, judge_photos
from stash_sense.recognition.recognizer import FaceRecognizer, LoadedPack
from stash_sense.runtime.from_settings import recognizer

RESAMPLES = 2000
Photos = dict[str, tuple[RecognizedPhoto, ...]]
Named = dict[str, dict[str, list[str]]]


def look(data: lab.FaceData, ready: FaceRecognizer) -> Photos:
    """Every gallery's photos with their faces; what evidence makes of them comes later."""
    options = MatchOptions(evidence="plain")
    return {
        gallery: identify_photos(paths, ready, options, NoProgress()).photos
        for gallery, paths in data.galleries().items()
    }


def named(photos: Photos, ready: FaceRecognizer, options: MatchOptions) -> Named:
    """Gallery -> person -> photos."""
    results: dict[str, FolderResult] = {
        gallery: judge_photos(seen, ready, options) for gallery, seen in photos.items()
    }
    return {
        gallery: {
            person.person.name: [str(path) for path in result.paths(person.images)]
            for person in result.people
        }
        for gallery, result in results.items()
    }


def resampled(truth: dict[str, dict[str, list[str]]], found: Named) -> tuple[float, float]:
    """The 95 % interval of the photo F1 when photos are drawn again with replacement."""
    rows = []
    for gallery, photos in truth.items():
        people = {
            photo: {
                name
                for name, paths in found[gallery].items()
                if any(Path(path).name == photo for path in paths)
            }
            for photo in photos
        }
        for photo, names in photos.items():
            want = set(names) - {"UNKNOWN"}
            rows.append((len(people[photo] & want), len(people[photo] - want), len(want - people[photo])))
    counts, random = np.array(rows), np.random.default_rng(0)
    drawn = counts[random.integers(0, len(counts), (RESAMPLES, len(counts)))].sum(axis=1)
    return lab.interval(2 * hit / max(1, 2 * hit + wrong + missed) for hit, wrong, missed in drawn)


def row(what: str, truth: Path, found: Named, scorer: Path) -> list[object]:
    """One line of the tables: the official scorer's photo and gallery level."""
    report = official_score(truth, found, scorer)
    photo, gallery = report["photo"], report["gallery"]
    counts = f"{gallery['wrong']} / {gallery['missed']}"
    return [what, *(photo[key] for key in ("precision", "recall", "f1", "wrong", "missed")), counts]


HEAD = ("what", "precision", "recall", "photo F1", "wrong", "missed", "gallery wrong / missed")


def variations(
    data: lab.FaceData, pack: LoadedPack, photos: Photos, ready: FaceRecognizer, scorer: Path
) -> list[list[object]]:
    """The same faces with another distance, and with nobody but the 182 enrolled."""
    rows = []
    for value in (0.5, 0.55, 0.6, 0.65, 0.7):
        options = MatchOptions(max_distance=value)
        rows.append(row(f"max distance {value:g}", data.truth, named(photos, ready, options), scorer))
    with recognizer(pack, data.enrolled(pack, crowd=False)) as alone:
        found = named(look(data, alone), alone, MatchOptions())
        rows.append(row("without the crowd", data.truth, found, scorer))
    return rows


def main() -> None:
    parser = lab.parser(__doc__)
    add_scorer(parser)
    arguments = parser.parse_args()
    data = lab.face_data(arguments.data)
    scorer = find_scorer(data, arguments.scorer)
    pack = lab.default_pack()
    kinds: tuple[Evidence, ...] = ("gallery", "plain")
    with recognizer(pack, data.enrolled(pack)) as ready:
        people = ready.database.people
        photos = look(data, ready)
        found = {kind: named(photos, ready, MatchOptions(evidence=kind)) for kind in kinds}
        others = variations(data, pack, photos, ready, scorer)
    truth = lab.read_truth(data)
    spans = {kind: resampled(truth, found[kind]) for kind in kinds}
    rows = [
        [*row(kind, data.truth, found[kind], scorer), "{:.3f} to {:.3f}".format(*spans[kind])]
        for kind in kinds
    ]
    lab.table(f"Galleries, {people:,} people enrolled, default settings", (*HEAD, "95 % of F1"), rows)
    lab.table("The same with another distance or database", HEAD, others)
    scores = {kind: official_score(data.truth, found[kind], scorer) for kind in kinds}
    photo, gallery = scores["gallery"]["photo"], scores["gallery"]["gallery"]
    bars = [
        lab.bar("photo F1", photo["f1"], 0.985),
        lab.bar("photo precision", photo["precision"], 0.985),
        lab.bar("gallery level, wrong names", gallery["wrong"], 1, least=False),
        lab.bar("gallery level, missed names", gallery["missed"], 1, least=False),
    ]
    lab.table("Bars", ["what", "figure", "wanted", "reached"], bars)
    lab.save("accuracy", {"people": people, "scores": scores, "f1_95": spans, "variations": others})


if __name__ == "__main__":
    main()
