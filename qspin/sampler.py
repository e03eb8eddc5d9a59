"""What a backend is: frozen settings and one method. Authors of a backend import everything from here.

A sampler is a class whose settings are fixed at construction and whose `sample` takes a problem and a seed
and returns a `SampleSet`; nothing evolves on it. `qspin.testing.SamplerContract` checks the rest.

A setting that decides nothing about the samples (threads, retries, memory, budgets) is marked as
`Incidental`; all others enter seeds and digests.

A sampler may also have ``check(problem)``, which raises `InputError` for a problem that it cannot sample; a
run asks it about every task before any of them starts. And it may have ``is_paid``, a Boolean property or
class attribute: whether its reads cost money. Nothing is sampled for the sake of warming up where they do, or
where a sampler does not say.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from qspin.arguments import checked_arguments
from qspin.checkpoint import Checkpoint, current_checkpoint
from qspin.cliques import cache_folder, search_cliques
from qspin.compiled import njit
from qspin.confidential import keep_secret, redacted, scrubbed, strip_tokens
from qspin.files import atomic_write
from qspin.memory import allocate_spins, machine_memory, require_bytes, require_memory
from qspin.problem import IsingProblem
from qspin.progress import ABANDONED, report_progress
from qspin.provenance import run_info
from qspin.remarks import Level, Remark
from qspin.samples import SampleSet
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
    imported,
    resolved_seed,
    settings,
    settings_of,
)
from qspin.significance import STANDARD_ERRORS
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
from qspin.trust import require_own_server

__all__ = [
    "ABANDONED",
    "MAX_SPINS",
    "STANDARD_ERRORS",
    "AutoLadder",
    "Checkpoint",
    "Enumeration",
    "FileSetting",
    "GivenFile",
    "ImportPath",
    "Incidental",
    "Ladder",
    "Level",
    "PlainValues",
    "PositiveInt",
    "Remark",
    "Sampler",
    "Seed",
    "all_energies",
    "allocate_spins",
    "atomic_write",
    "cache_folder",
    "checked_arguments",
    "current_checkpoint",
    "deciding_settings",
    "energy_tolerance",
    "enumerate_problem",
    "flip_tolerances",
    "imported",
    "is_paid",
    "keep_secret",
    "machine_memory",
    "njit",
    "offers",
    "redacted",
    "report_progress",
    "require_bytes",
    "require_enumerable",
    "require_memory",
    "require_own_server",
    "resolved_seed",
    "run_info",
    "samples_version",
    "scrubbed",
    "search_cliques",
    "settings",
    "settings_of",
    "strip_tokens",
    "transformed",
    "without_offset",
]


@runtime_checkable
class Sampler(Protocol):
    """Anything that samples an Ising problem."""

    def sample(self, problem: IsingProblem, *, seed: Seed = None) -> SampleSet:
        """Sample `problem`; the same seed gives the same samples, None draws a fresh one and records it."""
        ...


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


def offers(sampler: Sampler) -> frozenset[str] | None:
    """What the samples of a sampler have, out of `qspin.measure.NEEDS`; None where it does not say."""
    declared = getattr(sampler, "offers", None)
    return None if declared is None else frozenset(declared)


def samples_version(sampler: Sampler) -> int:
    """Which samples the settings of a sampler mean; raised when the same settings give other ones."""
    return int(getattr(sampler, "samples_version", 1))
