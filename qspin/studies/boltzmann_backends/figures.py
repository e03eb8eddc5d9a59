"""Likelihoods over epochs and seconds, and samples of the models beside data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.plot import mosaic, style_of
from qspin.plot.style import finished, logarithmic
from qspin.studies.boltzmann_backends.trained import Trained, spread_of
from qspin.study import Figure

__all__ = ["curves_figure", "pictures_figure"]

_MARGIN = 0.06  # of a panel, above and below
_MOST_COLUMNS = 4  # of images
_WIDTH = 7.4  # inches, of all columns together


def curves_figure(trained: Mapping[str, Trained], what: str) -> Figure:
    """Over epochs, and over seconds where all tell them.

    Parameters
    ----------
    what : whose likelihood it is
    """
    own = list(trained.values())
    panels: list[Callable[[Any], Any]] = [partial(_over_epochs, own)]
    told = "over epochs, epoch 0 being before any of them"
    if all((one.seconds[:, -1] > 0).all() for one in own):
        panels.append(partial(_over_seconds, own))
        told += ", and over the seconds that these took, mean over seeds"
    caption = (
        f"Mean log-likelihood of {what} {told}. Bars are one standard error over seeds. The second half of "
        "the epochs is shown whole; what lies lower before is cut off."
    )
    return Figure("likelihoods", caption, panels)


def _over_epochs(trained: Sequence[Trained], ax: Any) -> None:
    for k, own in enumerate(trained):
        _line(ax, k, own, own.epochs)
    _framed(ax, trained, "epoch")
    finished(ax)


def _over_seconds(trained: Sequence[Trained], ax: Any) -> None:
    for k, own in enumerate(trained):
        seconds = own.seconds.mean(0)
        _line(ax, k, own, np.where(seconds > 0, seconds, np.nan))
    _framed(ax, trained, "seconds of training")
    finished(logarithmic(ax))


def _line(ax: Any, k: int, own: Trained, places: NDArray[Any]) -> None:
    errors = np.nan_to_num(spread_of(own))
    ax.errorbar(places, own.values.mean(0), errors, label=own.problem, capsize=2, **style_of(k))


def _framed(ax: Any, trained: Sequence[Trained], label: str) -> None:
    """From the lowest likelihood of the second half of the epochs on: some samplers begin far below, and
    differences at the end would not be seen beside it."""
    low, high = [], []
    for own in trained:
        means, errors = own.values.mean(0), np.nan_to_num(spread_of(own))
        late = own.epochs >= own.epochs[-1] / 2
        low.append((means - errors)[late].min())
        high.append((means + errors).max())
    margin = _MARGIN * ((max(high) - min(low)) or 1.0)
    ax.set(xlabel=label, ylabel="log-likelihood / nat", ylim=(min(low) - margin, max(high) + margin))


def pictures_figure(images: Mapping[str, NDArray[np.int8]]) -> list[Figure]:
    """Images (n, height, width) of data and of each model, by title; none where there are none."""
    if not images:
        return []
    panels = [partial(_titled, title, rows) for title, rows in images.items()]
    caption = (
        "Data that were learned, and samples of each model at beta = 1 by the same backend, whichever "
        "sampler it was trained with. Of the first seed."
    )
    rows = -(-len(panels) // _MOST_COLUMNS)
    columns = -(-len(panels) // rows)
    return [Figure("images", caption, panels, _WIDTH / columns, columns)]


def _titled(title: str, rows: Any, ax: Any) -> None:
    mosaic(rows, ax)
    ax.set_title(title, fontsize="medium")
