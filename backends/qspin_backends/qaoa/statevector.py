"""State vectors of QAOA circuits: expectation and exact gradient without building a circuit.

How layers act and which amplitudes are stored, `Layers` says. Gradients are adjoint: the state and its dual
are taken back layer by layer, and the slope of every angle is read on the way (as in Jones, Gacon 2020,
arXiv:2009.02823), for about three times the cost of the state itself and no memory beside the dual.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import require_bytes, transformed
from qspin_backends.common import amplitudes
from qspin_backends.common.layers import Layers, bound, groups, of_group
from qspin_backends.qaoa import adjoint
from qspin_backends.qaoa.ansatz import Angles, Terms, Tilts
from qspin_backends.qaoa.objective import Objective

__all__ = ["StateVector"]

Floats = NDArray[np.float64]

_ARRAYS = 5  # real numbers for every position: state and dual, two each, and the energies


class StateVector(Layers):
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
        self.offset = problem.offset
        self.terms = Terms.of(problem)
        folded = not self.terms.has_fields and tilts is None and problem.n_spins > 0
        super().__init__(problem.n_spins, folded, n_threads)
        self._tilts = None if tilts is None else tilts.tilts
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
        self.spread(self.size, bound(adjoint.weigh, re, im, weights, dual_re, dual_im))
        del weights
        return value + self.offset, self._gradient(angles, re, im, dual_re, dual_im)

    def probabilities(self, angles: Angles) -> Floats:
        """Of all configurations (2^n_spins,); bit q of a position is 1 where spin q is -1."""
        re, im = self._evolved(angles)
        return self.all_probabilities(re, im)

    # -- forward ---------------------------------------------------------------------------------

    def _evolved(self, angles: Angles) -> tuple[Floats, Floats]:
        re, im = self._initial()
        for layer in range(angles.depth):
            turns, energies = self._cost(angles, layer)
            self.forward(re, im, energies, turns, *self._rotations(angles, layer))
        return re, im

    def _initial(self) -> tuple[Floats, Floats]:
        if self._tilts is None:
            return self.uniform()
        re, im = np.zeros(self.size), np.zeros(self.size)
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
        return self.diagonal_of(*self.terms.matrix(weights))

    def _rotations(self, angles: Angles, layer: int) -> tuple[Floats, Floats, Floats]:
        by_spin = np.broadcast_to(angles.beta[layer], (self.n_spins,))
        tilts = np.full(self.n_spins, np.pi / 2) if self._tilts is None else self._tilts
        c, d, e = amplitudes.rotations(by_spin, tilts)
        return c, (np.zeros_like(d) if self._tilts is None else d), e

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
            mirrored = bound(adjoint.rotate_mirrored_both, *state, c[-1], e[-1])
            slopes[-1] = self.summed(self.size >> 1, (2,), mirrored)
        low, n = self.n_low, self.n_qubits
        for qubit, width in groups(low, n, 2):
            own, stride = of_group(qubit, width, c, d, e), 1 << qubit
            rotate: Any = adjoint.rotate_two_both if width == 2 else adjoint.rotate_both
            shape = (2, 2) if width == 2 else (2,)
            run = bound(rotate, *state, stride, *own)
            slopes[qubit : qubit + width] = self.summed(self.size >> width, shape, run)
        n_blocks = self.size >> low
        by_block, costs = np.zeros((n_blocks, low, 2)), np.zeros(n_blocks)
        self.spread(
            n_blocks,
            bound(adjoint.backward_blocks, *state, energies, turns, c, d, e, low, by_block, costs),
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
