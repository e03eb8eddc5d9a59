"""What a backend is: frozen settings and one method. Authors of a backend import everything from here.

A sampler is a class whose settings are fixed at construction and whose `sample` takes a problem and a seed
and returns a `SampleSet`; nothing evolves on it. `qspin.testing.SamplerContract` checks the rest.

Where a sampler can start from configurations, its `sample` takes the keyword ``initial`` as well, it declares
``takes_initial = True``, and `initial_spins` tells it what was given.

A setting that decides nothing about the samples (threads, retries, memory, budgets) is marked as
`Incidental`; all others enter seeds and digests.

A sampler may also have ``check(problem)``, which raises `InputError` for a problem that it cannot sample; a
run asks it about every task before any of them starts. And it may declare, by class attributes or properties:

``is_paid`` : whether its reads cost money. Nothing is sampled for the sake of warming up where they do, or
    where a sampler does not say.
``samples_version`` : an integer from 1, raised when the same settings and seed come to give other samples; it
    enters every key.
``offers`` : names out of `OFFERS`, what its samples have with these settings. Studies ask for it before
    anything is sampled.
``finds_settings`` : whether a setting is left to it, such as ``betas: auto``, that several problems can
    share. Then ``shared(problems, *, seed)`` returns these settings, found for all of the problems together.
    For estimates it may have ``expected_settings(problems)``: settings that are like those found, in number.
``stepping()`` : the same sampler for many short calls at beta = 1, each of which goes on where the last one
    ended, such as the steps of a training, with whatever was left to it chosen for that.
``followed_schedule`` : the `Schedule` of an annealer that its samples follow; theory is asked along it.
``workload(problem)`` : what one call will take, a `Workload`: time, memory and what is charged, told before
    anything is sampled or bought, and reaching no further than ``check`` does. Without it a dry run says
    "not known", and tasks are not held back for their memory.

Everybody else asks by the functions below.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from qspin.arguments import checked_arguments
from qspin.checkpoint import Checkpoint, current_checkpoint
from qspin.cliques import cache_folder, search_cliques
from qspin.compiled import njit
from qspin.confidential import keep_secret, redacted, scrubbed, strip_tokens
from qspin.errors import InputError, nearest_name, shown
from qspin.files import atomic_write
from qspin.labels import in_order, order_of
from qspin.memory import allocate_spins, machine_memory, require_bytes, require_memory, samples_bytes
from qspin.problem import IsingProblem
from qspin.progress import ABANDONED, report_progress
from qspin.provenance import run_info
from qspin.remarks import Level, Remark
from qspin.samples import SampleSet
from qspin.schedules import GHZ_A_MILLIKELVIN, SHAPES, Course, Schedule, schedule_of
from qspin.settings import (
    AutoLadder,
    FileSetting,
    GivenFile,
    ImportPath,
    Incidental,
    Ladder,
    PlainValues,
    PositiveInt,
    Seed,
    deciding_settings,
    given_settings,
    imported,
    resolved_seed,
    setting_names,
    settings,
    settings_of,
)
from qspin.significance import BY_CHANCE, STANDARD_ERRORS
from qspin.spectrum import (
    MAX_SPINS,
    Enumeration,
    all_energies,
    energy_tolerance,
    enumerate_problem,
    flip_tolerances,
    require_enumerable,
    transformed,
    without_offset,
)
from qspin.starting import Initial, initial_digest, initial_spins, refuse_initial
from qspin.trust import require_own_server
from qspin.workload import Workload, workload_of

__all__ = [
    "ABANDONED",
    "BY_CHANCE",
    "GHZ_A_MILLIKELVIN",
    "MAX_SPINS",
    "OFFERS",
    "SHAPES",
    "STANDARD_ERRORS",
    "AutoLadder",
    "Checkpoint",
    "Course",
    "Enumeration",
    "FileSetting",
    "GivenFile",
    "ImportPath",
    "Incidental",
    "Initial",
    "Ladder",
    "Level",
    "PlainValues",
    "PositiveInt",
    "Remark",
    "Sampler",
    "Schedule",
    "Seed",
    "Workload",
    "all_energies",
    "allocate_spins",
    "atomic_write",
    "cache_folder",
    "checked_arguments",
    "current_checkpoint",
    "deciding_settings",
    "energy_tolerance",
    "enumerate_problem",
    "finds_settings",
    "flip_tolerances",
    "followed_schedule",
    "given_settings",
    "imported",
    "in_order",
    "initial_digest",
    "initial_spins",
    "is_paid",
    "keep_secret",
    "machine_memory",
    "njit",
    "offers",
    "order_of",
    "pilots",
    "redacted",
    "refuse_initial",
    "report_progress",
    "require_bytes",
    "require_enumerable",
    "require_memory",
    "require_own_server",
    "resolved_seed",
    "run_info",
    "samples_bytes",
    "samples_version",
    "schedule_of",
    "scrubbed",
    "search_cliques",
    "setting_names",
    "settings",
    "settings_of",
    "shared_settings",
    "stepping",
    "strip_tokens",
    "takes_initial",
    "transformed",
    "without_offset",
    "workload_of",
]


@runtime_checkable
class Sampler(Protocol):
    """Anything that samples an Ising problem."""

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        """Sample `problem`; the same seed gives the same samples, None draws a fresh one and records it."""
        ...


OFFERS = {
    "thermostat": "samples at temperatures that it sets",
    "thermometer": "effective inverse temperatures of its samples, which it measures",
    "ladder": "two or more temperatures",
    "replicas": "two or more independent copies",
    "draws": "four or more draws a copy",
    "spins": "configurations, not averages alone",
}
"""What the samples of a backend may have; with a thermostat they follow exp(-beta E) at betas they carry."""

_MOST_PILOTS = 8

_T = TypeVar("_T")


def is_paid(sampler: Sampler) -> bool:
    """Whether reads of a sampler cost money; one that does not say so is taken to be paid.

    Examples
    --------
    >>> class Hybrid:
    ...     def sample(self, problem, *, seed=None): ...
    >>> is_paid(Hybrid())
    True
    """
    return bool(getattr(sampler, "is_paid", True))


def takes_initial(sampler: object) -> bool:
    """Whether `sample` of a sampler takes configurations to start from, as ``initial``."""
    return bool(getattr(sampler, "takes_initial", False))


def offers(sampler: Sampler) -> frozenset[str] | None:
    """What the samples of a sampler have, out of `OFFERS`; None where it does not say.

    Raises
    ------
    InputError
        If it declares something else than names of these.
    """
    declared = getattr(sampler, "offers", None)
    if declared is None:
        return None
    if isinstance(declared, str) or not isinstance(declared, Collection):
        raise InputError(
            f"offers of {_class(sampler)} is a set of {', '.join(OFFERS)}; got {shown(declared)}"
        )
    for name in declared:
        if name not in OFFERS:
            raise InputError(f"{_class(sampler)} offers {name!r}: {nearest_name(str(name), OFFERS)}")
    return frozenset(declared)


def followed_schedule(sampler: Sampler) -> Schedule | None:
    """The schedule that the samples of a sampler follow in time; None where there is none.

    Raises
    ------
    InputError
        If its file is no schedule, or it declares something else.
    """
    declared = getattr(sampler, "followed_schedule", None)
    if declared is not None and not isinstance(declared, Schedule):
        raise InputError(f"followed_schedule of {_class(sampler)} is a Schedule; got {shown(declared)}")
    return declared


def samples_version(sampler: Sampler) -> int:
    """Which samples the settings of a sampler mean; raised when the same settings give other ones.

    Raises
    ------
    InputError
        If it declares something else than an integer from 1.
    """
    version = getattr(sampler, "samples_version", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InputError(f"samples_version of {_class(sampler)} is an integer from 1; got {shown(version)}")
    return version


def finds_settings(sampler: Sampler) -> bool:
    """Whether a sampler finds settings for each problem that several problems could share."""
    return bool(getattr(sampler, "finds_settings", False))


def shared_settings(sampler: Sampler, problems: Sequence[IsingProblem], seed: int) -> dict[str, Any]:
    """Settings that stand for those which a sampler would find for each problem alone, the same for all.

    Parameters
    ----------
    problems : that are to be compared, such as one model at several sizes
    seed : of whatever is drawn to find them

    Returns
    -------
    settings by name, as plain values; none where the sampler leaves none to be found

    Raises
    ------
    InputError
        If the sampler gives something else than settings of its own.

    Examples
    --------
    >>> import qspin
    >>> shared_settings(qspin.get_backend("exact"), [], seed=1)
    {}
    """
    if not finds_settings(sampler):
        return {}
    found = sampler.shared(problems, seed=seed)  # type: ignore[attr-defined]
    names = setting_names(type(sampler))
    if not isinstance(found, dict) or not found or not set(found) <= set(names):
        raise InputError(
            f"shared of {_class(sampler)} returns a dictionary of its settings {', '.join(names)}; got "
            f"{shown(found)}"
        )
    return found


def stepping(sampler: Sampler) -> Sampler:
    """A sampler for many short calls at beta = 1, each of which goes on where the last one ended.

    Raises
    ------
    InputError
        If its ``stepping`` gives something else than a sampler.

    Examples
    --------
    >>> import qspin
    >>> stepping(qspin.get_backend("tempering", n_replicas=50)).n_replicas
    50
    """
    if (choose := getattr(sampler, "stepping", None)) is None:
        return sampler
    found = choose()
    if not isinstance(found, Sampler):
        raise InputError(f"stepping of {_class(sampler)} returns a sampler; got {shown(found)}")
    return found


def pilots(problems: Sequence[_T]) -> list[_T]:
    """At most eight of many problems, for which settings are found that all are to share: the first, the
    last, and others at equal distances between.

    Examples
    --------
    >>> pilots(range(15))
    [0, 2, 4, 6, 8, 10, 12, 14]
    """
    last, most = len(problems) - 1, min(_MOST_PILOTS, len(problems))
    return [problems[round(k * last / max(most - 1, 1))] for k in range(most)]


def _class(sampler: object) -> str:
    return type(sampler).__name__
