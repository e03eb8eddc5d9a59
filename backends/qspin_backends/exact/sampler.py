"""Independent exact samples of the Boltzmann distribution, by enumeration of all configurations."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Annotated, ClassVar, TypeVar

import numpy as np
from pydantic import Field

from qspin.problem import IsingProblem
from qspin.sampler import (
    MAX_SPINS,
    Enumeration,
    Incidental,
    Initial,
    Ladder,
    PositiveInt,
    Seed,
    Workload,
    allocate_spins,
    checked_arguments,
    enumerate_problem,
    refuse_initial,
    report_progress,
    require_enumerable,
    require_memory,
    resolved_seed,
    run_info,
    samples_bytes,
    settings,
)
from qspin.samples import SampleSet
from qspin_backends.common.background import in_background

__all__ = ["Exact"]

T = TypeVar("T")

_CALL = 7e6  # passes of a spin that everything around the enumeration is worth
_BYTES_A_STATE = 24  # energies, and the weights and their sums at one beta
_A_BETA = 8  # passes over all configurations that the weights of one beta are worth, in passes of a spin
_SHORT = 20  # spins up to which all configurations take milliseconds; beyond them interrupts must be heard


@settings
class Exact:
    """Draw `n_replicas` independent configurations from exp(-beta E) / Z at each inverse temperature.

    Parameters
    ----------
    betas : ascending inverse temperatures, units of 1/energy
    n_replicas : independent samples at each beta; there are no chains, so each has one draw
    max_spins : refuse larger problems; memory grows as 16 bytes x 2^N (1 GiB at 26 spins)
    """

    name: ClassVar[str] = "exact"
    samples_version: ClassVar[int] = 1
    is_paid: ClassVar[bool] = False

    betas: Ladder = (1.0,)
    n_replicas: PositiveInt = 100
    max_spins: Incidental[Annotated[int, Field(ge=0, le=34)]] = MAX_SPINS

    @property
    def offers(self) -> frozenset[str]:
        """What the samples have, see `qspin.sampler.OFFERS`."""
        has = {"ladder": len(self.betas) > 1, "replicas": self.n_replicas > 1}
        return frozenset({"thermostat", "spins"} | {name for name, is_there in has.items() if is_there})

    def enumerate(self, problem: IsingProblem) -> Enumeration:
        """All energies of the problem: spectrum, ground states, exact averages and exact P(q).

        Raises
        ------
        CapacityError
            If the problem is larger than `max_spins`.
        """
        require_enumerable(problem.n_spins, self.max_spins)
        call = functools.partial(enumerate_problem, problem, max_spins=self.max_spins)
        return _hearing_interrupts(call, problem.n_spins)

    def check(self, problem: IsingProblem) -> None:
        """Raises CapacityError if the problem is larger than `max_spins`, without enumerating it, or if the
        samples would not fit in memory."""
        require_enumerable(problem.n_spins, self.max_spins)
        require_memory(len(self.betas), self.n_replicas, 1, problem.n_spins)

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`."""
        self.check(problem)
        n_states = 2**problem.n_spins
        work = _CALL + n_states * (problem.n_spins + _A_BETA * len(self.betas))
        kept = samples_bytes(len(self.betas), self.n_replicas, 1, problem.n_spins)
        drawn = 2 * 8 * self.n_replicas * problem.n_spins  # numbers and bits of one beta
        return Workload(self.name, float(work), _BYTES_A_STATE * n_states + drawn + kept, kept)

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (beta, replica, 1, spin); `info` holds the ground-state energy and degeneracy.

        Raises
        ------
        InputError
            If `initial` configurations are given: there is nothing that starts.
        CapacityError
            If the problem is larger than `max_spins`.
        """
        refuse_initial(self.name, initial, "it draws configurations that depend on none before them")
        seed = resolved_seed(seed)
        start = time.perf_counter()
        spectrum = self.enumerate(problem)
        prepared = time.perf_counter()
        spins = allocate_spins(len(self.betas), self.n_replicas, 1, problem.n_spins)
        for b, stream in enumerate(np.random.SeedSequence(seed).spawn(len(self.betas))):
            rng = np.random.default_rng(stream)
            draw = functools.partial(spectrum.sample, self.betas[b], self.n_replicas, rng)
            spins[b, :, 0] = _hearing_interrupts(draw, problem.n_spins)
            report_progress((b + 1) / len(self.betas), best_energy=spectrum.ground_energy)
        info = run_info(
            self,
            seed,
            clocks={"prepare": prepared - start, "sample": time.perf_counter() - prepared},
            headline=f"enumeration of 2^{problem.n_spins} configurations",
            ground_energy=spectrum.ground_energy,
            ground_degeneracy=spectrum.ground_degeneracy,
        )
        return SampleSet.from_spins(problem, spins, self.betas, info, handed_over=True)


def _hearing_interrupts(call: Callable[[], T], n_spins: int) -> T:
    """What a call that goes through all configurations gives; made beside the main thread if that is long."""
    return call() if n_spins <= _SHORT else in_background(call, threading.Event())
