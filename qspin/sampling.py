"""One call of a backend, and a look at what comes back: the boundary to code that is not ours.

Runs, benchmarks and ``qspin sample`` call a sampler through `sampled`, so that a backend of a third party can
neither end a run in a traceback nor bring in samples that are none.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qspin.errors import InputError, QspinError, RunError, named
from qspin.problem import IsingProblem
from qspin.sampler import Initial, Sampler, Seed, refuse_initial, takes_initial
from qspin.samples import SampleSet

__all__ = ["check_samples", "sampled"]

_INFO: Mapping[str, tuple[type, str]] = {
    "backend": (str, "text"),
    "settings": (dict, "a mapping"),
    "seed": (int, "an integer"),
    "versions": (dict, "a mapping"),
    "clocks": (dict, "a mapping"),
    "status": (str, "text"),
    "remarks": (list, "a list"),
    "headline": (str, "text"),
    "ignored": (list, "a list"),
}
"""What `qspin.sampler.run_info` writes and everybody reads: name -> (type, in words)."""

_STATUSES = ("complete", "interrupted")


def sampled(
    sampler: Sampler, problem: IsingProblem, *, seed: Seed, backend: str, initial: Initial | None = None
) -> SampleSet:
    """Sample, and refuse what is no sample set of the problem.

    Parameters
    ----------
    backend : label of the sampler, for messages
    initial : configurations to start from, see `qspin.starting.initial_spins`

    Raises
    ------
    InputError
        If configurations are given to a sampler that cannot start from any.
    RunError
        If the backend failed with an error that is none of qspin's (which is its cause), tried to end the
        process, or returned something else than samples of the problem.
    QspinError
        As the backend raised it. KeyboardInterrupt passes too.
    """
    start = {}
    if initial is not None:
        start = {"initial": initial}
        if not takes_initial(sampler) and "initial" not in inspect.signature(sampler.sample).parameters:
            refuse_initial(backend, initial, "it does not say that it can start from configurations")
    try:
        samples = sampler.sample(problem, seed=seed, **start)
    except (QspinError, KeyboardInterrupt):
        raise
    except BaseException as error:  # SystemExit too, and what asyncio raises where it is cancelled
        if _was_interrupted(error):
            raise KeyboardInterrupt from error
        raise RunError(f"backend {backend!r} failed: {named(error)}") from error
    try:
        check_samples(samples, problem)
    except InputError as error:
        raise RunError(f"backend {backend!r} returned {error}") from None
    return samples


def check_samples(samples: Any, problem: IsingProblem, *, energies: bool = True) -> None:
    """Refuse what is no sample set of a problem, with everything that later steps rely on.

    Parameters
    ----------
    energies : hold them, and with them the spins, against the problem; files that were checked when they were
        written need it no more

    Raises
    ------
    InputError
        Saying what it is instead.
    """
    if not isinstance(samples, SampleSet):
        raise InputError(f"a {type(samples).__name__}; expected a qspin.SampleSet")
    _check_info(samples, problem)
    _check_labels(samples, problem)
    _check_betas(samples)
    if energies:
        _check_energies(samples, problem)


def _check_info(samples: SampleSet, problem: IsingProblem) -> None:
    info = samples.info
    if info.get("problem") != problem.digest:
        raise InputError("samples of another problem than it was given")
    if faults := list(_info_faults(info)):
        raise InputError(
            f"samples whose info cannot be read: {'; '.join(faults)}. qspin.sampler.run_info makes one"
        )


def _info_faults(info: Mapping[str, Any]) -> Iterator[str]:
    for name, (kind, words) in _INFO.items():
        if name not in info:
            yield f"no {name!r}"
        elif not isinstance(info[name], kind) or isinstance(info[name], bool):
            yield f"{name!r} is {info[name]!r}, expected {words}"
    if isinstance(status := info.get("status"), str) and status not in _STATUSES:
        yield f"'status' is {status!r}, expected one of {', '.join(_STATUSES)}"
    if isinstance(clocks := info.get("clocks"), dict):
        wrong = {k: v for k, v in clocks.items() if not isinstance(v, int | float) or not 0 <= v < math.inf}
        if wrong:
            yield f"'clocks' holds {wrong!r}, expected seconds"
    if isinstance(ignored := info.get("ignored"), list) and not all(isinstance(n, str) for n in ignored):
        yield "'ignored' holds something else than names of settings"


def _check_labels(samples: SampleSet, problem: IsingProblem) -> None:
    if list(samples.labels) != list(problem.labels):
        raise InputError(
            f"samples of {samples.n_spins} spins with other labels than the {problem.n_spins} of the "
            "problem, or in another order"
        )


def _check_betas(samples: SampleSet) -> None:
    betas = samples.betas
    if betas.dtype != np.float64:
        raise InputError(f"samples whose coordinate beta has dtype {betas.dtype}; expected float64")
    if np.isnan(betas).all():
        return
    if np.isnan(betas).any() or not (np.diff(betas) > 0).all():
        raise InputError(
            f"samples at betas {betas.tolist()}; expected numbers that ascend from 0 or above, or NaN alone "
            "where there is no thermostat"
        )


def _check_energies(samples: SampleSet, problem: IsingProblem) -> None:
    if not samples.arrays.energies.size:
        raise InputError("no samples at all")
    try:
        samples.verify(problem)
    except InputError as error:
        raise InputError(
            f"samples that do not fit their problem: {error}; leave energies to qspin.SampleSet.from_spins"
        ) from None


def _was_interrupted(error: BaseException) -> bool:
    """Whether an error arose while an interrupt was on its way: no failure of the backend."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, KeyboardInterrupt):
            return True
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return False
