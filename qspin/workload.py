"""What one call of a sampler will take, as far as the sampler can tell before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from qspin.errors import InputError, shown
from qspin.problem import IsingProblem

__all__ = ["Workload", "workload_of"]


@dataclass(frozen=True)
class Workload:
    """What one call of `sample` will take.

    Parameters
    ----------
    kernel : name of what computes it; the time of two calls of one kernel is to that of their work
    work : how much there is to compute, in a unit of the kernel that does not change with the machine
    memory : bytes at the peak, beyond what the process takes without it; 0 where that is not known
    kept : bytes of the samples that it returns, which `memory` includes
    paid_seconds : that are expected to be charged, 0 where nothing is; None where that is not known
    n_parts : of equal size that can be worked on at once, by as many threads

    Raises
    ------
    InputError
        For what is no workload.

    Examples
    --------
    >>> Workload("exact", 2.0**20).paid_seconds
    0.0
    """

    kernel: str
    work: float
    memory: int = 0
    kept: int = 0
    paid_seconds: float | None = 0.0
    n_parts: int = 1

    def __post_init__(self) -> None:
        charged = 0.0 if self.paid_seconds is None else self.paid_seconds
        if not isinstance(self.kernel, str) or not self.kernel:
            raise InputError(f"the kernel of a workload is a name; got {shown(self.kernel)}")
        for name, value, least in (
            ("work", self.work, 0), ("memory", self.memory, 0), ("kept", self.kept, 0),
            ("paid_seconds", charged, 0),
            ("n_parts", self.n_parts, 1),
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
                raise InputError(f"{name} of a workload is a number from {least}; got {shown(value)}")


def workload_of(sampler: object, problem: IsingProblem) -> Workload | None:
    """What a call of a sampler on a problem will take; None where the sampler does not tell.

    Nothing is sampled or bought for it.

    Parameters
    ----------
    problem : of the right size, with couplings of the right kind

    Raises
    ------
    InputError
        If the sampler tells something else than a `Workload`.
    QspinError
        As the ``check`` of the sampler does, for a problem that it cannot sample.

    Examples
    --------
    >>> class Silent:
    ...     def sample(self, problem, *, seed=None): ...
    >>> workload_of(Silent(), IsingProblem([[0, 1], [1, 0]])) is None
    True
    """
    if (tell := getattr(sampler, "workload", None)) is None:
        return None
    told: Any = tell(problem)
    if not isinstance(told, Workload):
        raise InputError(
            f"workload of {type(sampler).__name__} returns a qspin.sampler.Workload; got {shown(told)}"
        )
    return told
