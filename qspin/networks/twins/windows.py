"""Which values a convolution or a pooling looks at: positions along each axis, and of all axes together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError

__all__ = ["adaptive", "per_axis", "sliding", "together"]

OUTSIDE = -1

_PADDED = {"zeros": None, "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def per_axis(given: Any, n_axes: int) -> tuple[int, ...]:
    """A setting of a layer that is one number, or one an axis."""
    return (int(given),) * n_axes if isinstance(given, int) else tuple(map(int, given))


def sliding(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: tuple[int, int] = (0, 0),
    dilation: int = 1,
    mode: str = "zeros",
    ceil: bool = False,
) -> NDArray[np.int64]:
    """Positions (n_out, kernel) along one axis that each window looks at; `OUTSIDE` where that is no value.

    Parameters
    ----------
    size : of the axis
    padding : before and after
    mode : of the padding, as `torch.nn.Conv2d` names them
    ceil : let the last window reach out of what is there
    """
    before, after = padding
    room = size + before + after - dilation * (kernel - 1) - 1
    n_out = (-(-room // stride) if ceil else room // stride) + 1
    if ceil and (n_out - 1) * stride >= size + before:  # a window that would start in the padding
        n_out -= 1
    positions = np.arange(n_out)[:, None] * stride + dilation * np.arange(kernel)
    pad: Any = _PADDED[mode]
    if pad is None:
        there = np.full(max(int(positions.max(initial=0)) + 1, before + size + after), OUTSIDE)
        there[before : before + size] = np.arange(size)
    else:
        there = np.pad(np.arange(size), padding, mode=pad)
    return np.asarray(there[positions])


def adaptive(size: int, n_out: int) -> NDArray[np.int64]:
    """Positions (n_out, longest) of the windows that `torch.nn.AdaptiveAvgPool1d` takes along one axis."""
    starts = np.arange(n_out) * size // n_out
    ends = -(-(np.arange(n_out) + 1) * size // n_out)
    positions = starts[:, None] + np.arange(int((ends - starts).max(initial=1)))
    return np.where(positions < ends[:, None], positions, OUTSIDE)


def together(axes: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> NDArray[np.int64]:
    """Flat positions (all windows, all values of a window) from those along each axis.

    Raises
    ------
    InputError
        If a window is larger than what it slides over.
    """
    flat = np.zeros((1, 1), dtype=np.int64)
    for positions, size in zip(axes, sizes, strict=True):
        if positions.size == 0:
            raise InputError(f"a window is longer than the {size} values that it slides along")
        before, now = flat[:, None, :, None], positions[None, :, None, :]
        both = np.where((before == OUTSIDE) | (now == OUTSIDE), OUTSIDE, before * size + now)
        flat = both.reshape(flat.shape[0] * positions.shape[0], -1)
    return flat
