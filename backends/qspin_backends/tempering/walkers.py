"""A pack: walkers whose spins share words, advanced by one thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import njit
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.dense import DenseKernel, DensePlan, follow_dense, sweep_dense
from qspin_backends.tempering.multispin import (
    MultispinKernel,
    MultispinPlan,
    sweep_multispin,
    vector_states,
)
from qspin_backends.tempering.sparse import STATES, SparseKernel, SparsePlan, sweep_sparse
from qspin_backends.tempering.words import bit_words, expanded, fill_words, lane_bits

__all__ = ["Plan", "Walkers", "follow", "follower", "start_walkers", "sweep", "word_type"]

Plan = SparsePlan | DensePlan | MultispinPlan

_INNER: Any = {"no_cfunc_wrapper": True}  # as qspin.compiled.njit; stubs of Numba do not know it
_SWEEPS = {SparseKernel: sweep_sparse, DenseKernel: sweep_dense, MultispinKernel: sweep_multispin}


def sweep(kernel, words, walker, energies):  # type: ignore[no-untyped-def]
    """Visit every spin once in every lane, by the kernel whose arrays are given; for jitted code only."""
    raise NotImplementedError


@overload(sweep, jit_options=_INNER)
def _sweep(kernel, words, walker, energies):  # type: ignore[no-untyped-def]
    by_its_kernel = _SWEEPS[kernel.instance_class]
    return lambda kernel, words, walker, energies: by_its_kernel(kernel, words, walker, energies)


def follower(kernel):  # type: ignore[no-untyped-def]
    """A kernel that keeps something of the spins, or None: what does not read the kernel but lets it follow
    is then compiled once for all others; for jitted code only.
    """
    raise NotImplementedError


@overload(follower, jit_options=_INNER)
def _follower(kernel):  # type: ignore[no-untyped-def]
    return (lambda kernel: kernel) if kernel.instance_class is DenseKernel else (lambda kernel: None)


def follow(kernel, words, walker, lane, rows, count):  # type: ignore[no-untyped-def]
    """What a `follower` keeps of the spins follows the first `count` of `rows`, which were flipped in a lane;
    for jitted code only.
    """
    raise NotImplementedError


@overload(follow, jit_options=_INNER)
def _follow(kernel, words, walker, lane, rows, count):  # type: ignore[no-untyped-def]
    if kernel is types.none:
        return lambda kernel, words, walker, lane, rows, count: None
    return lambda kernel, words, walker, lane, rows, count: follow_dense(
        kernel, words, walker, lane, rows, count
    )


@njit(cache=True, nogil=True)
def run_sweeps(kernel, words, walker, energies, n_sweeps):
    """Nothing but sweeps."""
    for _ in range(n_sweeps):
        sweep(kernel, words, walker, energies)


@dataclass(eq=False)
class Walkers:
    """Everything that evolves in a pack of `n_lanes` walkers.

    Parameters
    ----------
    words : unsigned integers (n_rows, n_words), spins as bits; see `words`
    energies : float64 (all lanes,), in units of the kernel, without the offset
    walker : int64 (all lanes,), who is in each lane: replica exchange moves walkers between lanes
    n_lanes : lanes in use; the others idle
    drift : largest difference found between an energy carried along and the exact one, in units of the kernel
    lowest : float64 (all lanes,), energies that were met at the looks so far, as `energies`
    """

    problem: IsingProblem
    plan: Plan
    unit: float
    kernel: Any
    words: NDArray[Any]
    energies: NDArray[np.float64]
    walker: NDArray[np.int64]
    n_lanes: int
    lowest: NDArray[np.float64]
    drift: float = 0.0

    def set_betas(self, betas: NDArray[np.float64]) -> None:
        """Put the lanes at inverse temperatures (n_lanes,), units of 1/energy."""
        self.plan.set_betas(self.kernel, betas * self.unit)

    def bits(self) -> NDArray[np.uint64]:
        """Spins by lane as bits, (n_lanes, ceil(N / 64))."""
        bits = np.empty((self.n_lanes, bit_words(len(self.plan.row))), np.uint64)
        lane_bits(self.words, self.plan.row, bits)
        return bits

    def spins(self) -> NDArray[np.int8]:
        """Spins by lane, (n_lanes, N)."""
        return expanded(self.bits()[None], len(self.plan.row))[0, :, 0]

    def set_bits(self, bits: NDArray[np.uint64]) -> None:
        """Give every lane the spins of a row of `bits`; energies and fields follow."""
        bits = np.require(bits, requirements=["C", "W"])  # else the kernel is compiled anew
        fill_words(bits, self.plan.row, self.words)
        self.start_anew()

    def start_anew(self) -> None:
        """The spins were set from outside: compute what follows from them, without calling the change a
        drift.
        """
        self.refresh()
        self.drift = 0.0

    def look(self) -> None:
        """Remember the lowest energies, for whoever wants to know how far it is."""
        np.minimum(self.lowest, self.energies, out=self.lowest)

    @property
    def best_energy(self) -> float:
        """The lowest that was met at the looks so far, up to the drift, units of energy."""
        return self.problem.offset + self.unit * float(self.lowest[: self.n_lanes].min())

    def carried(self) -> dict[str, NDArray[Any]]:
        """What a refresh recomputes, and rounding makes differ from that before."""
        fields = {"fields": self.kernel.fields} if isinstance(self.plan, DensePlan) else {}
        return {"energies": self.energies, **fields}

    def refresh(self) -> None:
        """Recompute energies, and fields where they are cached, from the spins in double precision."""
        spins = self.spins()
        if isinstance(self.plan, DensePlan):
            exact = self.plan.set_fields(self.kernel, spins, self.walker)
        else:
            exact = (self.problem.energies(spins) - self.problem.offset) / self.unit
        carried = self.energies[: self.n_lanes]
        self.drift = max(self.drift, float(np.abs(carried - exact).max(initial=0.0)))
        carried[:] = exact


def word_type(n_lanes: int) -> np.dtype[Any]:
    """The smallest word that holds `n_lanes`, or 64 bits."""
    return np.dtype(np.uint16 if n_lanes <= 16 else np.uint32 if n_lanes <= 32 else np.uint64)


def start_walkers(
    problem: IsingProblem,
    plan: Plan,
    unit: float,
    bits: NDArray[np.uint64],
    random: NDArray[Any],
    move: Move,
) -> Walkers:
    """Walkers at the configurations `bits` (n_lanes, ceil(N / 64)).

    Parameters
    ----------
    unit : energy that is 1 for the kernel
    random : states (n_lanes, 4) uint32 of the lanes; for the multi-spin kernel (STREAMS, 4) uint64
    """
    n_lanes = len(bits)
    if isinstance(plan, MultispinPlan):
        storage = np.zeros((2 * plan.n_rows + 2, plan.n_words), np.uint64)
        states: NDArray[Any] = vector_states(random)
    else:
        word = word_type(n_lanes)
        width = 8 * word.itemsize
        n_words = max(1, -(-n_lanes // width))
        storage = np.zeros((max(1, plan.n_rows), n_words), word)
        states = _lane_states(random, n_words * width, STATES if isinstance(plan, SparsePlan) else width)
    n_all = 8 * storage.itemsize * storage.shape[1]
    walkers = Walkers(
        problem,
        plan,
        unit,
        plan.kernel(storage, states, move),
        storage[: plan.n_rows],
        np.zeros(n_all),
        np.arange(n_all),
        n_lanes,
        np.full(n_all, np.inf),
    )
    walkers.set_bits(bits)
    return walkers


def _lane_states(random: NDArray[np.uint32], n_all: int, width: int) -> NDArray[np.uint32]:
    """States (n_lanes, 4) as vectors of so many lanes, (n_all / width, 4, width), those of idle lanes not
    zero.
    """
    padded = np.ones((n_all, 4), np.uint32)
    padded[: len(random)] = random
    return np.ascontiguousarray(padded.reshape(-1, width, 4).swapaxes(1, 2))
