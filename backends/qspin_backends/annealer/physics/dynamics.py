"""What a physics is to a simulated device, and what all of them are told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import dimod
import numpy as np
from numpy.typing import NDArray

from qspin.sampler import GHZ_A_MILLIKELVIN, GivenFile, Remark, Schedule
from qspin_backends.annealer.device import Program
from qspin_backends.common.schedules import followed

__all__ = ["FORWARD", "NS", "Asked", "Conditions", "Dynamics", "Path"]

NS = 1e3
"""Of a microsecond, Ocean's unit of time."""

FORWARD = ((0.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True)
class Conditions:
    """Under which a simulated device anneals.

    Parameters
    ----------
    n_sweeps : of one anneal by Monte Carlo
    transverse_field : G of schedules that have a name, units of the couplings of the device
    schedule : file or name of a schedule; None for the default, ``quadratic``
    sweeps_per_ns : of an anneal whose time is known, in place of `n_sweeps`
    dephasing : rate at which the coherence of a qubit decays, 1/ns
    tolerance : on the norm of the error of a state
    """

    n_sweeps: int
    transverse_field: float
    schedule: GivenFile | str | None = None
    sweeps_per_ns: float | None = None
    dephasing: float = 0.0
    tolerance: float = 1e-3

    @property
    def followed(self) -> Schedule:
        """The schedule; raises InputError where its file is none."""
        return _schedule(self.schedule, self.transverse_field)

    def in_couplings(self, millikelvin: float) -> float:
        """A temperature in units of the couplings as they are at s = 1; of a schedule in GHz."""
        return millikelvin * GHZ_A_MILLIKELVIN / self.full

    def in_millikelvin(self, temperature: float) -> float:
        """The inverse of `in_couplings`."""
        return temperature * self.full / GHZ_A_MILLIKELVIN

    @property
    def full(self) -> float:
        """kappa at s = 1."""
        return float(self.followed.fields(np.array(1.0))[1])

    def sweeps(self, path: Path) -> int:
        """Of an anneal along a path."""
        if self.sweeps_per_ns is None or path.time is None:
            return self.n_sweeps
        return max(1, round(self.sweeps_per_ns * path.time * NS))


@functools.lru_cache(maxsize=16)
def _schedule(given: GivenFile | str | None, transverse_field: float) -> Schedule:
    return followed("quadratic" if given is None else given, transverse_field)


@dataclass(frozen=True)
class Path:
    """How s goes through an anneal, as a program states it.

    Parameters
    ----------
    points : (time in microseconds, s), linear between them; None: from 0 to 1
    time : of the anneal in microseconds; None where it was not given
    """

    points: tuple[tuple[float, float], ...] | None = None
    time: float | None = None

    @classmethod
    def of(cls, parameters: Any) -> Path:
        """From the parameters of a solver, by Ocean's names."""
        points = parameters.get("anneal_schedule")
        if points is None:
            return cls(None, parameters.get("annealing_time"))
        points = tuple((float(t), float(s)) for t, s in points)
        return cls(points, points[-1][0] - points[0][0])

    @property
    def shape(self) -> Sequence[tuple[float, float]]:
        """Points where only ratios of times matter."""
        return self.points or FORWARD

    def in_ns(self) -> list[tuple[float, float]]:
        """Points of an anneal whose time is known."""
        assert self.time is not None
        return [(t * NS, s) for t, s in self.points or ((0.0, 0.0), (self.time, 1.0))]


@dataclass(frozen=True, eq=False)
class Asked:
    """Reads of a program.

    Parameters
    ----------
    num_reads : how many
    seed : of all that is random in them
    temperature : units of the couplings as they are at s = 1
    initial : qubit -> spin that a reverse anneal starts from; None for a forward one
    anew : whether every read does, not only the first
    stopped : whether nobody waits for the reads any more; None where nobody asks
    kept : what programs of one request share, from `Dynamics.shared`
    """

    num_reads: int
    seed: int
    temperature: float
    initial: dict[Any, int] | None
    anew: bool
    stopped: Callable[[], bool] | None
    kept: Any


class Dynamics(Protocol):
    """Anneals programs under the conditions that it was made with.

    has_transverse_field : whether there is one, and so reverse anneals and schedules of s
    has_temperature : whether qubits exchange energy with anything
    needs_time : whether it cannot do without the time of an anneal
    ignores : settings of the annealer that mean nothing to it
    """

    has_transverse_field: ClassVar[bool]
    has_temperature: ClassVar[bool]
    needs_time: ClassVar[bool]
    ignores: ClassVar[tuple[str, ...]]

    def __init__(self, conditions: Conditions): ...

    def reads(self, bqm: dimod.BinaryQuadraticModel, path: Path, asked: Asked) -> dimod.SampleSet:
        """In the order in which they were annealed."""
        ...

    def shared(self) -> Any:
        """What is to be shared by the programs of one request."""
        ...

    def correlations(self, program: Program, path: Path, kept: Any) -> NDArray[np.float64] | None:
        """<s_i s_j> of the qubits of a program (n_used, n_used) in the distribution that its reads are drawn
        from; None where that is not known. `kept` as `Asked` has it."""
        ...

    def require(self, programs: Sequence[Program]) -> None:
        """Raises CapacityError for programs that are too large."""
        ...

    def remarks(self, path: Path, temperature: float, follows: bool) -> list[Remark]:
        """What a reader must know; `follows`: whether the temperature does, the scaling of the problem."""
        ...

    def seconds(
        self, programs: Sequence[Program], path: Path, temperature: float, n_cores: int
    ) -> float | None:
        """Roughly, of all programs on so many cores; None where the physics costs little."""
        ...

    def work(self, programs: Sequence[Program], path: Path, temperature: float) -> float:
        """About nanoseconds of a core."""
        ...
