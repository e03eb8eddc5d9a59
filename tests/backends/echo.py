"""A backend that gives back configurations that nobody sampled: the least that a backend can be."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from qspin.problem import IsingProblem
from qspin.sampler import PositiveInt, Seed, resolved_seed, run_info, settings
from qspin.samples import SampleSet


@settings
class Echo:
    """Replicas of one configuration, or of random ones.

    Parameters
    ----------
    spins : ``up``, or ``random``: drawn for each replica
    n_replicas : how many
    """

    name: ClassVar[str] = "echo"
    is_paid: ClassVar[bool] = False
    offers: ClassVar[frozenset[str]] = frozenset({"replicas", "spins"})

    spins: Literal["up", "random"] = "random"
    n_replicas: PositiveInt = 4

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        seed = resolved_seed(seed)
        shape = (1, self.n_replicas, 1, problem.n_spins)
        drawn = np.random.default_rng(seed).choice([-1, 1], size=shape)
        spins = drawn if self.spins == "random" else np.ones(shape)
        return SampleSet.from_spins(problem, spins, info=run_info(self, seed))
