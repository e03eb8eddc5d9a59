"""Many small images on one panel: data, samples of machines, weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.arguments import checked_arguments
from qspin.errors import InputError
from qspin.plot.style import axes_or_current
from qspin.sampler import PositiveInt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["mosaic"]

_UNKNOWN = "#E69F00"  # of a pixel without value: in no colour map that is used here
_BETWEEN = "#BBBBBB"


@checked_arguments
def mosaic(
    images: ArrayLike,
    ax: Axes | None = None,
    *,
    shape: tuple[PositiveInt, PositiveInt] | None = None,
    n_columns: PositiveInt | None = None,
    is_signed: bool = False,
) -> Axes:
    """Images row by row with a grey line between them.

    Parameters
    ----------
    images : (n, height, width), or (n, height * width) with their `shape`; a pixel that is NaN is not known
        and orange
    ax : where to draw; default the current axes
    shape : height and width of an image
    n_columns : images in a row; default about as many as there are rows
    is_signed : numbers of both signs, such as weights: blue, white at 0 and red, each to the largest size
        of all; else white is the lowest of all values and black the highest

    Raises
    ------
    InputError
        If they are no images.

    Examples
    --------
    >>> mosaic([[0, 1, 1, 0]] * 3, shape=(2, 2), n_columns=3).images[0].get_array().shape
    (4, 10)
    """
    from matplotlib import colormaps

    ax = axes_or_current(ax)
    stack = _stacked(images, shape)
    columns = n_columns or math.ceil(math.sqrt(len(stack)))
    low, high = _range(stack, is_signed)
    colours = colormaps["RdBu_r" if is_signed else "Greys"].with_extremes(bad=_UNKNOWN, under=_BETWEEN)
    tiled = _tiled(stack, columns, low - (high - low))
    ax.imshow(tiled, cmap=colours, vmin=low, vmax=high, interpolation="nearest", rasterized=True)
    ax.set_axis_off()
    return ax


def _stacked(images: ArrayLike, shape: tuple[int, int] | None) -> NDArray[np.float64]:
    stack = np.asarray(images, dtype=np.float64)
    if shape is not None and stack.ndim == 2 and stack.shape[1] == shape[0] * shape[1]:
        stack = stack.reshape(-1, *shape)
    if stack.ndim != 3 or not stack.size or (shape is not None and stack.shape[1:] != shape):
        expected = "(n, height, width), or (n, pixels) and a shape of so many"
        given = "" if shape is None else f" with shape={shape}"
        raise InputError(f"images have shape {expected}; got {stack.shape}{given}")
    return stack


def _range(stack: NDArray[np.float64], is_signed: bool) -> tuple[float, float]:
    """Of the values that are known; images of one value are white."""
    known = stack[~np.isnan(stack)]
    if is_signed:
        largest = float(np.abs(known).max(initial=0.0)) or 1.0
        return -largest, largest
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return low, high if high > low else low + 1


def _tiled(stack: NDArray[np.float64], columns: int, line: float) -> NDArray[np.float64]:
    """One image of all, with a line of one pixel around each and at the places that are left."""
    n, height, width = stack.shape
    rows = -(-n // columns)
    tiled = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), line)
    for k, image in enumerate(stack):
        top, left = (k // columns) * (height + 1) + 1, (k % columns) * (width + 1) + 1
        tiled[top : top + height, left : left + width] = image
    return tiled
