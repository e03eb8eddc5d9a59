"""Convolutions: shared weights become many couplings, one for each place where they act."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from qspin.errors import InputError
from qspin.networks.twins.forms import Form, Matrix
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.windows import OUTSIDE, per_axis, sliding, together
from qspin.networks.twins.wiring import Wiring

__all__ = ["convolution"]


def convolution(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Over one, two or three axes: grouped, strided, padded in any way, dilated."""
    weights = numbers_of(layer.weight, f"weight of layer {name!r}")
    n_axes = weights.ndim - 2
    if len(given.shape) != n_axes + 1 or given.shape[0] != layer.in_channels:
        raise InputError(
            f"layer {name!r} takes {layer.in_channels} channels of {n_axes} axes; what it is given has the "
            f"shape {given.shape}. Is input_shape (channels, {', '.join(['size'] * n_axes)})?"
        )
    axes = _windows(layer, given.shape[1:], n_axes)
    places = tuple(len(positions) for positions in axes)
    flat = together(axes, given.shape[1:])
    n_out = len(weights)
    n_in = math.prod(given.shape)
    kernels = weights.reshape(*weights.shape[:2], -1)
    matrix = _matrix(kernels, flat, layer.groups, n_in)
    bias = np.zeros(n_out) if layer.bias is None else numbers_of(layer.bias, f"bias of layer {name!r}")
    return wiring.settled(given).applied(
        matrix, np.repeat(bias, len(flat)), (n_out, *places), name, is_new=True
    )


def _windows(layer: Any, sizes: tuple[int, ...], n_axes: int) -> list[NDArray[np.int64]]:
    kernel, stride, dilation = (
        per_axis(getattr(layer, setting), n_axes) for setting in ("kernel_size", "stride", "dilation")
    )
    return [
        sliding(
            size,
            kernel[k],
            stride=stride[k],
            padding=_padding(layer.padding, kernel[k], dilation[k], k, n_axes),
            dilation=dilation[k],
            mode=layer.padding_mode,
        )
        for k, size in enumerate(sizes)
    ]


def _padding(given: Any, kernel: int, dilation: int, axis: int, n_axes: int) -> tuple[int, int]:
    if given == "valid":
        return 0, 0
    if given == "same":
        total = dilation * (kernel - 1)
        return total // 2, total - total // 2
    each = per_axis(given, n_axes)[axis]
    return each, each


def _matrix(weights: NDArray[np.float64], windows: NDArray[np.int64], n_groups: int, n_in: int) -> Matrix:
    """From weights (out, in of a group, kernel) and windows (places, kernel)."""
    n_out, each, kernel = weights.shape
    places = len(windows)
    variance = 1 / (3 * each * kernel)
    inside = int((windows != OUTSIDE).sum())
    build = functools.partial(_built, windows=windows, n_groups=n_groups, n_in=n_in)
    return Matrix(
        (n_out * places, n_in),
        n_out * each * inside,
        lambda: build(weights),
        lambda: build(np.full(weights.shape, variance)),
    )


def _built(
    weights: NDArray[np.float64], *, windows: NDArray[np.int64], n_groups: int, n_in: int
) -> sparse.csr_array:
    """Rows (out, place); columns (in, value)."""
    n_out, each, kernel = weights.shape
    places, size = len(windows), n_in // (each * n_groups)
    counts = each * (windows != OUTSIDE).sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(np.tile(counts, n_out))])
    columns = np.empty(int(starts[-1]), dtype=np.int32 if n_in < 2**31 else np.int64)
    values = np.empty(int(starts[-1]))
    channels = np.arange(each)[:, None] * size
    inside = np.broadcast_to((windows != OUTSIDE)[:, None, :], (places, each, kernel))
    reached = (channels + windows[:, None, :])[inside]
    for k in range(n_out):
        part = slice(starts[k * places], starts[(k + 1) * places])
        first = (k * n_groups // n_out) * each * size
        columns[part] = reached + first
        values[part] = np.broadcast_to(weights[k], (places, each, kernel))[inside]
    matrix = sparse.csr_array((values, columns, starts), shape=(n_out * places, n_in))
    if (np.diff(np.sort(windows, axis=1), axis=1)[np.sort(windows, axis=1)[:, 1:] != OUTSIDE] == 0).any():
        matrix.sum_duplicates()  # a padding that shows values twice
    return matrix
