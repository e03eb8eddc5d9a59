"""All walkers of a run: seeds, packs, and the threads that advance them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.problem import IsingProblem
from qspin_backends.tempering.coupling_graph import Graph
from qspin_backends.tempering.decision import Move
from qspin_backends.tempering.multispin import STREAMS, MultispinPlan
from qspin_backends.tempering.planning import KernelName, make_plan, words_for
from qspin_backends.tempering.random import lane_streams, word_streams
from qspin_backends.tempering.starts import start_bits
from qspin_backends.tempering.walkers import Walkers, start_walkers

__all__ = ["Crew", "Grid", "Seeds", "start_packs"]


@dataclass(frozen=True)
class Seeds:
    """Independent seeds for the parts of a run, all from one."""

    lanes: np.random.SeedSequence
    words: np.random.SeedSequence
    exchange: np.random.SeedSequence
    start: np.random.SeedSequence
    pilot: np.random.SeedSequence

    @classmethod
    def of(cls, seed: int | np.random.SeedSequence) -> Seeds:
        root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        return cls(*root.spawn(5))


@dataclass(frozen=True)
class Grid:
    """Lanes of a run: `n_columns` walkers (replicas, ladders, populations) at each of `n_rows` places.

    A pack takes `columns_a_pack` columns; lane ``place * columns + column`` of it.
    """

    n_rows: int
    n_columns: int
    columns_a_pack: int

    def packs(self) -> Iterator[slice]:
        """Columns of each pack."""
        for first in range(0, self.n_columns, self.columns_a_pack):
            yield slice(first, min(first + self.columns_a_pack, self.n_columns))


def start_packs(
    problem: IsingProblem,
    graph: Graph,
    grid: Grid,
    seeds: Seeds,
    *,
    kernel: KernelName,
    move: Move,
    largest_beta: float,
    initial: NDArray[np.int8] | None = None,
) -> list[Walkers]:
    """Walkers at random configurations, or `initial` ones as `start_bits` takes them, packed as the grid
    says.
    """
    n_words = words_for(grid.n_rows * grid.columns_a_pack)
    plan = make_plan(problem, graph, kernel, largest_beta, n_words)
    bits = start_bits(seeds.start, grid.n_rows, grid.n_columns, problem.n_spins, initial)
    n_packs = len(list(grid.packs()))
    if isinstance(plan, MultispinPlan):
        states: NDArray[Any] = word_streams(seeds.words, n_packs, STREAMS)
    else:
        states = lane_streams(seeds.lanes, grid.n_columns, grid.n_rows).swapaxes(0, 1)
    packs = []
    for number, columns in enumerate(grid.packs()):
        own = states[number] if isinstance(plan, MultispinPlan) else states[:, columns].reshape(-1, 4)
        own_bits = bits[:, columns].reshape(-1, bits.shape[2])
        packs.append(start_walkers(problem, plan, graph.unit, own_bits, own, move))
    return packs


class Crew:
    """Threads that work on packs at once; a context manager.

    Parameters
    ----------
    leaves : whether the work is to be left where it is; looked at as often as for interrupts

    Attributes
    ----------
    stop : uint8 (1,), not 0 from when the work is to be left: for kernels that take long

    Examples
    --------
    >>> with Crew(2) as crew:
    ...     crew.work(lambda item, stopped: None, [1, 2, 3])
    """

    def __init__(self, n_threads: int, leaves: Callable[[], bool] = lambda: False):
        self._pool = ThreadPoolExecutor(n_threads)
        self.stop = np.zeros(1, np.uint8)
        self._leaves = leaves

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def work(
        self,
        task: Callable[[Any, Callable[[], bool]], None],
        items: Sequence[Any],
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        """Run ``task(item, stopped)`` for all items.

        On an interrupt, and where the work is to be left, `stopped` turns true; when all of them have
        returned `keep` is called, and KeyboardInterrupt raised.
        """
        waiting = {self._pool.submit(task, item, self._is_stopped) for item in items}
        try:
            while waiting:
                finished, waiting = wait(waiting, timeout=0.1)
                for one in finished:
                    one.result()
                self._is_stopped()
            if self.stop[0]:
                raise KeyboardInterrupt
        except BaseException as error:
            self.stop[0] = 1
            for one in waiting:
                one.cancel()
            wait(waiting)
            if isinstance(error, KeyboardInterrupt):
                keep()
            raise

    def _is_stopped(self) -> bool:
        if self._leaves():
            self.stop[0] = 1
        return bool(self.stop[0])
