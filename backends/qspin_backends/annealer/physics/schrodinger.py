"""Closed-system dynamics of an annealer, exactly: the transverse-field Ising model in real time.

The state begins in the ground state of the driver, all spins along x, or in a configuration, and follows the
schedule in real time, H / h = -Gamma(s) sum sigma^x + kappa(s) E with Gamma and kappa in GHz; of schedules
that have a name, a unit of the couplings is taken for 1 GHz. Where a recorded schedule has some kappa at
s = 0 already, the driver's ground state is not quite that of H(0): for each coupling J it lacks about
(kappa J / 4 Gamma)^2 of the probability, which is what excitations of slow anneals come down to; a remark
says so. What is read is drawn from the distribution of the final state. With dephasing, every read follows a
trajectory of its own: sigma^z acts on each qubit at random times with half of the rate, which on average is
Lindblad's equation

    d rho / dt = -2 pi i [H / h, rho] + (dephasing / 2) sum (sigma^z rho sigma^z - rho),

in which the coherence of a free qubit decays as exp(-dephasing t).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import dimod
import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin.sampler import Course, Initial, Level, Remark, Schedule, initial_spins, schedule_of
from qspin_backends.annealer.device import Program
from qspin_backends.annealer.physics.dynamics import NS, Asked, Conditions, Path
from qspin_backends.annealer.physics.means import pair_means
from qspin_backends.annealer.physics.states import (
    Jumps,
    Kept,
    Part,
    State,
    evolved,
    final,
    parts_of,
    require_part,
)

__all__ = ["Schrodinger", "final_state"]

_A_LAYER, _AN_AMPLITUDE = 3e3, 0.25  # nanoseconds, the latter for each qubit; a core of an AMD EPYC 7003
_A_STRETCH = 2e6  # nanoseconds, between flips of a phase: lengths of steps are found anew
_LEAST_SHARED = 14  # qubits of a state from which on threads share it
_LONG_ANNEAL = 0.5  # microseconds, from which on a closed anneal is more likely meant in nanoseconds
_SMALL_START = 0.01  # kappa over Gamma at the start, up to which the two ground states are as good as one
_LAYERS_A_TURN = 75.0  # of the fields of a qubit, at a tolerance of 1e-4 for 20 ns


def final_state(
    problem: IsingProblem,
    schedule: Schedule | str,
    annealing_time_ns: float | Sequence[tuple[float, float]],
    *,
    initial: Initial | None = None,
    tolerance: float = 1e-9,
    n_threads: int | None = None,
) -> NDArray[np.complex128]:
    """The state of a closed annealer at the end of an anneal.

    Parameters
    ----------
    problem : whose energy, its offset left out, is multiplied by kappa(s)
    schedule : as `qspin.schedules.schedule_of` takes it
    annealing_time_ns : of an anneal from s = 0 to 1, or points (time in ns, s)
    initial : configuration to start from, by order or by label; None for the ground state of the driver, all
        spins along x, whatever the schedule has of the problem at its start
    tolerance : bound on the norm of the error of the state, see the setting of `Annealer`
    n_threads : default as many as Numba has

    Returns
    -------
    amplitudes (2^n_spins,), of norm 1; bit q of a position is 1 where spin q is -1, as Qiskit has it. The
    phase of the whole is that of these energies

    Raises
    ------
    CapacityError
        If it would take more than half of the memory of the machine.
    InputError
        If the schedule is none, or the points or the initial configuration do not fit.
    """
    points = annealing_time_ns
    if np.ndim(points) == 0:
        points = [(0.0, 0.0), (float(points), 1.0)]  # type: ignore[arg-type]
    course = schedule_of(schedule).course(points)  # type: ignore[arg-type]
    n = problem.n_spins
    start = None if initial is None else initial_spins(problem, initial, n_replicas=1)[0, 0]
    ones = np.ones(n, dtype=np.int8)
    part = Part(np.arange(n), ones, problem.toarray().copy(), problem.fields.copy(), start)
    require_part(part)
    (re, im), layers, _, _ = evolved(part, course, tolerance, _never, n_threads=n_threads)
    state = re + 1j * im
    return np.concatenate([state, state[::-1]]) / np.sqrt(2) if layers.folded else state


class Schrodinger:
    """Reads of the exact final state; see the module. There is no temperature: nothing leaves the qubits."""

    has_transverse_field: ClassVar[bool] = True
    has_temperature: ClassVar[bool] = False
    needs_time: ClassVar[bool] = True
    ignores: ClassVar[tuple[str, ...]] = ("n_sweeps", "sweeps_per_ns", "temperature", "temperature_mk")

    def __init__(self, conditions: Conditions):
        self.conditions = conditions

    def shared(self) -> Kept:
        return Kept()

    def reads(self, bqm: dimod.BinaryQuadraticModel, path: Path, asked: Asked) -> dimod.SampleSet:
        problem = IsingProblem.from_bqm(bqm)
        reading = _Reading(
            problem,
            self.conditions,
            path,
            np.random.default_rng(asked.seed),
            asked.stopped or _never,
            Kept() if asked.kept is None else asked.kept,
        )
        initial = asked.initial
        start = None if initial is None else np.array([initial[q] for q in problem.labels], dtype=np.int8)
        if start is None or asked.anew:
            spins = reading.reads(asked.num_reads, start)
        else:
            spins = np.concatenate(list(reading.one_after_another(asked.num_reads, start)))
        return dimod.SampleSet.from_samples_bqm((spins, list(problem.labels)), bqm)

    def correlations(self, program: Program, path: Path, kept: Kept) -> NDArray[np.float64] | None:
        anew = program.parameters.get("reinitialize_state", True)
        if self.conditions.dephasing or not (anew or "initial_state" not in program.parameters):
            return None
        course, parts = self.conditions.followed.course(path.in_ns()), _parts(program)
        tolerance = self.conditions.tolerance
        states = [
            kept.get((path, *part.key), functools.partial(final, part, course, tolerance, _never))
            for part in parts
        ]
        return pair_means(len(program.qubits), parts, states)

    def require(self, programs: Sequence[Program]) -> None:
        for program in programs:
            for part in _parts(program):
                require_part(part)

    def remarks(self, path: Path, temperature: float, follows: bool) -> list[Remark]:
        course = self.conditions.followed.course(path.in_ns())
        return [*_long(course.duration / NS), *_not_its_ground_state(self.conditions.followed, path)]

    def seconds(
        self, programs: Sequence[Program], path: Path, temperature: float, n_cores: int
    ) -> float | None:
        largest = max((len(program.qubits) for program in programs), default=0)
        n_threads = n_cores if largest >= _LEAST_SHARED else 1
        return 1e-9 * self.work(programs, path, temperature) / n_threads

    def work(self, programs: Sequence[Program], path: Path, temperature: float) -> float:
        course = self.conditions.followed.course(path.in_ns())
        rate, tolerance = self.conditions.dephasing, self.conditions.tolerance
        if not rate:
            alike = {part.key: part for program in programs for part in _parts(program)}
            return sum(_nanoseconds(part, course, tolerance) for part in alike.values())
        return sum(
            program.n_reads * _nanoseconds(part, course, tolerance, rate)
            for program in programs
            for part in _parts(program)
        )


@dataclass(frozen=True)
class _Reading:
    """All that reads of one program need."""

    problem: IsingProblem
    conditions: Conditions
    path: Path
    rng: np.random.Generator
    stopped: Callable[[], bool]
    kept: Kept

    def reads(self, n: int, start: NDArray[np.int8] | None) -> NDArray[np.int8]:
        """Independent of each other (n, n_spins)."""
        spins = np.empty((n, self.problem.n_spins), dtype=np.int8)
        course = self.conditions.followed.course(self.path.in_ns())
        for part in parts_of(self.problem, start):
            spins[:, part.spins] = self._drawn(part, course, n) * part.gauge
        return spins

    def one_after_another(self, n: int, start: NDArray[np.int8]) -> Iterator[NDArray[np.int8]]:
        """Each starts where the one before it ended."""
        for _ in range(n):
            spins = self.reads(1, start)
            yield spins
            start = spins[0]

    def _drawn(self, part: Part, course: Course, n: int) -> NDArray[np.int8]:
        if not self.conditions.dephasing:
            return self._undisturbed(part, course).drawn(n, self.rng)
        return np.concatenate([self._trajectory(part, course).drawn(1, self.rng) for _ in range(n)])

    def _undisturbed(self, part: Part, course: Course) -> State:
        key = (self.path, *part.key)
        return self.kept.get(key, lambda: final(part, course, self.conditions.tolerance, self.stopped))

    def _trajectory(self, part: Part, course: Course) -> State:
        """The end of one run of the dephasing."""
        jumps = _jumps(self.conditions.dephasing, part, course, self.rng)
        if not jumps:
            return self._undisturbed(part, course)
        return final(part, course, self.conditions.tolerance, self.stopped, jumps)


def _jumps(rate: float, part: Part, course: Course, rng: np.random.Generator) -> Jumps:
    n = int(rng.poisson(0.5 * rate * course.duration * len(part.spins)))
    times = np.sort(rng.uniform(course.times[0], course.times[-1], n))
    return list(zip(times.tolist(), rng.integers(len(part.spins), size=n).tolist(), strict=True))


def _long(time: float) -> list[Remark]:
    """A remark on a closed anneal of so many microseconds, where these are many."""
    if time <= _LONG_ANNEAL:
        return []
    text = (
        f"annealing_time is in microseconds: {time:.4g} are {NS * time:.4g} ns of coherent evolution, and "
        f"computing takes as much longer; give {time / NS:.4g} for {time:.4g} ns"
    )
    return [Remark("anneal-is-long", text)]


def _not_its_ground_state(schedule: Schedule, path: Path) -> list[Remark]:
    """A remark where a forward anneal starts with some of the problem switched on."""
    transverse, problem = map(float, schedule.fields(np.array(path.shape[0][1])))
    if path.shape[0][1] > 0 or problem <= _SMALL_START * transverse:
        return []
    ratio = problem / transverse if transverse else np.inf
    text = (
        f"the anneal starts in the ground state of the driver, all spins along x, and the schedule has B / A "
        f"= {ratio:.3g} at s = 0 already: for each coupling J that state lacks about {(ratio / 4) ** 2:.2g} "
        "J^2 of the probability of the ground state there, an excitation that no slow anneal takes away"
    )
    return [Remark("starts-in-the-driver", text, Level.NOTE)]


def _nanoseconds(part: Part, course: Course, tolerance: float, dephasing: float = 0.0) -> float:
    """Roughly, of one evolution on one core."""
    n = len(part.spins)
    local = np.sqrt((part.couplings**2).sum() / n + (part.fields**2).mean())
    transverse, problem = np.abs(course.integrals(course.times[-1]))
    harder = (1e-4 / tolerance * course.duration / 20) ** (1 / 6)
    layers = _LAYERS_A_TURN * harder * (transverse + problem * local)
    flips = 0.5 * dephasing * course.duration * n
    a_layer = _A_LAYER + _AN_AMPLITUDE * n * 2.0 ** (n - part.is_folded)
    return float((1 + flips) * _A_STRETCH + layers * a_layer)


def _parts(program: Program) -> list[Part]:
    n = len(program.qubits)
    i, j = program.couplers.T
    problem = IsingProblem.from_edges(n, i, j, program.couplings, program.fields)
    starts = program.parameters.get("initial_state")
    given = None if starts is None else np.array([starts[q] for q in program.qubits.tolist()], dtype=np.int8)
    return parts_of(problem, given)


def _never() -> bool:
    return False
