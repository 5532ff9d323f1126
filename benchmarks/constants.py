"""How much hangs on each constant of the rule, and what it would be if one gallery had not been seen.

    python benchmarks/constants.py [--data FOLDER] [--only NAME ...]

The leave-out condition (see leave_out.py) with one constant changed at a time. Then each constant is chosen
on eight galleries and scored on the ninth, all nine in turn; the nine results are counted together.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lab
from answers import RATES, Tally, tally
from splits import VARIANTS
from stash_sense import matching
from trials import Trials, trials

MODULES = [import_module(f"{matching.__name__}.{module.name}") for module in iter_modules(matching.__path__)]
GRIDS: Mapping[str, Sequence[float]] = {
    "NAME_TRACK": (2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0),
    "OFFER_TRACK": (0.0, 0.5, 1.0, 1.5),
    "NAME_ALONE": (2.0, 2.4, 2.8, 3.2, 3.6, 4.0),
    "OFFER_ALONE": (1.4, 1.8, 2.2, 2.6),
    "RIVAL_LEAD": (0.0, 0.3, 0.6, 0.9, 1.2),
    "LEAD_COUNTS_TO": (2.75, 3.75, 4.75),
    "SECOND_WEIGHT": (0.0, 0.5, 0.75, 1.0),
    "GAP_WEIGHT": (0.0, 0.4, 0.65, 0.9, 1.2),
    "COHESION": (1.8, 2.3, 2.5, 2.6, 2.7, 2.8, 2.9, 3.0, 3.1, 3.3, 99.0),
    "JOIN_DISTANCE": (0.8, 0.85, 0.875, 0.9, 0.925, 0.95, 1.0),
    "SECOND_LOOK": (0.5, 1.0, 1.5, 99.0),
    "FRAGMENT_NEAR": (-1.2, -0.8, -0.4, 99.0),
    "BRIDGE": (0.5, 1.0, 1.5, 99.0),
    "APART_MOST": (1.75, 2.25, 2.75),
    "NEARER": (0.0, 0.2, 0.5),
    "gallery_slack": (0.1, 0.15, 0.2, 0.25),
}
"""Constant -> values, the one in use among them; 99 turns the step off."""
OF_A_FACE = ("NAME_ALONE", "OFFER_ALONE", "RIVAL_LEAD", "LEAD_COUNTS_TO", "SECOND_WEIGHT")
"""Those that judge a face alone too."""
NAMED = ("half", "photos 0.5", "references 1")
"""The variants that count where a constant is chosen, beside that of nobody enrolled."""
LEAST_PRECISION = 0.985


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the variants with one value of a constant."""

    value: float
    variants: Mapping[str, Tally]
    alone: Tally | None
    """Single images, half of the cast left out, where the constant matters to them."""

    def row(self, constant: str, in_use: float) -> list[object]:
        figures = {name: each.figures() for name, each in self.variants.items()}
        rates = ["{precision:.3f} / {recall:.3f}".format(**figures[name]) for name in NAMED]
        offered = min(figures[name]["offered"] for name in NAMED)
        asked = max(each["offered_wrong_mean"] for each in figures.values())
        star = " *" if self.value == in_use else ""
        wrong = figures["none"]["wrong"]
        alone = "{precision:.3f} / {recall:.3f}".format(**self.alone.figures()) if self.alone else ""
        return [f"{constant} {self.value:g}{star}", *rates, wrong, f"{offered:.3f}", f"{asked:.2f}", alone]

    def counts(self, galleries: Collection[str]) -> NDArray[np.int64]:
        """(4,) right, wrong, missed, offered of these galleries, over the variants that count."""
        counts = [self.variants[name].counts(galleries).sum(axis=0) for name in NAMED]
        return np.asarray(np.sum(counts, axis=0), np.int64)

    def names_nobody_wrongly(self, galleries: Collection[str]) -> bool:
        """Whether the bars hold on these galleries."""
        precise = all(
            RATES["precision"](self.variants[name].counts(galleries).sum(axis=0)) >= LEAST_PRECISION
            for name in NAMED
        )
        return precise and not self.names_of_nobody(galleries)

    def names_of_nobody(self, galleries: Collection[str]) -> int:
        """Names given where nobody of the cast is enrolled."""
        return int(self.variants["none"].counts(galleries)[:, 1].sum())


HEAD = (
    "constant (* in use)",
    *(f"{name}, P / R" for name in NAMED),
    "none: names",
    "offered, least",
    "wrong offered",
    "single image, P / R",
)


@contextmanager
def changed(given: Trials, constant: str, value: float) -> Iterator[None]:
    """The rule with another value of a constant, for a while, in every module that reads it."""
    scorer = given.pack.scorer
    if constant == "gallery_slack":
        kept = scorer.calibration
        scorer.calibration = kept.model_copy(update={constant: value})
        try:
            yield
        finally:
            scorer.calibration = kept
        return
    before = value_in_use(given, constant)
    readers = [module for module in MODULES if hasattr(module, constant)]
    for module in readers:
        setattr(module, constant, value)
    try:
        yield
    finally:
        for module in readers:
            setattr(module, constant, before)


def value_in_use(given: Trials, constant: str) -> float:
    """What the rule has now."""
    if constant == "gallery_slack":
        return given.pack.scorer.calibration.gallery_slack
    values = {getattr(module, constant) for module in MODULES if hasattr(module, constant)}
    (value,) = values
    return float(value)


def outcome(given: Trials, value: float, *, single: bool) -> Outcome:
    """The rule as it is now, on the variants."""
    variants = {name: tally(given, VARIANTS[name]) for name in (*NAMED, "none")}
    return Outcome(value, variants, tally(given, VARIANTS["half"], "single image") if single else None)


def left_out_in_turn(outcomes: Sequence[Outcome], galleries: Sequence[str]) -> dict[str, Any]:
    """The value chosen on all galleries but one, scored on that one.

    Chosen is, among the values with which the bars hold on the eight galleries, the one with the highest
    recall there. Of several equal ones each counts its share; `worst`: the least precise of them is chosen.
    """
    chosen = {}
    mean, worst = np.zeros(5), np.zeros(5)
    for gallery in galleries:
        others = [each for each in galleries if each != gallery]
        able = [one for one in outcomes if one.names_nobody_wrongly(others)] or list(outcomes)
        recalls = [RATES["recall"](one.counts(others)) for one in able]
        best = [one for one, recall in zip(able, recalls, strict=True) if recall == max(recalls)]
        chosen[gallery] = [one.value for one in best]
        scores = [np.append(one.counts({gallery}), one.names_of_nobody({gallery})) for one in best]
        mean += np.mean(scores, axis=0)
        worst += max(scores, key=lambda score: (score[1] + score[4], score[2]))
    return {"chosen": chosen, "mean": _rates(mean), "worst": _rates(worst)}


def _rates(score: NDArray[np.float64]) -> dict[str, float]:
    rates = {name: RATES[name](score[:4]) for name in ("precision", "recall")}
    return {**rates, "none_names": float(score[4])}


def main() -> None:
    parser = lab.parser(__doc__)
    parser.add_argument("--only", nargs="*", default=list(GRIDS), choices=list(GRIDS), metavar="NAME")
    options = parser.parse_args()
    rows, crossed, figures = [], [], {}
    with trials(lab.face_data(options.data)) as given:
        as_it_is = outcome(given, 0.0, single=True)
        for constant in options.only:
            in_use = value_in_use(given, constant)
            outcomes = []
            for value in GRIDS[constant]:
                if value == in_use:
                    outcomes.append(replace(as_it_is, value=value))
                    continue
                with changed(given, constant, value):
                    outcomes.append(outcome(given, value, single=constant in OF_A_FACE))
            rows += [one.row(constant, in_use) for one in outcomes]
            figures[constant] = left_out_in_turn(outcomes, sorted(given.truth))
            values = sorted({value for each in figures[constant]["chosen"].values() for value in each})
            span = f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
            rates = [
                figures[constant][how][rate]
                for how in ("mean", "worst")
                for rate in ("precision", "recall", "none_names")
            ]
            crossed.append([constant, in_use, span, *rates])
    lab.table("One constant changed, half of the cast left out", HEAD, rows)
    lab.table(
        f"Chosen on eight galleries, scored on the ninth ({', '.join(NAMED)} together)",
        (
            "constant",
            "in use",
            "chosen",
            "precision",
            "recall",
            "none: names",
            "worst: precision",
            "recall",
            "none: names",
        ),
        crossed,
    )
    lab.save("constants", {"rows": [list(HEAD), *rows], "galleries_left_out": figures})


if __name__ == "__main__":
    main()
