"""Who is asked for ground states, with which settings, and how each is run for so long.

Everything runs on one thread; `make bench` sees to that. Every optimiser is given its own defaults and the
settings that its authors or users recommend; the benchmark takes the best of them on each instance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import qspin
from qspin import IsingProblem

__all__ = ["OPTIMISERS", "PEERS", "Optimiser"]

Run = Callable[[int, int, int], Any]
"""Of a length, a number of reads and a seed: whatever the optimiser answers; this is what is timed."""
Energies = Callable[[Any], NDArray[np.float64]]
"""Of an answer: the energy of each read; not timed."""


@dataclass(frozen=True)
class Optimiser:
    """One way to look for ground states.

    Parameters
    ----------
    prepare : of a problem and settings, what is run and how its answer is read
    lengths : of a read, ascending, in `unit`
    settings : one of which is taken on each instance
    most_reads : in one call
    """

    prepare: Callable[..., tuple[Run, Energies]]
    lengths: tuple[int, ...]
    unit: str = "sweeps"
    settings: tuple[dict[str, Any], ...] = field(default=({},))
    most_reads: int = 100


def _recorded(answer: Any) -> NDArray[np.float64]:
    return np.asarray(answer.record.energy)


def _ranges(problem: IsingProblem, choice: str) -> tuple[float, float]:
    """From a tenth of the strongest field to thirty times the median one, or narrower; units of 1/energy."""
    indptr, _, couplings, fields = problem.csr
    rows = np.repeat(np.arange(problem.n_spins), np.diff(indptr))
    square = np.bincount(rows, weights=couplings**2, minlength=problem.n_spins) + fields**2
    rms = np.sqrt(square[square > 0])
    return {"wide": (0.1 / rms.max(), 30 / np.median(rms)), "narrow": (0.5 / rms.max(), 5 / np.median(rms))}[
        choice
    ]


def search(problem: IsingProblem) -> tuple[Run, Energies]:
    def run(length: int, reads: int, seed: int) -> Any:
        sampler = qspin.get_backend(
            "tempering", method="search", n_replicas=reads, n_sweeps=length, n_draws=1, n_threads=1
        )
        return sampler.sample(problem, seed=seed)

    return run, lambda samples: samples.energies.values.min(axis=(0, 2))


def dwave_annealer(problem: IsingProblem, betas: str = "default") -> tuple[Run, Energies]:
    from dwave.samplers import SimulatedAnnealingSampler

    bqm, sampler = problem.to_bqm(), SimulatedAnnealingSampler()
    beta_range = None if betas == "default" else list(_ranges(problem, betas))

    def run(length: int, reads: int, seed: int) -> Any:
        return sampler.sample(bqm, num_reads=reads, num_sweeps=length, beta_range=beta_range, seed=seed)

    return run, _recorded


def dwave_tabu(problem: IsingProblem, tenure: int | None = None) -> tuple[Run, Energies]:
    """One tabu search a read, ended after so many considered flips of each variable."""
    from dwave.samplers import TabuSampler

    bqm, sampler = problem.to_bqm(), TabuSampler()
    tenure = None if tenure is None else min(tenure, problem.n_spins - 1)

    def run(length: int, reads: int, seed: int) -> Any:
        return sampler.sample(
            bqm,
            num_reads=reads,
            seed=seed,
            tenure=tenure,
            num_restarts=0,
            timeout=100_000,
            coefficient_z_first=1,
            lower_bound_z=length * problem.n_spins,
        )

    return run, _recorded


def openjij_annealer(problem: IsingProblem, betas: str = "default") -> tuple[Run, Energies]:
    """Without a seed: with one, all reads of a call are the same."""
    import openjij

    bqm, sampler = problem.to_bqm(), openjij.SASampler()
    ends = (
        {}
        if betas == "default"
        else dict(zip(("beta_min", "beta_max"), map(float, _ranges(problem, betas)), strict=True))
    )

    def run(length: int, reads: int, seed: int) -> Any:
        return sampler.sample(bqm, num_reads=reads, num_sweeps=length, sparse=problem.is_sparse, **ends)

    return run, _recorded


def openjij_quantum_annealer(
    problem: IsingProblem, trotter: int = 4, beta: float | None = None
) -> tuple[Run, Energies]:
    """Path-integral annealing of the transverse field; `beta` in units of 1 / (median rms local field).

    A call for each read: all reads of one call are the same, with a seed and without.
    """
    import openjij

    bqm, sampler = problem.to_bqm(), openjij.SQASampler()
    own = {} if beta is None else {"beta": beta * _ranges(problem, "narrow")[1] / 5}

    def run(length: int, reads: int, seed: int) -> Any:
        return [
            sampler.sample(
                bqm, num_reads=1, num_sweeps=length, trotter=trotter, sparse=problem.is_sparse,
                seed=1_000 * seed + k, **own,
            )
            for k in range(reads)
        ]  # fmt: skip

    return run, lambda answers: np.concatenate([_recorded(answer) for answer in answers])


def simulated_bifurcation(
    problem: IsingProblem, mode: str = "ballistic", heated: bool = False
) -> tuple[Run, Energies]:
    import torch
    from simulated_bifurcation.core import Ising

    torch.set_num_threads(1)
    unit = np.abs(problem.csr[2]).max()
    model = Ising(  # E = -1/2 sum J s s + sum h s
        torch.tensor(-problem.toarray() / unit, dtype=torch.float32),
        torch.tensor(problem.fields / unit, dtype=torch.float32),
        dtype=torch.float32,
    )

    def run(length: int, reads: int, seed: int) -> Any:
        torch.manual_seed(seed)
        return model.minimize(
            agents=reads, max_steps=length, mode=mode, heated=heated, early_stopping=False, verbose=False
        )

    return run, lambda spins: problem.energies(spins.numpy().T.astype(np.int8))


_LENGTHS = (10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000)
_RANGES = ({"betas": "default"}, {"betas": "wide"}, {"betas": "narrow"})

OPTIMISERS = {
    "search": Optimiser(search, (2, 5, 10, 20, 40, 160, 640, 2_500, 10_000, 40_000, 160_000), most_reads=256),
    "dwave annealer": Optimiser(dwave_annealer, _LENGTHS, settings=_RANGES),
    "dwave tabu": Optimiser(
        dwave_tabu,
        (3, 10, 30, 100, 300, 1_000, 3_000, 10_000),
        unit="flips a spin considered",
        settings=({}, {"tenure": 10}, {"tenure": 40}),
        most_reads=30,
    ),
    "OpenJij SA": Optimiser(openjij_annealer, _LENGTHS, settings=_RANGES),
    "OpenJij SQA": Optimiser(
        openjij_quantum_annealer, _LENGTHS[:-1], settings=({}, {"beta": 20.0}, {"trotter": 8, "beta": 20.0})
    ),
    "simulated bifurcation": Optimiser(
        simulated_bifurcation,
        _LENGTHS[1:-1],
        unit="steps",
        settings=({}, {"mode": "discrete"}, {"mode": "discrete", "heated": True}),
        most_reads=128,
    ),
}
PEERS = tuple(name for name in OPTIMISERS if name != "search")
