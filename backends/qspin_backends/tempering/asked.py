"""What the methods need to know: plain values, out of the settings of `Tempering`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Asked", "Draws"]

_MOST_DRAWS, _FEWEST_DRAWS = 500, 100  # where nobody asked for a number
_DEFAULT_BYTES = 2**27  # of recorded spins above which fewer are kept


class Draws(NamedTuple):
    """How many configurations are kept per replica and beta.

    Parameters
    ----------
    asked : how many; None: one in `every`, but at least 100 and at most 500, and fewer than 500 where the
        spins would take more than 128 MiB
    available : how many there are
    every : out of so many available ones one is kept, where nobody asked for a number
    keeps_spins : whether they are kept themselves, which takes memory, or added to averages
    """

    asked: int | None
    available: int
    every: int = 1
    keeps_spins: bool = True

    @property
    def fewest(self) -> int:
        """On any problem."""
        return self.asked if self.asked is not None else min(_FEWEST_DRAWS, self.available)

    def kept(self, n_betas: int, n_replicas: int, n_spins: int) -> int:
        """On this one."""
        if self.asked is not None:
            return self.asked
        fitting = _DEFAULT_BYTES // max(1, n_betas * n_replicas * n_spins)
        most = min(_MOST_DRAWS, fitting) if self.keeps_spins else _MOST_DRAWS
        return min(max(_FEWEST_DRAWS, min(self.available // self.every, most)), self.available)


class Asked(NamedTuple):
    """What is to be sampled, and for how long.

    Parameters
    ----------
    betas : (n_betas,), units of 1/energy; None: a ladder is to be found
    n_replicas : independent copies
    n_burn_in, n_sweeps : before and while recording; all sweeps of a walker that is cooled are `n_sweeps`
    n_population : members of each population
    draws : that are kept
    is_averaged : whether averages are kept in the place of spins
    only_coldest : whether spins are kept at the last beta alone
    initial : configurations to start from, int8 (1 or n_betas, n_replicas, N); None: random ones
    target : energy, with offset, at which a replica stops; None: it does not
    """

    betas: NDArray[np.float64] | None
    n_replicas: int
    n_burn_in: int
    n_sweeps: int
    n_population: int
    draws: Draws
    is_averaged: bool = False
    only_coldest: bool = False
    initial: NDArray[np.int8] | None = None
    target: float | None = None

    def n_draws(self, n_betas: int, n_spins: int) -> int:
        """Configurations kept per replica and beta."""
        return self.draws.kept(n_betas, self.n_replicas, n_spins)
