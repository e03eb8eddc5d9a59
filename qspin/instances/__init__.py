"""Random and planted instances. The seed given here is the seed of the couplings, never of a sampling run.

What a generator knows of its problem, such as a planted ground state, is in ``problem.known``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qspin.instances.graphs import maxcut_regular
    from qspin.instances.hardware import biclique, cubic_dimers, pegasus, zephyr
    from qspin.instances.lattices import diamond, edwards_anderson, lattice_ferromagnet
    from qspin.instances.mean_field import hopfield, mattis, sherrington_kirkpatrick
    from qspin.instances.planted import wishart

_HOMES = {
    "biclique": "hardware",
    "cubic_dimers": "hardware",
    "diamond": "lattices",
    "edwards_anderson": "lattices",
    "hopfield": "mean_field",
    "lattice_ferromagnet": "lattices",
    "mattis": "mean_field",
    "maxcut_regular": "graphs",
    "pegasus": "hardware",
    "sherrington_kirkpatrick": "mean_field",
    "wishart": "planted",
    "zephyr": "hardware",
}

__all__ = [
    "biclique",
    "cubic_dimers",
    "diamond",
    "edwards_anderson",
    "hopfield",
    "lattice_ferromagnet",
    "mattis",
    "maxcut_regular",
    "pegasus",
    "sherrington_kirkpatrick",
    "wishart",
    "zephyr",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'qspin.instances' has no attribute {name!r}")
    value = getattr(import_module(f"qspin.instances.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
