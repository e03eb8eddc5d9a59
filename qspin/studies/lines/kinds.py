"""What theory says of the kinds of problems that qspin brings, under the names that measures use.

Each function takes the source of a problem and inverse temperatures, and returns a dataset over ``beta`` or,
where nothing is known at these settings, None. All are of infinitely many spins unless they say otherwise.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin import theory
from qspin.studies.lines.names import BRANCH

__all__ = ["hopfield", "lattice_ferromagnet", "mattis", "maxcut_regular", "sherrington_kirkpatrick"]

Floats = NDArray[np.float64]

_STEPS = 3  # of replica symmetry breaking: the energy is within 1e-5 of Parisi's above T = 0.1
_SK = ("energy", "free_energy", "entropy", "q_abs", "q2", "q4", "binder")


def sherrington_kirkpatrick(source: Any, betas: Floats) -> xr.Dataset | None:
    """Parisi's solution with three steps, whatever the distribution of couplings (`qspin.theory.sk`)."""
    return _parisi(tuple(betas.tolist()))


@functools.lru_cache(maxsize=16)  # a sweep over sizes asks for the same line again and again
def _parisi(betas: tuple[float, ...]) -> xr.Dataset:
    return _over(np.array(betas), theory.sk([1 / beta for beta in betas], steps=_STEPS), _SK)


def mattis(source: Any, betas: Floats) -> xr.Dataset | None:
    """m = tanh(beta m), of one pattern and its mirror image."""
    m = _magnetisation(betas)
    own = {"energy": -(m**2) / 2, "q_abs": m**2, "q2": m**4, "q4": m**8}
    return xr.Dataset({name: ("beta", value) for name, value in own.items()}, coords={"beta": betas})


def _magnetisation(betas: Floats) -> Floats:
    """The positive solution of m = tanh(beta m); 0 up to beta = 1."""
    from scipy.optimize import brentq

    def solved(beta: float) -> float:
        if beta <= 1:
            return 0.0
        low = 0.5 * math.sqrt(min(3 * (beta - 1) / beta**3, 1.0))
        return float(brentq(lambda m: m - math.tanh(beta * m), low, 1.0, xtol=1e-15))

    return np.array([solved(float(beta)) for beta in betas])


def hopfield(source: Any, betas: Floats) -> xr.Dataset | None:
    """At the load of the problem, replica-symmetric (`qspin.theory.hopfield`): energies of the state of
    lowest free energy, and of retrieval where there is such a state, in which few or cold spins are; overlaps
    with patterns are those of retrieval up to T_M, stable or not, and else 0."""
    if not source.n_patterns:
        return None
    found = theory.hopfield(source.n_patterns / source.n_spins, 1 / betas)
    lowest = found.isel(state=found["lowest"].argmax("state")).drop_vars("state")
    retrieval = found.sel(state="retrieval", drop=True)
    own = {
        "energy": lowest["energy"],
        "free_energy": lowest["free_energy"],
        "m_max": retrieval["overlap"].fillna(0.0),
    }
    if not retrieval["exists"].any():
        return _over(betas, xr.Dataset(own), tuple(own))
    own[f"energy{BRANCH}retrieval"] = retrieval["energy"]
    drawn = _over(betas, xr.Dataset(own), tuple(own))
    for name in ("m_max", f"energy{BRANCH}retrieval"):
        drawn[name].attrs["state"] = "retrieval state up to T_M"
    drawn["energy"].attrs["state"] = "state of lowest free energy"
    return drawn


def maxcut_regular(source: Any, betas: Floats) -> xr.Dataset | None:
    """Exact above the transition to a glass, replica-symmetric below it (`qspin.theory.regular_glass`); of
    degrees 1 and 2, pairs and rings, there is none."""
    if not source.degree:
        return None
    if source.degree > 2:
        return _regular_glass(source.degree, tuple(betas.tolist()))
    links = source.degree / 2
    energy = -links * np.tanh(betas)
    free_energy = -(math.log(2) + links * np.log(np.cosh(betas))) / betas
    return xr.Dataset({"energy": ("beta", energy), "free_energy": ("beta", free_energy)}, {"beta": betas})


@functools.lru_cache(maxsize=16)
def _regular_glass(degree: int, betas: tuple[float, ...]) -> xr.Dataset:
    return theory.regular_glass(betas, degree)[["energy", "free_energy"]]


def lattice_ferromagnet(source: Any, betas: Floats) -> xr.Dataset | None:
    """The closed chain of so many spins, exactly, and Onsager's square lattice."""
    shape = tuple(source.shape)
    if not _is_closed(source.periodic) or min(shape) < 3:
        return None
    if len(shape) == 1:
        return _chain(shape[0], betas)
    if len(shape) != 2:
        return None
    return _over(betas, theory.square_lattice(1 / betas), ("energy", "m_abs"))


def _is_closed(periodic: Any) -> bool:
    return all(periodic) if isinstance(periodic, list | tuple) else bool(periodic)


def _chain(n: int, betas: Floats) -> xr.Dataset:
    """By the transfer matrix: -(t + t^(n-1)) / (1 + t^n), t = tanh beta."""
    t = np.tanh(betas)
    energy = -(t + t ** (n - 1)) / (1 + t**n)
    return xr.Dataset({"energy": ("beta", energy)}, coords={"beta": betas})


def _over(betas: Floats, found: xr.Dataset, names: tuple[str, ...]) -> xr.Dataset:
    """Some variables of a theory's curve, in the order of these inverse temperatures."""
    order = np.argsort(found["beta"].values)
    own = {name: ("beta", found[name].values[order]) for name in names}
    return xr.Dataset(own, coords={"beta": betas}, attrs=found.attrs)
