"""Where a search for the solutions of one problem starts: at random, and at configurations of low energy."""

from __future__ import annotations

import numpy as np

from qspin.problem import IsingProblem
from qspin.theory._equations import Floats
from qspin.theory.one_instance.search import checked_starts

__all__ = ["mixed_starts"]

_INSIDE = 0.999  # of random magnetisations
_SADDLE = 0.7  # amplitude of a configuration from which a search comes to the saddle beside its minimum
_HOT, _COLD = 0.5, 5.0  # inverse temperatures of annealing, in units of 1 / sqrt(mean of sum_j J_ij^2)
_QUICK, _SLOW = 20, 400  # steps of annealing
_PERIOD = 8  # starts until kinds repeat: random, towards a saddle, two descended, four annealed


def mixed_starts(problem: IsingProblem, beta: float, n_starts: int, seed: int) -> Floats:
    """Arguments of tanh, x of m = tanh x (n_starts, N), of four kinds in turn.

    Random ones, of every eighth start, come to the paramagnet. Solutions in the cold lie near configurations
    of low energy: the others are annealed ones or, of every fourth start, local minima below random
    configurations. There x is beta times the local field, from where a search comes to the minimum; of every
    eighth start the magnetisations are 0.7 times the spins, from where it comes to the saddle beside it.

    Raises
    ------
    InputError
        If there are no spins, or a number is none.
    """
    random = np.array(checked_starts(problem, None, n_starts, seed))
    couplings, turn = problem.toarray(), np.arange(n_starts) % _PERIOD
    annealed = np.isin(turn, (1, 3, 4, 5, 7))
    spins = np.where(random < 0, -1.0, 1.0)
    spins[annealed] = _annealed(couplings, problem.fields, random[annealed])
    for k in np.flatnonzero(turn != 0).tolist():
        spins[k] = _descended(couplings, problem.fields, spins[k])
    starts = -beta * (spins @ couplings + problem.fields)
    starts[turn == 0] = np.arctanh(_INSIDE * random[turn == 0])
    starts[turn == 4] = np.arctanh(_SADDLE * spins[turn == 4])
    return np.asarray(starts)


def _annealed(couplings: Floats, fields: Floats, starts: Floats) -> Floats:
    """Configurations (n, N) of mean field that is cooled from `starts`, each at a rate of its own: the slow
    ones come to lower energies, the quick ones to more of them (Peterson, Anderson 1987, Complex Systems 1,
    995)."""
    scale = np.sqrt((couplings**2).sum(axis=1).mean()) or 1.0
    lengths = np.geomspace(_QUICK, _SLOW, len(starts))
    m = 0.1 * starts
    for step in range(_SLOW):
        beta = _HOT / scale * (_COLD / _HOT) ** np.minimum(step / lengths, 1.0)
        m = 0.5 * (m - np.tanh(beta[:, None] * (m @ couplings + fields)))
    return np.where(m < 0, -1.0, 1.0)


def _descended(couplings: Floats, fields: Floats, spins: Floats) -> Floats:
    """Of single flips that each gain the most, until none gains."""
    spins = spins.copy()
    local = couplings @ spins + fields
    while (gain := spins * local).max() > 0:
        k = int(gain.argmax())
        spins[k] = -spins[k]
        local += 2 * spins[k] * couplings[:, k]
    return spins
