"""What a training has learned, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from qspin.arguments import checked_arguments
from qspin.plot.style import axes_or_current, finished, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["epoch_curves", "learning_curves"]


def learning_curves(
    curves: Mapping[str, ArrayLike],
    quantity: Literal["loss", "accuracy"],
    ax: Axes | None = None,
    *,
    epochs: ArrayLike | None = None,
) -> Axes:
    """Loss or accuracy on training and test set against the epoch.

    Parameters
    ----------
    curves : as `TrainingRecord.curves`, values (kept,)
    quantity : ``loss`` (cross-entropy, nats; logarithmic) or ``accuracy``
    ax : where to draw; default the current axes
    epochs : (kept,), as `TrainingRecord.kept`; default 0, 1, 2 ...
    """
    ax = axes_or_current(ax)
    for k, part in enumerate(("train", "test")):
        values = np.asarray(curves[f"{quantity}_{part}"])
        places = np.arange(len(values)) if epochs is None else np.asarray(epochs)
        ax.plot(places, values, label=part, **{**style_of(k), "marker": None})
    ax.set(xlabel="epoch", ylabel="cross-entropy / nats" if quantity == "loss" else "accuracy")
    if quantity == "loss":
        ax.set_yscale("log")
    return finished(ax)


@checked_arguments
def epoch_curves(
    runs: Sequence[xr.Dataset],
    labels: Mapping[str, str],
    ax: Axes | None = None,
    *,
    label: str = "",
    is_logarithmic: bool = False,
) -> Axes:
    """Curves of one training, or of several of one kind, against the epoch.

    Parameters
    ----------
    runs : over ``epoch``; those of one kind look alike
    labels : variables that are drawn -> what they are called
    ax : where to draw; default the current axes
    label : of the vertical axis
    is_logarithmic : the vertical axis
    """
    ax = axes_or_current(ax)
    for k, (name, called) in enumerate(labels.items()):
        for n, run in enumerate(own for own in runs if name in own):
            style = {**style_of(k), "marker": None, "alpha": 1.0 if len(runs) == 1 else 0.5}
            ax.plot(run["epoch"].values, run[name].values, label=called if n == 0 else None, **style)
    ax.set(xlabel="epoch", ylabel=label)
    if is_logarithmic:
        ax.set_yscale("log")
    return finished(ax)
