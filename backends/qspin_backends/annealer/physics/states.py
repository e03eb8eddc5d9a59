"""States of a transverse-field Ising model at the end of an anneal.

A gauge renames spins and changes nothing else, so states are computed in one gauge of a problem and kept: all
programmings of a problem without noise share one evolution.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from qspin.problem import IsingProblem
from qspin.sampler import Course, require_bytes
from qspin_backends.annealer.physics.splitting import evolve
from qspin_backends.common.layers import Layers

__all__ = ["Jumps", "Kept", "Part", "State", "evolved", "final", "n_bytes", "parts_of", "require_part"]

Floats = NDArray[np.float64]
Jumps = Sequence[tuple[float, int]]
"""Times, ascending, and spins whose phase is flipped then."""

_ARRAYS = 6  # real numbers for every position: two states of two each, energies, and what is summed of them
_MOST_KEPT = 2**28  # bytes of states that are kept beside the newest


@dataclass(frozen=True, eq=False)
class Part:
    """Spins that are connected with each other and with no others, in the gauge that all its gauges share.

    Parameters
    ----------
    spins : their positions in the problem (n,), ascending
    gauge : by which they are renamed (n,): a spin of the problem is gauge times the spin here
    couplings : (n, n), symmetric
    fields : (n,)
    initial : configuration that the anneal starts from (n,); None for the ground state of the driver
    """

    spins: NDArray[np.intp]
    gauge: NDArray[np.int8]
    couplings: Floats
    fields: Floats
    initial: NDArray[np.int8] | None

    @property
    def is_folded(self) -> bool:
        """Whether the state stays even under the flip of all spins."""
        return len(self.spins) > 0 and self.initial is None and not self.fields.any()

    @property
    def key(self) -> tuple[bytes, ...]:
        start = b"" if self.initial is None else self.initial.tobytes()
        return self.couplings.tobytes(), self.fields.tobytes(), start


@dataclass(frozen=True, eq=False)
class State:
    """Probabilities at the end of an anneal.

    Parameters
    ----------
    n_spins : of the part
    probabilities : of the stored positions (size,); bit q of a position is 1 where spin q is -1. A folded
        state stores those whose last spin is +1
    error : bound on the norm of the error of the state
    n_steps : of the evolution
    """

    n_spins: int
    probabilities: Floats
    error: float
    n_steps: int

    @property
    def is_folded(self) -> bool:
        return len(self.probabilities) < 2**self.n_spins

    def drawn(self, n: int, rng: np.random.Generator) -> NDArray[np.int8]:
        """Independent configurations (n, n_spins)."""
        cumulated = np.cumsum(self.probabilities)
        positions = np.searchsorted(cumulated, rng.random(n) * cumulated[-1], side="right")
        positions = np.minimum(positions, len(cumulated) - 1)
        spins = (1 - 2 * ((positions[:, None] >> np.arange(self.n_spins)) & 1)).astype(np.int8)
        return spins * rng.choice(np.array([-1, 1], dtype=np.int8), (n, 1)) if self.is_folded else spins


class Kept:
    """States by key, each computed once, the oldest forgotten first; for several threads."""

    def __init__(self) -> None:
        self._states: OrderedDict[Hashable, State] = OrderedDict()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], State]) -> State:
        """The state of a key; who asks while it is being made waits for it."""
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            with self._lock:
                if (state := self._states.get(key)) is not None:
                    self._states.move_to_end(key)
                    return state
            state = make()
            with self._lock:
                self._states[key] = state
                while len(self._states) > 1 and self._size() > _MOST_KEPT:
                    self._states.popitem(last=False)
            return state

    def _size(self) -> int:
        return sum(state.probabilities.nbytes for state in self._states.values())


def parts_of(problem: IsingProblem, initial: NDArray[np.int8] | None = None) -> list[Part]:
    """Connected parts of a problem, each in its gauge.

    Parameters
    ----------
    initial : configuration that the anneal starts from (n_spins,); None for the ground state of the driver
    """
    i, j, values = problem.edges
    n, present = problem.n_spins, values != 0
    upper = sparse.coo_array((values[present], (i[present], j[present])), shape=(n, n)).tocsr()
    graph = upper + upper.T
    _, component = connected_components(graph, directed=False)
    order = np.argsort(component, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(component[order])) + 1) if n else []
    return [
        _part(
            spins, graph[spins][:, spins], problem.fields[spins], None if initial is None else initial[spins]
        )
        for spins in members
    ]


def _part(
    spins: NDArray[np.intp], graph: sparse.csr_array, fields: Floats, initial: NDArray[np.int8] | None
) -> Part:
    """Couplings of a spanning tree become ferromagnetic; the field of the first spin that has one, or else
    its initial value, decides which way is up."""
    biased = np.flatnonzero(fields)
    root = int(biased[0]) if len(biased) else 0
    gauge = np.ones(len(spins), dtype=np.int8)
    if len(biased):
        gauge[root] = -np.sign(fields[root])
    elif initial is not None:
        gauge[root] = initial[root]
    order, before = breadth_first_order(graph, root, directed=False)
    couplings = graph.toarray()
    for spin in order[1:].tolist():
        gauge[spin] = -np.sign(couplings[before[spin], spin]) * gauge[before[spin]]
    start = None if initial is None else initial * gauge
    renamed = couplings * gauge[:, None] * gauge + 0.0  # no negative zeros, which have other bytes
    return Part(spins, gauge, renamed, fields * gauge + 0.0, start)


def n_bytes(part: Part) -> int:
    """That its evolution takes."""
    return _ARRAYS * 8 * 2 ** (len(part.spins) - part.is_folded)


def require_part(part: Part) -> None:
    """Raises CapacityError if its state would not fit in half of the memory; the message says how much."""
    require_bytes(
        n_bytes(part),
        f"state vectors of {len(part.spins)} connected qubits",
        "take a smaller problem, or physics path_integral; qspin.theory.ring_kinks solves rings of any size",
    )


_one_at_a_time = threading.Lock()  # each of them takes all threads, and its memory


def evolved(
    part: Part,
    course: Course,
    tolerance: float,
    stopped: Callable[[], bool],
    jumps: Jumps = (),
    n_threads: int | None = None,
) -> tuple[tuple[Floats, Floats], Layers, float, int]:
    """The state at the end of a course.

    Parameters
    ----------
    tolerance : on the norm of its error
    stopped : whether nobody waits for it any more
    jumps : flips of phase on the way. They are told in a frame in which the transverse field of the spin
        changes its sign instead, so that probabilities are the same and an even state stays even

    Returns
    -------
    real and imaginary parts (size,); the layers that made them; bound on the norm of the error; steps
    """
    layers = Layers(len(part.spins), part.is_folded, n_threads)
    signs = np.ones(len(part.spins))
    state = layers.uniform() if part.initial is None else layers.basis(part.initial)
    energies = layers.diagonal_of(part.couplings, part.fields)
    now, step, error, n_steps = float(course.times[0]), None, 0.0, 0
    with layers:
        for until, spin in [*jumps, (float(course.times[-1]), None)]:
            if until > now:
                took = evolve(
                    layers, state, energies, course, (now, until), signs, tolerance, stopped, first_step=step
                )
                now, step, error, n_steps = until, took.step, error + took.error, n_steps + took.n_steps
            if spin is not None:
                signs[spin] *= -1
    return state, layers, error, n_steps


def final(
    part: Part, course: Course, tolerance: float, stopped: Callable[[], bool], jumps: Jumps = ()
) -> State:
    """Probabilities at the end of a course; parameters as of `evolved`."""
    if n_bytes(part) > _MOST_KEPT // 16:
        with _one_at_a_time:
            state, _, error, n_steps = evolved(part, course, tolerance, stopped, jumps)
    else:
        state, _, error, n_steps = evolved(part, course, tolerance, stopped, jumps)
    probabilities = state[0]
    probabilities *= probabilities
    probabilities += state[1] ** 2
    return State(len(part.spins), probabilities, error, n_steps)
