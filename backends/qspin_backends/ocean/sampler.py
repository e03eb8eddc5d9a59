"""Any `dimod.Sampler`, named by its import path: simulated annealing, tabu, hybrid solvers, your own."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import dimod
import numpy as np
from pydantic import Field

from qspin.errors import InputError, nearest_name
from qspin.problem import IsingProblem
from qspin.sampler import (
    ImportPath,
    PositiveInt,
    Seed,
    imported,
    report_progress,
    resolved_seed,
    run_info,
    settings,
)
from qspin.samples import SampleSet

__all__ = ["Ocean"]

_ON_THIS_MACHINE = ("dwave.samplers", "dimod", "neal", "tabu", "greedy")
"""Packages whose samplers call nobody."""


@settings
class Ocean:
    """Sample with a dimod sampler; its reads become replicas with one draw and no known temperature.

    The answer carries ``beta = NaN``: a dimod sampler does not say at which temperature it samples, and none
    is made up here.

    Parameters
    ----------
    sampler : import path ``package.module:Class`` of a `dimod.Sampler`
    n_reads : reads to ask for, as ``num_reads``; a sampler without that parameter returns what it returns,
        and a warning says so where the number differs
    parameters : further keyword arguments of its `sample` method
    constructor : keyword arguments of the class itself
    """

    name: ClassVar[str] = "ocean"

    sampler: ImportPath = "dwave.samplers:SimulatedAnnealingSampler"
    n_reads: PositiveInt = 100
    parameters: dict[str, Any] = Field(default_factory=dict)
    constructor: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_paid(self) -> bool:
        """Whether reads cost money: they may, unless the sampler is one that runs on this machine."""
        module = self.sampler.partition(":")[0]
        return not any(module == name or module.startswith(f"{name}.") for name in _ON_THIS_MACHINE)

    def check(self, problem: IsingProblem) -> None:
        """Raises InputError if the sampler cannot be made or refuses a parameter."""
        self._call_parameters(self._construct(), seed=0)

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        """Returns spins (1, read, 1, spin) with energies recomputed from the problem.

        Raises
        ------
        InputError
            If the path names no dimod sampler, or a parameter that it does not take.
        MissingExtraError
            If the package of the sampler is not installed.
        """
        seed = resolved_seed(seed)
        start = time.perf_counter()
        sampler = self._construct()
        parameters, warnings = self._call_parameters(sampler, seed)
        bqm = problem.to_bqm()
        prepared = time.perf_counter()
        answer = sampler.sample(bqm, **parameters) if problem.n_spins else _no_spins(self.n_reads)
        answer.resolve()
        sampled = time.perf_counter()
        report_progress(1.0)
        n_returned = int(answer.record.num_occurrences.sum())
        if n_returned != self.n_reads:
            warnings.append(f"{self.n_reads} reads were asked for and {self.sampler} returned {n_returned}")
        clocks = {"prepare": prepared - start, "sample": sampled - prepared}
        info = run_info(self, seed, clocks=clocks, warnings=warnings)
        return SampleSet.from_dimod(answer, problem, info)

    def _construct(self) -> dimod.Sampler:
        cls = imported(
            self.sampler,
            "sampler",
            key="sampler",
            suits=lambda member: isinstance(member, type) and issubclass(member, dimod.Sampler),
        )
        try:
            sampler = cls(**self.constructor)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{self.sampler} cannot be constructed: {error}", key=("constructor",)
            ) from error
        if not isinstance(sampler, dimod.Sampler):
            raise InputError(
                f"{self.sampler} is a {type(sampler).__name__}, not a dimod.Sampler", key=("sampler",)
            )
        return sampler

    def _call_parameters(self, sampler: dimod.Sampler, seed: int) -> tuple[dict[str, Any], list[str]]:
        """Keyword arguments of one call, and what cannot be promised about it."""
        accepted = sampler.parameters
        for name in self.parameters:
            if name not in accepted:
                raise InputError(
                    f"{self.sampler} takes no parameter {name!r}: {nearest_name(name, accepted)}",
                    key=("parameters", name),
                )
        warnings = []
        parameters = dict(self.parameters)
        if "num_reads" in accepted:
            parameters.setdefault("num_reads", self.n_reads)
        if "seed" in parameters:
            warnings.append("parameters fix the seed: every run returns the same reads, whatever its seed")
        elif "seed" in accepted:
            parameters["seed"] = int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
        else:
            warnings.append(f"{self.sampler} takes no seed: its reads cannot be repeated")
        return parameters, warnings


def _no_spins(n_reads: int) -> dimod.SampleSet:
    """Reads of a problem without spins, which not every dimod sampler accepts."""
    return dimod.SampleSet.from_samples((np.empty((n_reads, 0), np.int8), []), dimod.SPIN, [0.0] * n_reads)
