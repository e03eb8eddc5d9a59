"""Any `dimod.Sampler`, named by its import path: simulated annealing, tabu, hybrid solvers, your own."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import dimod
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qspin.errors import InputError, RunError, nearest_name
from qspin.problem import IsingProblem
from qspin.sampler import (
    ImportPath,
    Initial,
    PlainValues,
    PositiveInt,
    Remark,
    Seed,
    Workload,
    checked_arguments,
    imported,
    initial_digest,
    initial_spins,
    redacted,
    refuse_initial,
    report_progress,
    require_own_server,
    resolved_seed,
    run_info,
    samples_bytes,
    settings,
    strip_tokens,
)
from qspin.samples import SampleSet
from qspin_backends.common.background import in_background
from qspin_backends.common.rescue import rescued

__all__ = ["Ocean"]

_ON_THIS_MACHINE = ("dwave.samplers", "dimod", "neal", "tabu", "greedy")
"""Packages whose samplers call nobody."""

_CALL, _A_SPIN, _A_COUPLING = 5e6, 12.0, 0.15  # nanoseconds of Ocean's simulated annealing, measured
_SWEEPS = 1_000  # where none are asked for: those of Ocean's simulated annealing
_COPIES = 7  # of the reads, while they become samples; measured
_BYTES_A_BIAS = 64  # of a dimod model, while it is made


@settings
class Ocean:
    """Sample with a dimod sampler; its reads become replicas with one draw and no known temperature.

    The answer carries ``beta = NaN``: a dimod sampler does not say at which temperature it samples, and none
    is made up here. A token comes from the environment or from Ocean's config file, never from settings.

    Parameters
    ----------
    sampler : import path ``package.module:Class`` of a `dimod.Sampler`
    n_reads : reads to ask for, as ``num_reads``; a sampler without that parameter returns what it returns,
        and a remark says so where the number differs
    parameters : further keyword arguments of its `sample` method: numbers, text, lists and mappings
    constructor : keyword arguments of the class itself; the same
    """

    name: ClassVar[str] = "ocean"
    samples_version: ClassVar[int] = 1
    takes_initial: ClassVar[bool] = True

    sampler: ImportPath = "dwave.samplers:SimulatedAnnealingSampler"
    n_reads: PositiveInt = 100
    parameters: PlainValues = Field(default_factory=dict)
    constructor: PlainValues = Field(default_factory=dict)

    @property
    def is_paid(self) -> bool:
        """Whether reads cost money: they may, unless the sampler is one that runs on this machine."""
        module = self.sampler.partition(":")[0]
        return not any(module == name or module.startswith(f"{name}.") for name in _ON_THIS_MACHINE)

    @property
    def offers(self) -> frozenset[str] | None:
        """What the samples have, see `qspin.sampler.OFFERS`; None where the number of reads is not told."""
        n_reads = self.parameters.get("num_reads", self.n_reads)
        if not isinstance(n_reads, int):
            return None
        return frozenset({"replicas", "spins"} if n_reads > 1 else {"spins"})

    def check(self, problem: IsingProblem) -> None:
        """Raises InputError if the sampler cannot be made or refuses a parameter."""
        self._call_parameters(self._construct(), seed=0)

    def workload(self, problem: IsingProblem) -> Workload:
        """What a call will take, see `qspin.sampler.Workload`; raises as `check`. What a sampler elsewhere
        charges is not known."""
        self.check(problem)
        asked = [self.parameters.get(name) for name in ("num_reads", "num_sweeps")]
        n_reads, n_sweeps = (
            max(given, 1) if isinstance(given, int) else usual
            for given, usual in zip(asked, (self.n_reads, _SWEEPS), strict=True)
        )
        n_spins, n_ends = problem.n_spins, 2 * problem.n_couplings
        work = _CALL + n_reads * n_sweeps * (_A_SPIN * n_spins + _A_COUPLING * n_ends)
        kept = samples_bytes(1, n_reads, 1, problem.n_spins)
        memory = _COPIES * kept + _BYTES_A_BIAS * (n_spins + n_ends)
        paid = None if self.is_paid else 0.0
        return Workload(f"ocean {self.sampler}", work, memory, kept, paid)

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns spins (1, read, 1, spin) with energies recomputed from the problem.

        `initial`, one configuration or one a read as `qspin.starting.initial_spins` takes them, is handed to
        samplers that take ``initial_states``: those of dwave-samplers that anneal, search or descend. An
        annealer that starts hot forgets it: give it a ``beta_range`` in `parameters`. ``info["initial"]`` is
        a digest of what they started from.

        Raises
        ------
        InputError
            If the path names no dimod sampler, or a parameter that it does not take, or `initial` does not
            fit the problem or the sampler.
        MissingExtraError
            If the package of the sampler is not installed.
        """
        seed = resolved_seed(seed)
        start = time.perf_counter()
        sampler = self._construct()
        parameters, remarks = self._call_parameters(sampler, seed)
        start_from = self._initial_states(sampler, problem, initial, parameters)
        if start_from is not None:
            parameters["initial_states"] = (start_from, list(problem.labels))
        bqm = problem.to_bqm()
        clocks = {"prepare": time.perf_counter() - start}
        json.dumps(run_info(self, seed, clocks=clocks, remarks=remarks))  # what cannot be stored fails here
        start = time.perf_counter()
        answer = self._answer(sampler, bqm, parameters) if problem.n_spins else _no_spins(self.n_reads)
        clocks["sample"] = time.perf_counter() - start
        with rescued(answer, self.name, {"sampler": self.sampler, "seed": seed, "problem": problem.digest}):
            report_progress(1.0)
            n_returned = int(answer.record.num_occurrences.sum())
            if n_returned != self.n_reads:
                text = f"{self.n_reads} reads were asked for and {self.sampler} returned {n_returned}"
                remarks.append(Remark("other-number-of-reads", text))
            info = run_info(
                self,
                seed,
                clocks=clocks,
                remarks=remarks,
                headline=self.sampler.partition(":")[2],
                ignored=[] if parameters.get("num_reads") == self.n_reads else ["n_reads"],
                initial=None if start_from is None else initial_digest(start_from[None]),
            )
            return SampleSet.from_dimod(answer, problem, info)

    def _answer(
        self, sampler: dimod.Sampler, bqm: dimod.BinaryQuadraticModel, parameters: dict[str, Any]
    ) -> dimod.SampleSet:
        """What the sampler returns, waited for in a way that hears interrupts."""
        stop = threading.Event()
        if "interrupt_function" in sampler.parameters:
            parameters = {**parameters, "interrupt_function": stop.is_set}

        def sampled() -> dimod.SampleSet:
            answer = sampler.sample(bqm, **parameters)
            if not isinstance(answer, dimod.SampleSet):
                raise RunError(
                    f"{self.sampler} returned a {type(answer).__name__}; a dimod sampler returns a "
                    "dimod.SampleSet"
                )
            answer.resolve()
            return answer

        return in_background(
            sampled, stop, lambda seconds, _: report_progress(0.0, f"{self.sampler}, {seconds:.0f} s so far")
        )

    def _construct(self) -> dimod.Sampler:
        cls = imported(
            self.sampler,
            "sampler",
            key="sampler",
            suits=lambda member: isinstance(member, type) and issubclass(member, dimod.Sampler),
            expected="a class derived from dimod.Sampler",
        )
        strip_tokens()
        require_own_server(self.constructor, key="constructor")
        try:
            return cls(**self.constructor)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{self.sampler} cannot be constructed: {redacted(str(error))}", key=("constructor",)
            ) from error

    def _call_parameters(self, sampler: dimod.Sampler, seed: int) -> tuple[dict[str, Any], list[Remark]]:
        """Keyword arguments of one call, and what cannot be promised about it."""
        accepted = sampler.parameters
        for name in self.parameters:
            if name not in accepted:
                raise InputError(
                    f"{self.sampler} takes no parameter {name!r}: {nearest_name(name, accepted)}",
                    key=("parameters", name),
                )
        remarks = []
        parameters = dict(self.parameters)
        if "num_reads" in accepted:
            parameters.setdefault("num_reads", self.n_reads)
        if "seed" in parameters:
            text = "parameters fix the seed: every run returns the same reads, whatever its seed"
            remarks.append(Remark("fixed-seed", text))
        elif "seed" in accepted:
            parameters["seed"] = int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
        else:
            text = f"{self.sampler} takes no seed: its reads cannot be repeated"
            remarks.append(Remark("takes-no-seed", text))
        return parameters, remarks

    def _initial_states(
        self,
        sampler: dimod.Sampler,
        problem: IsingProblem,
        initial: Initial | None,
        parameters: Mapping[str, Any],
    ) -> NDArray[np.int8] | None:
        """Configurations to start from, one a read (n_reads, N); of a sampler that is asked for no number of
        reads, one in all."""
        if initial is None:
            return None
        if "initial_states" not in sampler.parameters:
            refuse_initial(self.name, initial, f"{self.sampler} has no parameter 'initial_states'")
        if "initial_states" in parameters:
            raise InputError(
                "initial and initial_states in parameters are both given; leave one of them out",
                key=("parameters", "initial_states"),
            )
        n_reads = parameters.get("num_reads", 1)
        return initial_spins(problem, initial, n_replicas=n_reads)[0]


def _no_spins(n_reads: int) -> dimod.SampleSet:
    """Reads of a problem without spins, which not every dimod sampler accepts."""
    return dimod.SampleSet.from_samples((np.empty((n_reads, 0), np.int8), []), dimod.SPIN, [0.0] * n_reads)
