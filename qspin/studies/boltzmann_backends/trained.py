"""What trainings left behind: likelihoods by seed and epoch, what was spent, and images of data and model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.of_model import draws_at, row_of_model
from qspin.study import INSTANCE, Cell, PreparedFor, ProblemLine, Results

__all__ = [
    "Trained",
    "dataset_of",
    "images_dataset",
    "images_of",
    "spread_of",
    "standard_error",
    "trained_by",
]

_TEST, _TRAIN = "log_likelihood_test", "log_likelihood_train"
_DATA = "images"  # array of a preparation: some of its data as images of 0 and 1 (n, height, width)


class Trained(NamedTuple):
    """Trainings of one problem, one a seed, all at the same epochs.

    Parameters
    ----------
    values : log-likelihoods (seed, epoch), nats
    seconds, paid_seconds, samples : that were spent until then (seed, epoch); NaN where it is not told
    images : some of the data; None where they are none
    instances : value of the axis `INSTANCE` of each seed; empty where it is not known, as when some failed
    """

    problem: str
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    paid_seconds: NDArray[np.float64]
    samples: NDArray[np.float64]
    images: NDArray[np.int8] | None = None
    instances: tuple[Any, ...] = ()

    @property
    def last(self) -> NDArray[np.float64]:
        return self.values[:, -1]


def trained_by(results: Results) -> tuple[dict[str, Trained], bool]:
    """By problem, in the order of the config; and whether it is held-out data that count."""
    runs: dict[str, list[PreparedFor]] = {}
    for label in results.asked.problems:
        own = [made for made in results.prepared() if label in made.problems]
        if own := [made for made in own if _has_likelihood(made.prepared.curves)]:
            runs[label] = own
    is_held_out = bool(runs) and all(_TEST in made.prepared.curves for own in runs.values() for made in own)
    name = _TEST if is_held_out else _TRAIN
    lines = results.asked.problems
    return {label: _trained(lines[label], own, name) for label, own in runs.items()}, is_held_out


def _has_likelihood(curves: xr.Dataset) -> bool:
    return _TRAIN in curves and bool(curves.sizes["epoch"])


def _trained(line: ProblemLine, own: Sequence[PreparedFor], name: str) -> Trained:
    curves = [made.prepared.curves for made in own]
    instances = next((axis.values for axis in line.axes if axis.name == INSTANCE), ())
    return Trained(
        line.label,
        curves[0]["epoch"].values,
        _over_seeds(curves, name),
        _over_seeds(curves, "seconds"),
        _over_seeds(curves, "paid_seconds"),
        _over_seeds(curves, "samples"),
        own[0].prepared.arrays.get(_DATA),
        instances if len(instances) == len(own) else (),
    )


def _over_seeds(runs: Sequence[xr.Dataset], name: str) -> NDArray[np.float64]:
    """(seed, epoch); NaN where a run does not tell."""
    unknown = [np.full(run.sizes["epoch"], math.nan) for run in runs]
    rows = [run[name].values if name in run else own for run, own in zip(runs, unknown, strict=True)]
    return np.array(rows, dtype=np.float64)


def images_of(results: Results, trained: Mapping[str, Trained]) -> dict[str, NDArray[np.int8]]:
    """Images of 0 and 1 (n, height, width) by title: data, and samples of each model at beta = 1, all of the
    first seed. Models without such samples, or whose visible spins are no images, are left out."""
    found: dict[str, NDArray[np.int8]] = {}
    for cell in results.cells("record"):
        own = trained.get(cell.problem)
        if own is None or own.images is None:
            continue
        spins = _visible(results, cell, len(own.images))
        if len(spins) and spins.shape[1] == own.images[0].size:
            images = (spins > 0).astype(np.int8).reshape(-1, *own.images.shape[1:])
            found |= {"data": own.images} if not found else {}
            found[cell.problem] = images
    return found


def _visible(results: Results, cell: Cell, n: int) -> NDArray[np.int8]:
    """Visible spins (n, n_visible) of samples at beta = 1, see `draws_at`; none if there are no such samples
    or spins."""
    samples, known = results.samples(cell.problem, cell.backend), results.problem(cell.problem).known
    visible = None if known is None or known.groups is None else known.groups.get("visible")
    row = None if samples is None else row_of_model(samples.betas)
    if samples is None or row is None or visible is None:
        return np.empty((0, 0), dtype=np.int8)
    return draws_at(samples, row, n)[:, visible]


def images_dataset(title: str, images: NDArray[np.int8]) -> xr.Dataset:
    """To be kept."""
    return xr.Dataset({"images": (("image", "row", "column"), images)}, attrs={"title": title})


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean; NaN of one value."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def spread_of(own: Trained) -> NDArray[np.float64]:
    """Standard errors over seeds of the likelihood (epoch,)."""
    return np.array([standard_error(column) for column in own.values.T])


def dataset_of(own: Trained) -> xr.Dataset:
    """Means over seeds, over ``epoch``."""
    spent = {name: getattr(own, name).mean(0) for name in ("seconds", "paid_seconds", "samples")}
    variables = {"likelihood": own.values.mean(0), "likelihood_error": spread_of(own), **spent}
    return xr.Dataset(
        {name: ("epoch", values) for name, values in variables.items()},
        coords={"epoch": own.epochs},
        attrs={"problem": own.problem},
    )
