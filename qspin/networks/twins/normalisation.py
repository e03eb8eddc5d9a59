"""Normalisations. One with stored statistics is folded into what it normalises, as it acts after training;
one that takes its statistics from its own input is taken by its learned scale alone, which is a choice of
ours: the rest depends on the input.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.networks.twins.forms import Form
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.wiring import Wiring

__all__ = ["by_scale", "folded", "grouped"]


def folded(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Batch normalisation by its running statistics, channel by channel."""
    if layer.running_mean is None:
        raise InputError(
            f"layer {name!r} keeps no running statistics (track_running_stats is off), so that what it does "
            "depends on each batch: a twin needs them"
        )
    mean, variance = (numbers_of(getattr(layer, f"running_{what}"), name) for what in ("mean", "var"))
    scale, shift = _learned(layer, len(mean), name)
    factors = scale / np.sqrt(variance + layer.eps)
    return _by_channel(given, factors, shift - factors * mean, name)


def grouped(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Group and instance normalisation, by their scale of each channel."""
    return _by_channel(given, *_learned(layer, given.shape[0], name), name)


def by_scale(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Layer and root-mean-square normalisation, by their scale of each value along the last axes."""
    inner = tuple(layer.normalized_shape)
    if given.shape[len(given.shape) - len(inner) :] != inner:
        raise InputError(f"layer {name!r} normalises shapes that end in {inner}; it is given {given.shape}")
    scale, shift = _learned(layer, math.prod(inner), name)
    times = given.size // max(math.prod(inner), 1)
    return given.scaled(np.tile(scale, times), np.tile(shift, times))


def _learned(layer: Any, n: int, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
    scale = np.ones(n) if weight is None else numbers_of(weight, f"weight of layer {name!r}").ravel()
    shift = np.zeros(n) if bias is None else numbers_of(bias, f"bias of layer {name!r}").ravel()
    return scale, shift


def _by_channel(given: Form, factors: NDArray[np.float64], shifts: NDArray[np.float64], name: str) -> Form:
    if given.shape[:1] != (len(factors),):
        raise InputError(
            f"layer {name!r} normalises {len(factors)} channels; what it is given has the shape {given.shape}"
        )
    each = given.size // len(factors)
    return given.scaled(np.repeat(factors, each), np.repeat(shifts, each))
