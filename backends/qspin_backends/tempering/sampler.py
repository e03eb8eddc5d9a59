"""Parallel tempering with heat-bath sweeps (Hukushima, Nemoto 1996, J. Phys. Soc. Jpn. 65, 1604)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import ClassVar, Literal

import numba
import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, model_validator

from qspin.problem import CSR, IsingProblem
from qspin.sampler import (
    AutoLadder,
    PositiveInt,
    Seed,
    allocate_spins,
    report_progress,
    require_memory,
    resolved_seed,
    run_info,
    settings,
)
from qspin.samples import SampleSet
from qspin_backends.tempering.ladder import automatic_ladder
from qspin_backends.tempering.state import LadderState, advance_to, start_ladder

__all__ = ["Tempering"]

_DEFAULT_DRAWS = 500
_DEFAULT_BYTES = 2**27  # of recorded spins, where nobody asked for a number of draws
_FEWEST_DRAWS = 100
_LOW_SWAP_RATE = 0.1


@settings
class Tempering:
    """Sample exp(-beta E) at every inverse temperature of a ladder, with `n_replicas` independent ladders.

    Each replica is a ladder of its own with its own random numbers: replicas never exchange configurations,
    so that overlaps between them are overlaps of independent copies.

    Parameters
    ----------
    method : ``tempering``
    betas : ascending inverse temperatures, units of 1/energy; ``auto`` derives them from the local fields
    n_replicas : independent ladders; overlaps need at least two
    n_burn_in : sweeps before recording; one sweep visits every spin once at every beta
    n_sweeps : sweeps of the recorded phase
    n_draws : configurations kept per replica and beta, evenly spaced over `n_sweeps`; None: one a sweep up to
        500, and fewer, down to 100, where the recorded spins would take more than 128 MiB
    n_threads : replicas advanced at once; None takes as many as Numba would. The samples do not depend on it
    """

    name: ClassVar[str] = "tempering"

    method: Literal["tempering"] = "tempering"
    betas: AutoLadder = "auto"
    n_replicas: PositiveInt = 8
    n_burn_in: NonNegativeInt = 1_000
    n_sweeps: PositiveInt = 10_000
    n_draws: PositiveInt | None = None
    n_threads: PositiveInt | None = None

    @model_validator(mode="after")
    def _draws_fit_sweeps(self) -> Tempering:
        if self.n_draws is not None and self.n_draws > self.n_sweeps:
            raise ValueError(
                f"n_draws ({self.n_draws}) must not exceed n_sweeps ({self.n_sweeps}): a sweep gives one draw"
            )
        return self

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        """Returns spins (beta, replica, draw, spin), with swap rates and round trips beside them.

        ``dataset["swap_rate"]`` (beta,) is the accepted share of swaps between a beta and the next one, NaN
        at the coldest; ``dataset["round_trips"]`` (replica,) counts hot-cold-hot trips of all walkers.

        Raises
        ------
        CapacityError
            If the recorded spins would not fit in memory.
        """
        seed = resolved_seed(seed)
        start = time.perf_counter()
        betas = self._ladder(problem)
        spins = allocate_spins(len(betas), self.n_replicas, self._draws(problem, betas), problem.n_spins)
        csr = problem.csr
        _compile()
        compiled = time.perf_counter()
        streams = np.random.SeedSequence(seed).spawn(self.n_replicas)
        ladders = [start_ladder(csr, len(betas), stream) for stream in streams]
        self._run(csr, betas, ladders, spins)
        rates, trips = _mixing(ladders)
        clocks = {"compile": compiled - start, "sample": time.perf_counter() - compiled}
        warnings = _mixing_warnings(betas, rates, trips)
        info = run_info(self, seed, clocks=clocks, warnings=warnings)
        extra = {"swap_rate": ("beta", np.append(rates, np.nan)), "round_trips": ("replica", trips)}
        return SampleSet.from_spins(problem, spins, betas, info, extra)

    def check(self, problem: IsingProblem) -> None:
        """Raises CapacityError if the recorded spins would not fit in memory."""
        betas = self._ladder(problem)
        require_memory(len(betas), self.n_replicas, self._draws(problem, betas), problem.n_spins)

    def _ladder(self, problem: IsingProblem) -> NDArray[np.float64]:
        return np.array(automatic_ladder(problem) if self.betas == "auto" else self.betas)

    def _draws(self, problem: IsingProblem, betas: NDArray[np.float64]) -> int:
        if self.n_draws is not None:
            return self.n_draws
        bytes_a_draw = max(1, len(betas) * self.n_replicas * problem.n_spins)
        fitting = max(_FEWEST_DRAWS, _DEFAULT_BYTES // bytes_a_draw)
        return min(_DEFAULT_DRAWS, self.n_sweeps, fitting)

    def _run(
        self, csr: CSR, betas: NDArray[np.float64], ladders: list[LadderState], spins: NDArray[np.int8]
    ) -> None:
        """Fill `spins` (beta, replica, draw, spin) by running every ladder, `n_threads` at a time."""
        n_draws = spins.shape[2]
        ends = self.n_burn_in + np.arange(1, n_draws + 1) * self.n_sweeps // n_draws
        stop = threading.Event()

        def run_replica(replica: int) -> None:
            state = ladders[replica]
            for draw, end in enumerate(ends):
                if not advance_to(state, csr, betas, int(end), stop.is_set):
                    return
                spins[:, replica, draw] = state.spins[state.order]

        total = len(ladders) * int(ends[-1])
        with ThreadPoolExecutor(self.n_threads or numba.get_num_threads()) as pool:
            waiting = {pool.submit(run_replica, replica) for replica in range(len(ladders))}
            try:
                while waiting:
                    finished, waiting = wait(waiting, timeout=0.1)
                    for task in finished:
                        task.result()
                    report_progress(sum(ladder.n_done for ladder in ladders) / total)
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise


def _compile() -> None:
    """Compile the kernels, or load them from Numba's cache, on a problem of one spin."""
    one = IsingProblem([[0.0]]).csr
    advance_to(start_ladder(one, 2, np.random.SeedSequence(0)), one, np.ones(2), 1, lambda: False)


def _mixing(ladders: list[LadderState]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Accepted share of swaps of each neighbouring pair of betas, and round trips of each replica."""
    attempts = np.sum([ladder.attempts for ladder in ladders], axis=0)
    accepted = np.sum([ladder.accepted for ladder in ladders], axis=0)
    return accepted / np.maximum(attempts, 1), np.array([ladder.round_trips for ladder in ladders])


def _mixing_warnings(
    betas: NDArray[np.float64], rates: NDArray[np.float64], trips: NDArray[np.int64]
) -> list[str]:
    warnings = []
    if rates.size and rates.min() < _LOW_SWAP_RATE:
        k = int(np.argmin(rates))
        warnings.append(
            f"swaps between beta {betas[k]:.4g} and {betas[k + 1]:.4g} are accepted in {rates[k]:.1%} of "
            f"attempts, below {_LOW_SWAP_RATE:.0%}: add temperatures between them"
        )
    if rates.size and (stuck := int(np.count_nonzero(trips == 0))):
        warnings.append(
            f"in {stuck} of {len(trips)} replicas no walker travelled from the hottest beta to the coldest "
            "and back: run longer or add temperatures"
        )
    return warnings
