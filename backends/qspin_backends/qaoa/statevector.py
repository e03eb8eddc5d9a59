"""State vectors of QAOA circuits: expectation and exact gradient without building a circuit.

The cost is diagonal, so its layer is a phase at every position; the mixer is a rotation of every qubit in
place. Gradients are adjoint: the state and its dual are taken back layer by layer, and the slope of every
angle is read on the way (as in Jones, Gacon 2020, arXiv:2009.02823), for about three times the cost of the
state itself and no memory beside the dual. Without fields all states are even under the flip of all spins:
the last spin is held at +1 and half of the amplitudes are never stored.

The cost of a layer grows as n 2^n. Results do not depend on the number of threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import all_energies, require_bytes, transformed
from qspin_backends.qaoa import adjoint, kernels
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.objective import Objective

__all__ = ["StateVector"]

Floats = NDArray[np.float64]

_ARRAYS = 5  # real numbers for every position: state and dual, two each, and the energies
_bound: Any = functools.partial  # to mypy, a Numba dispatcher takes no arguments

_CHUNKS = 32  # of long loops: their sums do not depend on who computes them
_SERIAL = 2**13  # positions below which threads cost more than they save


class StateVector:
    """The states that QAOA circuits of one problem prepare. Use it in a ``with`` block, which owns its
    threads.

    Parameters
    ----------
    problem : what is minimised; its offset is part of every value
    tilts : of a warm start; None for |+...+> and mixers -X
    n_threads : default as many as Numba has

    Raises
    ------
    CapacityError
        If state, dual and energies would take more than half of the memory of the machine.
    """

    def __init__(self, problem: IsingProblem, tilts: Tilts | None = None, n_threads: int | None = None):
        self.require(problem)
        self.n_spins = problem.n_spins
        self.offset = problem.offset
        self.terms = Terms.of(problem)
        self.folded = not self.terms.has_fields and tilts is None and problem.n_spins > 0
        self.n_qubits = problem.n_spins - self.folded
        self._tilts = None if tilts is None else tilts.tilts
        self._n_low = min(self.n_qubits, kernels.BLOCK_QUBITS)
        self._n_threads = n_threads or numba.get_num_threads()
        self._pool: ThreadPoolExecutor | None = None
        self.energies = self.diagonal(self.terms.weights)

    @staticmethod
    def require(problem: IsingProblem) -> None:
        """Raises CapacityError if state, dual and energies would not fit in half of the memory."""
        require_bytes(
            StateVector.n_bytes(problem),
            f"state vectors of {problem.n_spins} spins, with duals and energies,",
            "train on fewer spins and give the angles of that run (angles: transfer), or take angles: table "
            "or linear_ramp, which need no training",
        )

    @staticmethod
    def n_bytes(problem: IsingProblem) -> int:
        """That state, dual and energies take."""
        folded = not problem.fields.any()
        return _ARRAYS * 8 * 2 ** max(0, problem.n_spins - folded)

    def __enter__(self) -> StateVector:
        if self.size >= _SERIAL and self._n_threads > 1:
            self._pool = ThreadPoolExecutor(self._n_threads)
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    @property
    def size(self) -> int:
        """Amplitudes that are stored."""
        return 2**self.n_qubits

    # -- what it computes ------------------------------------------------------------------------

    def value(self, angles: Angles, objective: Objective) -> float:
        """The objective of the state, units of energy."""
        re, im = self._evolved(angles)
        return objective.value(self, re, im) + self.offset

    def value_and_gradient(self, angles: Angles, objective: Objective) -> tuple[float, Angles]:
        """The objective, and its derivative by every angle."""
        re, im = self._evolved(angles)
        value, weights = objective.value_and_weights(self, re, im)
        dual_re, dual_im = np.empty_like(re), np.empty_like(im)
        self._spread(self.size, _bound(adjoint.weigh, re, im, weights, dual_re, dual_im))
        del weights
        return value + self.offset, self._gradient(angles, re, im, dual_re, dual_im)

    def probabilities(self, angles: Angles) -> Floats:
        """Of all configurations (2^n_spins,); bit q of a position is 1 where spin q is -1."""
        re, im = self._evolved(angles)
        stored = re**2 + im**2
        return np.concatenate([stored, stored[::-1]]) / 2 if self.folded else stored

    def mean(self, re: Floats, im: Floats, values: Floats) -> float:
        """Sum of |amplitude|^2 times values."""

        def run(first: int, last: int, out: Floats) -> None:
            out[0] = kernels.mean(re[first:last], im[first:last], values[first:last])

        return float(self._summed(self.size, (1,), run)[0])

    # -- forward ---------------------------------------------------------------------------------

    def _evolved(self, angles: Angles) -> tuple[Floats, Floats]:
        re, im = self._initial()
        for layer in range(angles.depth):
            turns, energies = self._cost(angles, layer)
            self._forward(re, im, energies, turns, *self._rotations(angles, layer))
        return re, im

    def _initial(self) -> tuple[Floats, Floats]:
        re, im = np.empty(self.size), np.zeros(self.size)
        if self._tilts is None:
            re[:] = 2.0 ** (-self.n_qubits / 2)
            return re, im
        re[0] = 1.0
        for qubit, tilt in enumerate(self._tilts.tolist()):
            half = 1 << qubit
            re[half : 2 * half] = re[:half] * math.sin(tilt / 2)
            re[:half] *= math.cos(tilt / 2)
        return re, im

    def _cost(self, angles: Angles, layer: int) -> tuple[float, Floats]:
        """Turns of phase for a unit of energy, and the energies of the layer."""
        if angles.is_multi:
            return -1 / (2 * math.pi), self.diagonal(angles.gamma[layer] * self.terms.weights)
        return -float(angles.gamma[layer]) / (2 * math.pi), self.energies

    def diagonal(self, weights: Floats) -> Floats:
        """Energies of the stored positions with other weights of the terms."""
        couplings, fields = self.terms.matrix(weights)
        if self.folded:
            couplings, fields = couplings[:-1, :-1], couplings[:-1, -1]
        return all_energies(couplings, -fields)  # here bit 0 is spin +1

    def _rotations(self, angles: Angles, layer: int) -> tuple[Floats, Floats, Floats]:
        by_spin = np.broadcast_to(angles.beta[layer], (self.n_spins,))
        tilts = np.full(self.n_spins, np.pi / 2) if self._tilts is None else self._tilts
        c, d, e = kernels.rotations(by_spin, tilts)
        return c, (np.zeros_like(d) if self._tilts is None else d), e

    def _forward(
        self, re: Floats, im: Floats, energies: Floats, turns: float, c: Floats, d: Floats, e: Floats
    ) -> None:
        low, n = self._n_low, self.n_qubits
        self._spread(
            self.size >> low,
            _bound(kernels.forward_blocks, re, im, energies, turns, c, d, e, low),
        )
        for qubit, width in _groups(low, n, 3):
            own, stride = _of(qubit, width, c, d, e), 1 << qubit
            rotate: Any = kernels.rotate_three if width == 3 else kernels.rotate
            self._spread(self.size >> width, _bound(rotate, re, im, stride, *own))
        if self.folded:
            self._spread(self.size >> 1, _bound(kernels.rotate_mirrored, re, im, c[-1], e[-1]))

    # -- backward --------------------------------------------------------------------------------

    def _gradient(self, angles: Angles, *state: Floats) -> Angles:
        """`state` is re, im of the state and of its dual; both are taken back to the start."""
        gamma, beta = np.zeros(angles.gamma.shape), np.zeros(angles.beta.shape)
        for layer in reversed(range(angles.depth)):
            turns, energies = self._cost(angles, layer)
            c, d, e = self._rotations(angles, layer)
            slopes, cost = self._backward(state, energies, -turns, c, -d, -e)
            tilts = np.pi / 2 if self._tilts is None else self._tilts
            by_spin = -2 * (np.sin(tilts) * slopes[:, 0] + np.cos(tilts) * slopes[:, 1])
            beta[layer] = by_spin if angles.is_multi else by_spin.sum()
            gamma[layer] = 2 * (self._by_term(*state) if angles.is_multi else cost)
        return Angles(gamma, beta)

    def _backward(
        self, state: tuple[Floats, ...], energies: Floats, turns: float, c: Floats, d: Floats, e: Floats
    ) -> tuple[Floats, float]:
        """Slopes of the mixers by X and Z (n_spins, 2) and of the cost; `state` goes one layer back."""
        slopes = np.zeros((self.n_spins, 2))
        if self.folded:
            mirrored = _bound(adjoint.rotate_mirrored_both, *state, c[-1], e[-1])
            slopes[-1] = self._summed(self.size >> 1, (2,), mirrored)
        low, n = self._n_low, self.n_qubits
        for qubit, width in _groups(low, n, 2):
            own, stride = _of(qubit, width, c, d, e), 1 << qubit
            rotate: Any = adjoint.rotate_two_both if width == 2 else adjoint.rotate_both
            shape = (2, 2) if width == 2 else (2,)
            run = _bound(rotate, *state, stride, *own)
            slopes[qubit : qubit + width] = self._summed(self.size >> width, shape, run)
        n_blocks = self.size >> low
        by_block, costs = np.zeros((n_blocks, low, 2)), np.zeros(n_blocks)
        self._spread(
            n_blocks,
            _bound(adjoint.backward_blocks, *state, energies, turns, c, d, e, low, by_block, costs),
        )
        slopes[:low] = by_block.sum(axis=0)
        return slopes, float(costs.sum())

    def _by_term(self, re: Floats, im: Floats, dual_re: Floats, dual_im: Floats) -> Floats:
        """Im <dual|term|state> of every term (n_terms,), all at once by a Walsh-Hadamard transform."""
        values = np.empty(self.size)
        adjoint.overlaps(re, im, dual_re, dual_im, values)
        transformed(values)
        masks = self.terms.masks & (self.size - 1)  # the last spin of a folded state is +1
        return self.terms.weights * values[masks]

    # -- threads ---------------------------------------------------------------------------------

    def _spread(self, n: int, run: Callable[..., Any]) -> None:
        """``run(first, last)`` for ranges that cover 0 to n."""
        if self._pool is None:
            run(0, n)
            return
        edges = [n * k // self._n_threads for k in range(self._n_threads + 1)]
        list(self._pool.map(run, edges[:-1], edges[1:]))

    def _summed(self, n: int, shape: tuple[int, ...], run: Callable[..., Any]) -> Floats:
        """Sum of what ``run(first, last, out)`` adds to `out`, over a fixed number of ranges."""
        n_chunks = min(_CHUNKS, max(1, n))
        edges = [n * k // n_chunks for k in range(n_chunks + 1)]
        parts = np.zeros((n_chunks, *shape))
        each = map if self._pool is None else self._pool.map
        list(each(run, edges[:-1], edges[1:], parts))
        return parts.sum(axis=0)


def _groups(first: int, last: int, width: int) -> Iterator[tuple[int, int]]:
    """(qubit, how many from there on): as many as fit together, the rest one by one."""
    qubit = first
    while qubit + width <= last:
        yield qubit, width
        qubit += width
    for left in range(qubit, last):
        yield left, 1


def _of(qubit: int, width: int, *arrays: Floats) -> list[Any]:
    """Elements of a group: slices, or numbers where it is one qubit."""
    return [values[qubit] if width == 1 else values[qubit : qubit + width] for values in arrays]
