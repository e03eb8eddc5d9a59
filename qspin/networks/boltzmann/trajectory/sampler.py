"""Parallel trajectory tempering (Bereux, Decelle, Furtlehner, Rosset, Seoane 2024, arXiv:2405.15376).

A trained machine may have passed, on the way to its modes, through continuous transitions alone, while a
ladder of temperatures leads through one of first order, where modes of large entropy give way to those of low
energy at once and replicas do not come through. Replicas are therefore exchanged along the training itself.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, NonNegativeInt, PlainValidator, model_validator
from torch import Tensor

from qspin.analysis.reweighting import LEAST_OVERLAP
from qspin.errors import InputError, RunError
from qspin.networks.boltzmann.machines import Machine, generator_of
from qspin.networks.boltzmann.trajectory.checkpoints import Checkpoints
from qspin.networks.boltzmann.trajectory.exchange import Ladder
from qspin.networks.boltzmann.trajectory.running import (
    Length,
    LogPartition,
    Run,
    farthest_neighbours,
    log_partition_of,
    run,
)
from qspin.problem import IsingProblem
from qspin.sampler import (
    STANDARD_ERRORS,
    Initial,
    Level,
    PositiveInt,
    Remark,
    Seed,
    Workload,
    checked_arguments,
    refuse_initial,
    require_bytes,
    require_memory,
    resolved_seed,
    run_info,
    samples_bytes,
    settings,
)
from qspin.samples import SampleSet

__all__ = ["TrajectoryTempering"]

_WANTED = 0.3  # accepted share of swaps, about which a walker travels fastest for the sweeps it costs
_LOW_SWAP_RATE = 0.1  # below which it is remarked on
_PILOT_DRAWS = 50  # of each checkpoint, by which the share of swaps is told
_ROUNDS = 5  # in which checkpoints come back
_RARE = 0.75  # times the wanted share of swaps, below which they do
_APART = 0.01  # below which two checkpoints are not tied to each other


def _checkpoints(given: Any) -> Checkpoints:
    return given if isinstance(given, Checkpoints) else Checkpoints.of_machines(given)


@settings
class TrajectoryTempering:
    """Sample the machine at the end of a training, with replicas exchanged along its checkpoints.

    A ladder of machines, all of them at beta = 1, takes the place of one of temperatures: independent units,
    drawn anew at every sweep, and then the checkpoints in the order of training. Each replica is a ladder of
    its own, so that overlaps between replicas are overlaps of independent copies. The last checkpoint is what
    is sampled. It is no negative phase of a training, whose machine is another one after every step.

    Parameters
    ----------
    checkpoints : machines in the order of training; of a fit, `TrajectoryTempering.of` makes them
    n_replicas : independent copies, at least two; many cost little more than a few
    n_burn_in : sweeps before recording; one sweep of block Gibbs visits every unit at every checkpoint once
    n_sweeps : sweeps of the recorded phase
    n_draws : configurations kept per replica, evenly spaced over `n_sweeps`
    swap_every : sweeps between two exchanges

    Raises
    ------
    InputError
        If there is no checkpoint, or they are of machines of other units or another graph; if there are
        fewer than two replicas, or more draws than sweeps.

    Examples
    --------
    >>> from qspin.networks import RestrictedBoltzmannMachine, fit_boltzmann
    >>> machine = RestrictedBoltzmannMachine(4, 2)
    >>> rows = [[1, 1, 1, 1], [-1, -1, -1, -1]]
    >>> fit = fit_boltzmann(machine, rows, "exact", seed=0, n_steps=100, keep_at=[0, 20, 50, 100])
    >>> sampler = TrajectoryTempering.of(fit.machine, fit.kept, n_burn_in=100, n_sweeps=400, n_draws=100)
    >>> samples = sampler.sample(machine.problem(), seed=1)
    >>> dict(samples.spins.sizes), samples.betas.tolist()
    ({'beta': 1, 'replica': 16, 'draw': 100, 'spin': 6}, [1.0])
    """

    name: ClassVar[str] = "trajectory"
    samples_version: ClassVar[int] = 1
    is_paid: ClassVar[bool] = False
    betas: ClassVar[tuple[float, ...]] = (1.0,)

    checkpoints: Annotated[Any, PlainValidator(_checkpoints)]
    n_replicas: Annotated[int, Field(ge=2)] = 16
    n_burn_in: NonNegativeInt = 1_000
    n_sweeps: PositiveInt = 4_000
    n_draws: PositiveInt = 400
    swap_every: PositiveInt = 1

    @model_validator(mode="after")
    def _fit_together(self) -> TrajectoryTempering:
        if self.n_draws > self.n_sweeps:
            raise ValueError(f"n_draws is at most n_sweeps, {self.n_sweeps}; got {self.n_draws}")
        if self.n_sweeps < 2 * self.swap_every:
            raise ValueError(
                f"n_sweeps is at least 2 swap_every, {2 * self.swap_every}, so that all neighbours are "
                f"swapped; got {self.n_sweeps}"
            )
        return self

    @classmethod
    def of(
        cls, machine: Machine, kept: Mapping[int, Mapping[str, Tensor]], **given: Any
    ) -> TrajectoryTempering:
        """Along what a training has kept.

        Parameters
        ----------
        machine : whose state dicts they are, such as `BoltzmannFit.machine`; its own parameters do not count
        kept : step -> state dict, such as `BoltzmannFit.kept` of ``keep_at``
        given : settings

        Raises
        ------
        InputError
            If there are none, or they are of another machine.
        """
        return cls(checkpoints=Checkpoints.of(machine, kept), **given)

    @property
    def offers(self) -> frozenset[str]:
        """What the samples have, see `qspin.sampler.OFFERS`."""
        return frozenset({"thermostat", "replicas", "spins"} | ({"draws"} if self.n_draws > 3 else set()))

    def check(self, problem: IsingProblem) -> None:
        """Refuse every problem but that of the last checkpoint, and samples that would not fit in memory."""
        last, n = self.checkpoints.last, problem.n_spins
        if problem != last.problem():
            own = len(last.problem_labels)
            came = f"{n} spins" if n != own else "as many spins with other couplings, fields or labels"
            raise InputError(
                f"trajectory samples the machine at its last checkpoint, step {self._steps[-1]}, of {own} "
                f"spins; got another problem, of {came}: keep the step that is to be sampled, and pass the "
                "problem() of the machine after it"
            )
        require_memory(1, self.n_replicas, self.n_draws, problem.n_spins)

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`."""
        self.check(problem)
        n_states, n_sweeps = len(self._steps) + 1, self.n_burn_in + self.n_sweeps
        work = float(n_sweeps * n_states * self.n_replicas * max(problem.n_couplings, problem.n_spins, 1))
        kept = samples_bytes(1, self.n_replicas, self.n_draws, problem.n_spins)
        last = self.checkpoints.last
        recorded = len(last.labels) + 2 * (n_states - 1)
        return Workload(self.name, work, kept + 8 * self.n_replicas * self.n_draws * recorded, kept)

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (1, replica, draw, spin) at beta = 1.

        Variables of the dataset: ``checkpoint_step`` (checkpoint,), steps of the training;
        ``checkpoint_swap_rate`` (checkpoint,), accepted share of swaps of each with the one before it, of the
        first one with independent units; ``round_trips`` (replica,), of all walkers from independent units to
        the last checkpoint and back. ``info["trajectory"]`` tells the machine and the steps.

        Raises
        ------
        InputError
            If the problem is not that of the last checkpoint, or `initial` configurations are given.
        CapacityError
            If the samples would not fit in memory.
        """
        refuse_initial(self.name, initial, "every replica begins with independent units")
        seed, start = resolved_seed(seed), time.perf_counter()
        self.check(problem)
        ladder = Ladder.of(self.checkpoints.at_steps)
        before = time.perf_counter()
        done = run(ladder, self._length, self._generator(seed))
        clocks = {"prepare": before - start, "sample": time.perf_counter() - before}
        units = done.at[..., : problem.n_spins].cpu().numpy()
        info = run_info(
            self,
            seed,
            clocks=clocks,
            remarks=self._remarks(done),
            headline=f"checkpoints of training: {len(self._steps)}, swaps from {done.swap_rates.min():.0%}",
            trajectory={"machine": self.checkpoints.machine, "steps": list(self._steps)},
        )
        extra = {
            "checkpoint_step": ("checkpoint", np.array(self._steps)),
            "checkpoint_swap_rate": ("checkpoint", done.swap_rates),
            "round_trips": ("replica", done.round_trips),
        }
        spins = np.where(units == 1, 1, -1).astype(np.int8)
        return SampleSet.from_spins(problem, spins, self.betas, info, extra, handed_over=True)

    def log_partition(self, *, seed: Seed = None) -> tuple[float, float, list[Remark]]:
        """ln Z of the last checkpoint, its standard error over replicas, and remarks.

        By the Bennett acceptance ratio from independent units, whose ln Z is known, to the first checkpoint
        and from each to the next.

        Raises
        ------
        RunError
            If two neighbours do not overlap, so that nothing leads from one to the other.
        """
        ladder = Ladder.of(self.checkpoints.at_steps)
        done = run(ladder, self._length, self._generator(resolved_seed(seed)))
        found: LogPartition = log_partition_of(ladder, done.works)
        if (found.overlaps < LEAST_OVERLAP).any():
            k = int(np.argmin(found.overlaps))
            raise RunError(
                f"{self._pair(k)} do not overlap, so ln Z is not known beyond them: keep steps between them"
            )
        remarks = self._remarks(done)
        if found.drift > STANDARD_ERRORS:
            text = (
                f"not in equilibrium: ln Z of the two halves of the draws lie {found.drift:.1f} standard "
                f"errors apart ({STANDARD_ERRORS:g} allowed): take a longer burn-in"
            )
            remarks.append(Remark("log-partition-drift", text, Level.SERIOUS))
        return found.value, found.error, remarks

    def thinned(self, *, seed: Seed = None, least: float = _WANTED) -> TrajectoryTempering:
        """The same sampler along fewer checkpoints: each as far from the one before as swaps allow.

        A run along all of them, as long as these settings say, gives samples of each, by which the accepted
        share of swaps is known for any two. Runs along those that are left tell whether it holds: where it
        falls short, the checkpoint half way comes back.

        Parameters
        ----------
        seed : of these runs
        least : accepted share of swaps that neighbours are to have; where neighbours in training have less,
            both are kept

        Raises
        ------
        InputError
            If `least` is no share.
        CapacityError
            If samples of all checkpoints would not fit in memory.
        RunError
            If neighbours in training swap in less than one of a hundred attempts: nothing ties them.
        """
        if not 0 < least < 1:
            raise InputError(f"least is a share of swaps between 0 and 1; got {least!r}")
        ladder = Ladder.of(self.checkpoints.at_steps)
        length = self._length._replace(n_draws=min(self.n_draws, _PILOT_DRAWS))
        seed = resolved_seed(seed)
        n_values = len(ladder) * self.n_replicas * length.n_draws * len(self.checkpoints.last.labels)
        require_bytes(8 * n_values, f"draws of {len(ladder)} checkpoints", "take fewer of them, or replicas")
        done = run(ladder, length, self._generator(seed), everywhere=True)
        found = farthest_neighbours(ladder, done.at, least)
        for state, share in found:
            if share < _APART:
                raise RunError(
                    f"swaps of {self._pair(state - 1)} are accepted in {share:.2%} of attempts, so nothing "
                    "ties them: keep steps between them (keep_at of fit_boltzmann)"
                )
        places = [state - 1 for state, _ in found]
        chosen = self.checkpoints.thinned(self._refined(places, seed, least))
        return dataclasses.replace(self, checkpoints=chosen)

    def _refined(self, places: list[int], seed: int, least: float) -> list[int]:
        """With more checkpoints between those of which swaps turn out to be rare once they are alone."""
        for k in range(_ROUNDS):
            ladder = Ladder.of(self.checkpoints.thinned(places).at_steps)
            rates = run(ladder, self._length, self._generator([seed, k])).swap_rates
            rare, ends = np.flatnonzero(rates < _RARE * least), np.array([-1, *places])
            half_way = (ends[rare] + ends[rare + 1]) // 2
            refined = sorted({*places, *half_way.tolist()} - {-1})
            if refined == places:
                break
            places = refined
        return places

    # -- of its settings -------------------------------------------------------------------------

    @property
    def _steps(self) -> tuple[int, ...]:
        return self.checkpoints.steps

    @property
    def _length(self) -> Length:
        return Length(self.n_replicas, self.n_burn_in, self.n_sweeps, self.n_draws, self.swap_every)

    def _generator(self, seed: int | list[int]) -> Any:
        return generator_of(seed, self.checkpoints.last.like.device)

    def _pair(self, k: int) -> str:
        """State k of the ladder and the next, in words."""
        if not k:
            return f"independent units and the first checkpoint, step {self._steps[0]},"
        return f"the checkpoints of steps {self._steps[k - 1]} and {self._steps[k]}"

    def _remarks(self, done: Run) -> list[Remark]:
        remarks, rates = [], done.swap_rates
        if (rates < _LOW_SWAP_RATE).any():
            k = int(np.argmin(rates))
            text = (
                f"swaps of {self._pair(k)} are accepted in {rates[k]:.1%} of attempts, below "
                f"{_LOW_SWAP_RATE:.0%}: keep steps between them"
            )
            remarks.append(Remark("low-swap-rate", text))
        if stuck := int(np.count_nonzero(done.round_trips == 0)):
            text = (
                f"in {stuck} of {self.n_replicas} replicas no walker travelled from independent units to the "
                "last checkpoint and back: run longer or keep more checkpoints"
            )
            remarks.append(Remark("no-round-trip", text))
        return remarks
