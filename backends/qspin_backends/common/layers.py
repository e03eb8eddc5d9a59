"""Layers of a circuit whose cost is diagonal, on a state vector: a phase at every position, and a rotation of
every qubit in place. QAOA is made of them, and so are the steps of a transverse-field Ising model in time.

Without fields, states that begin even under the flip of all spins stay so: they are folded, the last spin is
held at +1 and half of the amplitudes are never stored. The cost of a layer grows as n 2^n. Results do not
depend on the number of threads.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numba
import numpy as np
from numpy.typing import NDArray

from qspin.sampler import all_energies
from qspin_backends.common import amplitudes
from qspin_backends.common import turns as x_turns

__all__ = ["Layers", "bound", "groups", "of_group"]

Floats = NDArray[np.float64]

bound: Any = functools.partial  # to mypy, a Numba dispatcher takes no arguments

_CHUNKS = 32  # of long loops: their sums do not depend on who computes them
_LEAST_COSINE = 0.1  # of a turn; tangents beyond are for other kernels
_SERIAL = 2**13  # positions below which threads cost more than they save


class Layers:
    """What acts on states of so many spins. Use it in a ``with`` block, which owns its threads.

    Parameters
    ----------
    n_spins : of the problem
    folded : whether the last spin is held at +1
    n_threads : default as many as Numba has
    """

    def __init__(self, n_spins: int, folded: bool, n_threads: int | None = None):
        self.n_spins = n_spins
        self.folded = folded
        self.n_qubits = n_spins - folded
        self.n_low = min(self.n_qubits, amplitudes.BLOCK_QUBITS)
        self._n_threads = n_threads or numba.get_num_threads()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
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

    def diagonal_of(self, couplings: Floats, fields: Floats) -> Floats:
        """Energies of the stored positions; couplings (n_spins, n_spins), symmetric, fields (n_spins,)."""
        if self.folded:
            couplings, fields = couplings[:-1, :-1], couplings[:-1, -1]
        return all_energies(couplings, -fields)  # here bit 0 is spin +1

    def uniform(self) -> tuple[Floats, Floats]:
        """|+...+>, the ground state of -sum X."""
        return np.full(self.size, 2.0 ** (-self.n_qubits / 2)), np.zeros(self.size)

    def basis(self, spins: NDArray[np.int8]) -> tuple[Floats, Floats]:
        """One configuration (n_spins,); not of a folded state."""
        re = np.zeros(self.size)
        re[(spins < 0) @ (1 << np.arange(self.n_spins))] = 1.0
        return re, np.zeros(self.size)

    def forward(
        self, re: Floats, im: Floats, energies: Floats, turns: float, c: Floats, d: Floats, e: Floats
    ) -> None:
        """A phase of `turns` for a unit of energy, then rotations of all spins, see `amplitudes`."""
        low, n = self.n_low, self.n_qubits
        self.spread(
            self.size >> low,
            bound(amplitudes.forward_blocks, re, im, energies, turns, c, d, e, low),
        )
        for qubit, width in groups(low, n, 3):
            own, stride = of_group(qubit, width, c, d, e), 1 << qubit
            rotate: Any = amplitudes.rotate_three if width == 3 else amplitudes.rotate
            self.spread(self.size >> width, bound(rotate, re, im, stride, *own))
        if self.folded:
            self.spread(self.size >> 1, bound(amplitudes.rotate_mirrored, re, im, c[-1], e[-1]))

    def forward_all(
        self, re: Floats, im: Floats, energies: Floats, turns: Floats, c: Floats, d: Floats, e: Floats
    ) -> None:
        """Layer after layer: `turns` (n_layers,), elements of rotations (n_layers, n_spins)."""
        if self._pool is None:
            amplitudes.layers_in_a_row(re, im, energies, turns, c, d, e, self.n_low, self.folded)
            return
        for layer, own in enumerate(turns.tolist()):
            self.forward(re, im, energies, own, c[layer], d[layer], e[layer])

    def turn_all(self, re: Floats, im: Floats, energies: Floats, turns: Floats, angles: Floats) -> None:
        """Layer after layer, a phase of `turns` (n_layers,) and all spins turned about x, exp(i angle X) with
        `angles` (n_layers, n_spins): faster than `forward_all`."""
        cosines = np.cos(angles)
        if np.abs(cosines).min(initial=1.0) < _LEAST_COSINE:
            self.forward_all(re, im, energies, turns, cosines, np.zeros_like(angles), np.sin(angles))
            return
        factors, tangents = cosines.prod(axis=1), np.tan(angles)
        low = x_turns.low_qubits(self.n_qubits)
        if self._pool is None:
            x_turns.turn_in_a_row(re, im, energies, turns, factors, tangents, low, self.folded)
            return
        for layer, own in enumerate(turns.tolist()):
            block = (own, factors[layer], tangents[layer], low, self.folded)
            self.spread(max(1, self.size >> (low + 1)), bound(x_turns.turn_blocks, re, im, energies, *block))
            if self.n_qubits > low:
                tile = (tangents[layer], low, self.n_qubits)
                self.spread(x_turns.n_tiles(low), bound(x_turns.turn_tiles, re, im, *tile))

    def phase(self, re: Floats, im: Floats, energies: Floats, turns: float) -> None:
        """A phase of `turns` for a unit of energy, and no rotation."""

        def run(first: int, last: int) -> None:
            amplitudes.phase(re[first:last], im[first:last], energies[first:last], turns)

        self.spread(self.size, run)

    def distance(self, state: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
        """Norm of the difference of two states, of all their amplitudes."""

        def run(first: int, last: int, out: Floats) -> None:
            out[0] = amplitudes.squared_distance(*state, *other, first, last)

        return math.sqrt(float(self.summed(self.size, (1,), run)[0]))

    def all_probabilities(self, re: Floats, im: Floats) -> Floats:
        """Of all configurations (2^n_spins,); bit q of a position is 1 where spin q is -1."""
        stored = re**2 + im**2
        return np.concatenate([stored, stored[::-1]]) / 2 if self.folded else stored

    def mean(self, re: Floats, im: Floats, values: Floats) -> float:
        """Sum of |amplitude|^2 times values."""

        def run(first: int, last: int, out: Floats) -> None:
            out[0] = amplitudes.mean(re[first:last], im[first:last], values[first:last])

        return float(self.summed(self.size, (1,), run)[0])

    def spread(self, n: int, run: Callable[..., Any]) -> None:
        """``run(first, last)`` for ranges that cover 0 to n, by all threads."""
        if self._pool is None:
            run(0, n)
            return
        edges = [n * k // self._n_threads for k in range(self._n_threads + 1)]
        list(self._pool.map(run, edges[:-1], edges[1:]))

    def summed(self, n: int, shape: tuple[int, ...], run: Callable[..., Any]) -> Floats:
        """Sum of what ``run(first, last, out)`` adds to `out`, over a fixed number of ranges."""
        n_chunks = min(_CHUNKS, max(1, n))
        edges = [n * k // n_chunks for k in range(n_chunks + 1)]
        parts = np.zeros((n_chunks, *shape))
        each = map if self._pool is None else self._pool.map
        list(each(run, edges[:-1], edges[1:], parts))
        return parts.sum(axis=0)


def groups(first: int, last: int, width: int) -> Iterator[tuple[int, int]]:
    """(qubit, how many from there on): as many as fit together, the rest one by one."""
    qubit = first
    while qubit + width <= last:
        yield qubit, width
        qubit += width
    for left in range(qubit, last):
        yield left, 1


def of_group(qubit: int, width: int, *arrays: Floats) -> list[Any]:
    """Elements of a group: slices, or numbers where it is one qubit."""
    return [values[qubit] if width == 1 else values[qubit : qubit + width] for values in arrays]
