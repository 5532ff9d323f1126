"""Who is in the labelled galleries when half of the people in them are not enrolled.

    python benchmarks/leave_out.py [--data FOLDER] [--names]

Every second person of each gallery is left out of the enrolment, in four splits; a name given to one of their
faces is wrong. Then the same with fewer photos, one reference a person, nobody and everybody enrolled. Splits
are those of tools/leave_out.py of the evaluation data; faces are looked at once. Nothing is fitted here.
"""

from typing import Any

import numpy as np

import lab
from answers import Tally, Way, tally
from splits import VARIANTS
from stash_sense.matching.candidates import stack_embeddings
from trials import Trials, trials

WAYS: tuple[Way, ...] = ("gallery", "plain", "single image")
LEAST = {
    "half": (0.985, 0.97),
    "photos 0.5": (0.98, 0.95),
    "references 1": (0.975, 0.95),
}
"""Variant -> the least precision and recall of gallery evidence."""
RECALL_BEFORE: dict[Way, float] = {"plain": 0.891, "single image": 0.881}
"""Before evidence was weighed, half of the cast left out; at a precision of 0.957 and 0.857."""


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--names", action="store_true", help="print whose names were wrong")
    options = parser.parse_args()
    with trials(lab.face_data(options.data)) as given:
        tallies = {
            way: {name: tally(given, variant, way) for name, variant in VARIANTS.items()} for way in WAYS
        }
        missed = _missed(given, tallies["gallery"]["half"])
    figures = {
        way: {name: each.figures() for name, each in of_way.items()} for way, of_way in tallies.items()
    }
    for way in WAYS:
        lab.table(
            f"{way.capitalize()}, by photo, 95 % of photos drawn again in brackets",
            HEAD,
            [_row(name, figures[way][name]) for name in VARIANTS],
        )
        if options.names:
            for name in VARIANTS:
                print(f"{name}: {dict(tallies[way][name].wrong.most_common())}")
    _print_galleries(tallies["gallery"]["half"])
    lab.table("Missed on photos, half of the cast left out", MISSED, missed)
    _print_splits({name: tallies["gallery"][name] for name in VARIANTS})
    lab.table("Bars", ["what", "figure", "wanted", "reached"], _bars(figures))
    lab.save(
        "leave_out",
        {
            "figures": figures,
            "splits": {
                way: {
                    name: {split: row.tolist() for split, row in each.splits.items()}
                    for name, each in rest.items()
                }
                for way, rest in tallies.items()
            },
        },
    )


HEAD = (
    "variant",
    "precision",
    "recall",
    "F1",
    "offered",
    "right",
    "wrong",
    "missed",
    "wrong people",
    "wrong people offered a gallery, mean / most",
)


def _row(name: str, figures: dict[str, Any]) -> list[object]:
    rates = [_with_span(figures, rate) for rate in ("precision", "recall", "f1", "offered")]
    strangers = f"{figures['offered_wrong_mean']:.2f} / {figures['offered_wrong_most']}"
    counts = [figures[key] for key in ("right", "wrong", "missed", "wrong_people")]
    return [name, *rates, *counts, strangers]


def _with_span(figures: dict[str, Any], rate: str) -> str:
    if f"{rate}_95" not in figures:
        return "-"
    return "{:.3f} ({:.3f} to {:.3f})".format(figures[rate], *figures[f"{rate}_95"])


def _print_galleries(half: Tally) -> None:
    rows = []
    for gallery in sorted({gallery for gallery, _ in half.photos}):
        hit, wrong, missed, offered = half.counts({gallery}).sum(axis=0).tolist()
        rows.append([gallery, hit, wrong, missed, offered - hit])
    lab.table(
        "Gallery evidence, half of the cast left out, by gallery",
        ("gallery", "right", "wrong", "missed", "of these offered"),
        rows,
    )


MISSED = ("photo", "splits", "distance", "quality", "face, px")


def _missed(given: Trials, half: Tally) -> list[list[object]]:
    """For each person missed on a photo: the nearest face there, to their references, were all enrolled."""
    ready, photos = given.recognized(VARIANTS["all"], 0)
    rows: list[list[object]] = []
    for (gallery, name, person), splits in sorted(half.missed.items()):
        faces = next(photo.faces for photo in photos[gallery] if photo.path.name == name)
        (index,) = ready.database.find([person]).values()
        references = ready.database.vectors(ready.database.rows(index))
        row: list[object] = [f"{gallery} {name}", splits]
        if faces:
            probes = stack_embeddings([dict(face.embeddings) for face in faces], given.pack.scorer.slots)
            distances = given.pack.scorer.fused(probes, references).min(axis=1)
            face = faces[int(distances.argmin())]
            side = float(np.sqrt(np.prod(face.box[2:] - face.box[:2])))
            row += [round(float(distances.min()), 2), round(face.quality.score, 2), round(side)]
        rows.append(row if faces else [*row, "no face", "", ""])
    return rows


def _print_splits(tallies: dict[str, Tally]) -> None:
    rows = [
        [f"{name}, split {split}", *row.tolist()]
        for name, each in tallies.items()
        for split, row in each.splits.items()
    ]
    lab.table("Gallery evidence, each split", ("split", "right", "wrong", "missed"), rows)


def _bars(figures: dict[Way, dict[str, dict[str, Any]]]) -> list[list[object]]:
    gallery = figures["gallery"]
    rows = []
    for name, least in LEAST.items():
        for rate, wanted in zip(("precision", "recall"), least, strict=True):
            rows.append(lab.bar(f"{name}: {rate}", gallery[name][rate], wanted))
    rows.append(lab.bar("half: wrong people", gallery["half"]["wrong_people"], 0, least=False))
    rows.append(lab.bar("none: names given", gallery["none"]["wrong"], 0, least=False))
    rows.append(lab.bar("all: F1", gallery["all"]["f1"], 0.985))
    for name, each in gallery.items():
        if name != "none":
            rows.append(lab.bar(f"{name}: offered", each["offered"], 0.97))
        rows.append(
            lab.bar(f"{name}: wrong people offered a gallery", each["offered_wrong_mean"], 1, least=False)
        )
    for way, recall in RECALL_BEFORE.items():
        half = figures[way]["half"]
        rows.append(lab.bar(f"{way}, half: precision", half["precision"], 0.975))
        rows.append(lab.bar(f"{way}, half: recall", half["recall"], recall - 0.03))
    return rows


if __name__ == "__main__":
    main()
