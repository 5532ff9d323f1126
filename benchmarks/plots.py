"""The plots of docs/accuracy.md: figures only, no photo and no name."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

import lab
from stash_sense.enrolment.calibrate import LabelledFaces
from stash_sense.matching.calibration import Scorer

mpl.use("Agg")
mpl.rcParams.update({"svg.hashsalt": "stash-sense", "font.size": 10, "axes.grid": True, "grid.alpha": 0.3})

from matplotlib import pyplot as plt  # noqa: E402 - the back end has to be chosen first
from matplotlib.figure import Figure  # noqa: E402

Array = NDArray[np.float64]


def curve_plot(ways: Mapping[str, tuple[Array, Array]], target: str) -> None:
    """TPIR over FPIR: way -> (scores of the known where right, else -inf; scores of strangers)."""
    figure, axes = plt.subplots(figsize=(6.4, 4))
    rates = np.geomspace(1e-3, 0.3, 100)
    for name, (genuine, strangers) in ways.items():
        found = [(genuine > np.quantile(strangers, 1 - rate)).mean() for rate in rates]
        axes.plot(rates, found, label=name)
    axes.set(xscale="log", xlabel="strangers named (FPIR)", ylabel="known people found (TPIR)", ylim=(0.4, 1))
    axes.legend(loc="lower right")
    _save(figure, target)


def score_plot(known: LabelledFaces, crowd: LabelledFaces, scorer: Scorer, target: str) -> None:
    """Distances of the same and of different people's photos."""
    owners = np.array(known.owners)
    pairs = scorer.fused(known.probes, known.references)
    same = pairs[(owners[:, None] == owners[None]) & ~np.eye(len(owners), dtype=bool)]
    strangers = scorer.fused(crowd.probes, crowd.references)
    different = strangers[~np.eye(len(crowd.owners), dtype=bool)]
    figure, axes = plt.subplots(figsize=(6.4, 4))
    bins = np.linspace(0, 2, 81).tolist()
    axes.hist(
        different, bins, density=True, alpha=0.6, label=f"different people ({different.size:,} comparisons)"
    )
    axes.hist(same, bins, density=True, alpha=0.6, label=f"the same person ({same.size:,})")
    axes.axvline(0.6, linestyle="--", color="black", linewidth=1, label="0.6, the default limit")
    axes.set(xlabel="distance", ylabel="density", ylim=(0, 7))
    axes.legend()
    _save(figure, target)


def _save(figure: Figure, target: str) -> None:
    figure.tight_layout()
    figure.savefig(lab.REPOSITORY / target, metadata={"Date": None})
    plt.close(figure)
