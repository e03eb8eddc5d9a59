"""Layers whose weights stand once: linear ones and embeddings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.networks.twins.forms import Form, dense
from qspin.networks.twins.parts import tokenwise
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.wiring import Wiring

__all__ = ["by_weights", "chained", "embedding", "linear"]

Floats = NDArray[np.float64]


def linear(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Values along the last axis, each row of the others by the same weights."""
    return by_weights(layer.weight, layer.bias, given, wiring, name)


def by_weights(weight: Any, bias: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """As `linear`, from tensors (out, in) and (out,) or None."""
    weights = numbers_of(weight, f"weight of layer {name!r}")
    offsets = None if bias is None else numbers_of(bias, f"bias of layer {name!r}")
    n_in = weights.shape[1]
    if given.shape[-1:] != (n_in,):
        raise InputError(
            f"layer {name!r} takes {n_in} inputs along its last axis, and what it is given has the shape "
            f"{given.shape}: the layers do not form a chain"
        )
    return _by_arrays(weights, offsets, given, wiring, name)


def chained(layers: Iterable[tuple[str, Floats, Floats | None]]) -> Wiring:
    """The wiring of linear layers in a row, of which each takes what the one before gives: name, weights
    (out, in) and biases (out,) of each.
    """
    wiring, form = Wiring(), None
    for name, weights, bias in layers:
        given = wiring.entered(weights.shape[1:]) if form is None else form
        form = _by_arrays(weights, bias, given, wiring, name)
    if form is not None:
        wiring.neurons(form)
    return wiring


def _by_arrays(weights: Floats, bias: Floats | None, given: Form, wiring: Wiring, name: str) -> Form:
    return tokenwise(dense(weights, 1 / (3 * weights.shape[1])), bias, wiring.settled(given), name)


def embedding(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """Tokens, a neuron for each word of the vocabulary at each place, to vectors."""
    weights = numbers_of(layer.weight, f"weight of layer {name!r}")
    n_words = len(weights)
    words = wiring.as_words(given, n_words, name)
    matrix = dense(np.ascontiguousarray(weights.T), 1.0)
    return tokenwise(matrix, None, words, name)
