"""Recall: what a memory makes of a cue, by zero-temperature dynamics or by any sampler."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.labels import places_of
from qspin.problem import IsingProblem
from qspin.sampler import Sampler
from qspin.settings import checked_seed
from qspin.sizes import checked_size
from qspin.validate import checked_count, checked_spins

__all__ = ["basins", "retrieve"]

_MOST_SWEEPS = 1000
_ROUNDING = 8 * np.finfo(np.float64).eps


def retrieve(
    problem: IsingProblem,
    cue: ArrayLike,
    sampler: Sampler | None = None,
    *,
    seed: int,
    clamp: Iterable[Hashable] = (),
) -> xr.Dataset:
    """What a memory recalls of a cue.

    Without a sampler: spins take the sign of their local field one after the other, in random order, until
    none changes; each step lowers the energy, so that it ends. With one that starts from configurations
    (`initial`): its samples from the cue on. With any other one: its samples with the spins of `clamp` held
    at the cue, which is then needed.

    Parameters
    ----------
    problem : a memory that knows its patterns, such as `hebbian` gives
    cue : configurations (N,) or (n_cues, N) of -1 and +1
    sampler : any backend, see `qspin.get_backend`
    seed : of the order of updates, or of the sampler
    clamp : labels of spins that are held at the cue throughout, or the text of them

    Returns
    -------
    Dataset with ``spins`` (cue, spin), the lowest configuration that was reached; ``energy`` (cue,);
    ``overlap`` (cue, pattern) of it with each pattern, ``overlap_before`` of the cue; ``recalled`` (cue,),
    the pattern with the largest overlap by absolute value

    Raises
    ------
    InputError
        If the problem knows no patterns, the cue does not fit it, or the sampler can neither start from the
        cue nor is given spins to clamp; if the seed is none.
    """
    patterns = _patterns(problem, "retrieve takes").astype(np.float64)
    cues = np.atleast_2d(checked_spins(np.asarray(cue), problem.n_spins, "the spins of a cue")).astype(
        np.int8
    )
    held = np.zeros(problem.n_spins, dtype=bool)
    held[places_of(clamp, problem, what="clamp")] = True
    seed = checked_count(seed, "seed")
    if sampler is None:
        spins = _descended(problem, cues, held, seed)
    else:
        spins = np.stack([_sampled(problem, one, sampler, held, [seed, k]) for k, one in enumerate(cues)])
    overlap = spins @ patterns.T / problem.n_spins
    return xr.Dataset(
        {
            "spins": (("cue", "spin"), spins),
            "energy": ("cue", problem.energies(spins)),
            "overlap": (("cue", "pattern"), overlap),
            "overlap_before": (("cue", "pattern"), cues @ patterns.T / problem.n_spins),
            "recalled": ("cue", np.abs(overlap).argmax(axis=1)),
        }
    )


def basins(
    problem: IsingProblem,
    *,
    seed: int,
    overlaps: ArrayLike = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    n_cues: int = 5,
    reached: float = 0.95,
) -> xr.Dataset:
    """From how far off patterns are recalled, by zero-temperature dynamics.

    Parameters
    ----------
    problem : a memory that knows its patterns
    seed : of cues and dynamics
    overlaps : of the cues with their pattern, in (0, 1]; the others of their spins are turned over at random
    n_cues : of each pattern at each overlap
    reached : overlap from which on a pattern counts as recalled

    Returns
    -------
    Dataset over ``overlap_before``: ``recalled`` (overlap_before, pattern), the share of cues that reached
    their pattern, and ``radius`` (pattern,): 1 - the smallest overlap from which on more than half of the
    cues do, NaN where even the pattern itself is lost

    Raises
    ------
    InputError
        As `retrieve`, or if overlaps do not lie in (0, 1].
    """
    patterns = _patterns(problem, "basins are those of")
    starts = np.sort(np.asarray(overlaps, dtype=np.float64).ravel())
    if not len(starts) or starts[0] <= 0 or starts[-1] > 1:
        raise InputError(f"overlaps must lie in (0, 1]; got {np.asarray(overlaps).tolist()}")
    n_cues = checked_size(n_cues, "n_cues", each=40 * patterns.size)
    rng = np.random.default_rng(checked_seed(seed))
    share = np.empty((len(starts), len(patterns)))
    for k, start in enumerate(starts):
        cues = np.repeat(patterns, n_cues, axis=0)
        n_turned = round((1 - start) / 2 * problem.n_spins)
        for cue in cues:
            cue[rng.choice(problem.n_spins, n_turned, replace=False)] *= -1
        spins = _descended(problem, cues, np.zeros(problem.n_spins, dtype=bool), int(rng.integers(2**62)))
        after = (spins * np.repeat(patterns, n_cues, axis=0).astype(np.float64)).mean(axis=1)
        share[k] = (after >= reached).reshape(len(patterns), n_cues).mean(axis=1)
    return xr.Dataset(
        {
            "recalled": (("overlap_before", "pattern"), share),
            "radius": ("pattern", _radius(share, starts)),
        },
        coords={"overlap_before": starts},
    )


def _patterns(problem: IsingProblem, who: str) -> NDArray[np.int8]:
    """That a problem stores; `who` begins the message where none are known."""
    if problem.known is None or problem.known.patterns is None:
        raise InputError(
            f"{who} a problem that knows its patterns, as those of hebbian, pseudo_inverse and storkey do; "
            "add them by problem.with_known(patterns=...)"
        )
    return problem.known.patterns


def _radius(share: NDArray[np.float64], starts: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - the smallest overlap from which on all larger ones are recalled more often than not."""
    holds = np.flip(np.logical_and.accumulate(np.flip(share > 0.5, axis=0), axis=0), axis=0)
    first = np.where(holds.any(axis=0), starts[holds.argmax(axis=0)], np.nan)
    return 1 - first


def _descended(
    problem: IsingProblem, cues: NDArray[np.int8], held: NDArray[np.bool_], seed: int
) -> NDArray[np.int8]:
    """Fixed points of asynchronous updates, all cues in one random order a sweep."""
    rng = np.random.default_rng(seed)
    spins = cues.astype(np.float64)
    couplings: Any = problem.couplings
    free = np.flatnonzero(~held)
    tie = _ROUNDING * float(
        abs(couplings).sum(axis=1).max(initial=0.0) + np.abs(problem.fields).max(initial=0.0)
    )
    for _ in range(_MOST_SWEEPS):
        changed = False
        for i in rng.permutation(free):
            row = couplings[[i]].toarray()[0] if problem.is_sparse else couplings[i]
            field = spins @ row + problem.fields[i]
            turned = spins[:, i] * field > tie  # E = +s field: the spin lies high
            spins[turned, i] *= -1
            changed |= bool(turned.any())
        if not changed:
            break
    return spins.astype(np.int8)


def _sampled(
    problem: IsingProblem, cue: NDArray[np.int8], sampler: Sampler, held: NDArray[np.bool_], seed: Any
) -> NDArray[np.int8]:
    """The lowest configuration that a sampler finds from a cue."""
    number = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)
    clamped = {problem.labels[k]: int(cue[k]) for k in np.flatnonzero(held).tolist()}
    rest = problem.clamped(clamped) if clamped else problem
    if getattr(sampler, "takes_initial", False):
        starting: Any = sampler
        samples = starting.sample(rest, seed=number, initial=cue[~held])
    elif clamped:
        samples = sampler.sample(rest, seed=number)
    else:
        raise InputError(
            f"{type(sampler).__name__} does not start from configurations, so the cue would be forgotten: "
            "name the spins that are held at it (clamp), or take a backend that does, such as tempering"
        )
    best = samples.best.spins
    return np.asarray(rest.restored(best) if clamped else best, dtype=np.int8)
