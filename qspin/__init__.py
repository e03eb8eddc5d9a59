"""qspin: problem -> sampler -> samples -> analysis -> report.

Couplings derived from neural networks become Ising problems, any backend samples them, and replica
overlaps compare what comes back. Names are imported when first used, so that ``import qspin`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "IsingProblem": "qspin.problem",
    "SampleSet": "qspin.samples",
    "Sampler": "qspin.sampler",
    "get_backend": "qspin.registry",
    "available_backends": "qspin.registry",
    "as_dimod": "qspin.adapter",
    "read_problem": "qspin.formats",
    "write_problem": "qspin.formats",
    "checkpointing": "qspin.checkpoint",
    "QspinError": "qspin.errors",
    "runs": "qspin.experiment.runs.asked",
}
_ROOMS = ("analysis", "benchmark", "errors", "instances", "networks", "plot", "testing", "theory")

__all__ = ["__version__", *_HOMES, *_ROOMS]

if TYPE_CHECKING:
    from qspin import analysis, benchmark, errors, instances, networks, plot, testing, theory
    from qspin.adapter import as_dimod
    from qspin.checkpoint import checkpointing
    from qspin.errors import QspinError
    from qspin.experiment.runs.asked import runs
    from qspin.formats import read_problem, write_problem
    from qspin.problem import IsingProblem
    from qspin.registry import available_backends, get_backend
    from qspin.sampler import Sampler
    from qspin.samples import SampleSet


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _ROOMS:
        value = import_module(f"qspin.{name}")
    else:
        raise AttributeError(f"module 'qspin' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
