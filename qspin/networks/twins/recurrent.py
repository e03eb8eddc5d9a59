"""Recurrent layers, unrolled: the hidden state of every step is neurons of its own, coupled to the input of
that step and to the state of the step before by the same weights at every step. The state before the first
is 0.

A rule of ours for gates: each gate of a step is neurons with its own weights, and the state that a step
leaves is coupled with strength 1 to all of its gates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qspin.errors import InputError
from qspin.networks.twins.forms import Form, dense, stacked
from qspin.networks.twins.reading import numbers_of
from qspin.networks.twins.wiring import Wiring

__all__ = ["recurrent"]


def recurrent(layer: Any, given: Form, wiring: Wiring, name: str) -> Form:
    """States (steps, hidden) of the last layer, from inputs (steps, values)."""
    for setting in ("bidirectional", "proj_size"):
        if getattr(layer, setting):
            raise InputError(f"layer {name!r}: {setting} has no rule; the twin unrolls forward states alone")
    if not layer.batch_first:
        raise InputError(f"layer {name!r}: set batch_first=True, so that axes are (batch, step, value)")
    if len(given.shape) != 2 or given.shape[1] != layer.input_size:
        raise InputError(
            f"layer {name!r} takes steps of {layer.input_size} values; what it is given has the shape "
            f"{given.shape}"
        )
    steps = wiring.settled(given)
    for k in range(layer.num_layers):
        steps = _unrolled(layer, k, steps, wiring, name)
    return steps


def _unrolled(layer: Any, k: int, steps: Form, wiring: Wiring, name: str) -> Form:
    n_steps, n_in = steps.shape
    n = layer.hidden_size
    into, again = (
        numbers_of(getattr(layer, f"weight_{which}_l{k}"), f"weight_{which}_l{k} of layer {name!r}")
        for which in ("ih", "hh")
    )
    bias = np.zeros(len(into))
    if layer.bias:
        for which in ("ih", "hh"):
            bias += numbers_of(getattr(layer, f"bias_{which}_l{k}"), f"bias of layer {name!r}")
    variance = 1 / (3 * n)
    states: list[Form] = []
    for t in range(n_steps):
        now = steps.taken(np.arange(t * n_in, (t + 1) * n_in), (n_in,))
        gates = []
        for g in range(len(into) // n):
            rows = slice(g * n, (g + 1) * n)
            form = now.applied(dense(into[rows], variance), bias[rows], (n,), f"{name}.{k}", is_new=True)
            if states:
                before = states[-1].applied(
                    dense(again[rows], variance), np.zeros(n), (n,), name, is_new=True
                )
                form = form.plus(before, f"{name}.{k}")
            gates.append(wiring.neurons(form))
        state = gates[0]
        if len(gates) > 1:
            for gate in gates[1:]:
                state = state.plus(gate, f"{name}.{k}")
            state = wiring.neurons(state)
        states.append(state)
    whole = stacked(states, name)
    return whole.taken(np.arange(whole.size), (n_steps, n))
