"""Pooling: means over windows. A maximum counts as the mean of its window, a rule of ours: before it is known
which value is the largest, each is as likely.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.networks.twins.forms import Form
from qspin.networks.twins.parts import averaged
from qspin.networks.twins.windows import OUTSIDE, adaptive, per_axis, sliding, together
from qspin.networks.twins.wiring import Wiring

__all__ = ["adaptive_pool", "mean_over", "pool"]


def pool(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Average and maximum pooling over the last axes."""
    n_axes = int(type(layer).__name__[-2])
    sizes = _sizes(given, n_axes, name)
    kernel = per_axis(layer.kernel_size, n_axes)
    stride = per_axis(layer.stride if layer.stride is not None else layer.kernel_size, n_axes)
    padding = per_axis(layer.padding, n_axes)
    dilation = per_axis(getattr(layer, "dilation", 1), n_axes)
    axes = [
        sliding(
            size,
            kernel[k],
            stride=stride[k],
            padding=(padding[k],) * 2,
            dilation=dilation[k],
            ceil=layer.ceil_mode,
        )
        for k, size in enumerate(sizes)
    ]
    windows = together(axes, sizes)
    divisors = None
    if getattr(layer, "divisor_override", None):
        divisors = np.full(len(windows), float(layer.divisor_override))
    elif getattr(layer, "count_include_pad", False):
        divisors = _with_padding(sizes, kernel, stride, padding, [len(a) for a in axes])
    return _over_last(given, wiring, windows, tuple(len(a) for a in axes), name, divisors)


def adaptive_pool(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Pooling to a size that is given."""
    n_axes = int(type(layer).__name__[-2])
    sizes = _sizes(given, n_axes, name)
    asked = layer.output_size
    asked = (asked,) * n_axes if asked is None or isinstance(asked, int) else tuple(asked)
    axes = [adaptive(size, size if n is None else int(n)) for size, n in zip(sizes, asked, strict=True)]
    windows = together(axes, sizes)
    return _over_last(given, wiring, windows, tuple(len(a) for a in axes), name)


def mean_over(given: Form, axes: tuple[int, ...], wiring: Wiring, name: str, *, keep: bool) -> Form:
    """Mean over axes, which are counted without the batch."""
    plain = wiring.settled(given)
    positions = np.arange(plain.size).reshape(plain.shape)
    windows = np.moveaxis(positions, axes, range(-len(axes), 0))
    left = windows.shape[: -len(axes)]
    windows = windows.reshape(math.prod(left), -1)
    shape = tuple(1 if k in axes else n for k, n in enumerate(plain.shape)) if keep else left
    matrix = averaged(windows, plain.size)
    return plain.applied(matrix, np.zeros(len(windows)), shape, name, is_new=False)


def _sizes(given: Form, n_axes: int, name: str) -> tuple[int, ...]:
    if len(given.shape) != n_axes + 1:
        raise InputError(
            f"layer {name!r} pools {n_axes} axes of channels; what it is given has the shape {given.shape}"
        )
    return given.shape[1:]


def _over_last(
    given: Form,
    wiring: Wiring,
    windows: Any,
    places: tuple[int, ...],
    name: str,
    divisors: Any = None,
) -> Form:
    """Of every channel."""
    plain = wiring.settled(given)
    n_channels, size = plain.shape[0], math.prod(plain.shape[1:])
    starts = np.arange(n_channels)[:, None, None] * size
    all_windows = np.where(windows == OUTSIDE, OUTSIDE, windows + starts).reshape(-1, windows.shape[1])
    everywhere = None if divisors is None else np.tile(divisors, n_channels)
    matrix = averaged(all_windows, plain.size, everywhere)
    shape = (n_channels, *places)
    return plain.applied(matrix, np.zeros(len(all_windows)), shape, name, is_new=False)


def _with_padding(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    places: list[int],
) -> Any:
    """How many values a window has, those of the padding among them."""
    counts = np.ones(1)
    for k, size in enumerate(sizes):
        starts = np.arange(places[k]) * stride[k] - padding[k]
        ends = np.minimum(starts + kernel[k], size + padding[k])
        counts = np.multiply.outer(counts, ends - starts).ravel()
    return counts
