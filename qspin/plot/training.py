"""What a training has learned, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from qspin.plot.style import axes_or_current, finished, style_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["learning_curves"]


def learning_curves(
    curves: Mapping[str, ArrayLike], quantity: Literal["loss", "accuracy"], ax: Axes | None = None
) -> Axes:
    """Loss or accuracy on training and test set against the epoch.

    Parameters
    ----------
    curves : as `TrainingRecord.curves`, values (epochs + 1,)
    quantity : ``loss`` (cross-entropy, nats; logarithmic) or ``accuracy``
    ax : where to draw; default the current axes
    """
    ax = axes_or_current(ax)
    for k, part in enumerate(("train", "test")):
        values = np.asarray(curves[f"{quantity}_{part}"])
        ax.plot(np.arange(len(values)), values, label=part, **{**style_of(k), "marker": None})
    ax.set(xlabel="epoch", ylabel="cross-entropy / nats" if quantity == "loss" else "accuracy")
    if quantity == "loss":
        ax.set_yscale("log")
    return finished(ax)
