"""States, triangles, valleys and rigid bonds of low-energy configurations, each with its null."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import xarray as xr
from pydantic import Field

from qspin import analysis
from qspin.measure import IsingProblem, PositiveInt, settings
from qspin.measures.at_temperatures import AtTemperatures, Temperatures
from qspin.measures.averaging import Rule

__all__ = ["FindStates", "Rigidity", "StatesByEnergy", "Ultrametricity", "Valleys"]

_K_EDGES = np.linspace(0, 3, 31)


@settings
class FindStates(AtTemperatures):
    """Clusters of configurations by their overlaps (`qspin.analysis.find_states`).

    Over ``beta``: ``n_states``, ``participation``, ``separation`` of states, ``is_significant``, and of the
    null ``null_separation``, ``null_deviation`` and, over ``null``, ``nulls``; over ``state`` their
    ``weights``, over ``state`` and ``other_state`` mean ``overlaps``; over ``configuration`` the ``labels``
    of states and the ``order`` of the dendrogram, over ``configuration`` and ``other`` the ``matrix`` of
    overlaps, or of their sizes where mirror images are the same, and over ``merge`` and
    ``column`` the ``linkage`` of scipy. Configurations without fields are taken for the same as their mirror
    images.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    most : configurations of each
    n_states : how many; default where the dendrogram has its widest gap
    n_null : sets of configurations whose spins were dealt anew
    seed : of the null
    """

    name: ClassVar[str] = "find_states"
    scalars: ClassVar = (
        "n_states", "participation", "separation", "is_significant", "null_separation", "null_deviation",
    )  # fmt: skip
    rules: ClassVar = {
        name: Rule.FIRST for name in ("labels", "order", "matrix", "linkage", "weights", "overlaps")
    }

    temperatures: Temperatures = None
    most: PositiveInt = 200
    n_states: PositiveInt | None = None
    n_null: int = Field(default=20, ge=2)
    seed: int = Field(default=0, ge=0)

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        symmetric, overlaps = _is_symmetric(problem), analysis.overlap_matrix(spins)
        found = analysis.find_states(
            spins,
            n_states=self.n_states,
            symmetric=symmetric,
            n_null=self.n_null,
            seed=self.seed,
        )
        mean, deviation = found.null_separation
        scalars = {
            "n_states": float(found.n_states),
            "participation": found.participation,
            "separation": found.separation,
            "is_significant": float(found.is_significant),
            "null_separation": mean,
            "null_deviation": deviation,
        }
        return xr.Dataset(
            {
                **_scalars(scalars),
                "nulls": ("null", found.nulls),
                "weights": ("state", found.weights),
                "overlaps": (("state", "other_state"), found.overlaps),
                "labels": ("configuration", found.labels),
                "order": ("configuration", found.order),
                "matrix": (("configuration", "other"), np.abs(overlaps) if symmetric else overlaps),
                "linkage": (("merge", "column"), found.linkage),
            }
        )


@settings
class Ultrametricity(AtTemperatures):
    """Are the two smaller ones of three overlaps equal (`qspin.analysis.ultrametricity`)?

    Over ``beta``: ``k_mean``, its ``null_mean``, ``null_deviation`` and, over ``null``, ``nulls``,
    ``p_value``, ``spread``, ``effect`` and ``is_detected``; over ``k`` the ``density`` of K = (q_mid - q_min)
    / sigma up to 3. Configurations without fields are turned towards the principal one first.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    most : configurations of each
    n_triples : drawn at random
    n_null : sets of configurations whose spins were dealt anew
    seed : of triples and null
    """

    name: ClassVar[str] = "ultrametricity"
    scalars: ClassVar = (
        "k_mean", "null_mean", "null_deviation", "p_value", "spread", "effect", "is_detected",
    )  # fmt: skip

    temperatures: Temperatures = None
    most: PositiveInt = 500
    n_triples: PositiveInt = 20_000
    n_null: int = Field(default=49, ge=2)
    seed: int = Field(default=0, ge=0)

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        found = analysis.ultrametricity(
            spins,
            symmetric=_is_symmetric(problem),
            n_triples=self.n_triples,
            n_null=self.n_null,
            seed=self.seed,
        )
        density, _ = np.histogram(found.k, _K_EDGES, density=True)
        return xr.Dataset(
            {
                **_scalars({name: float(getattr(found, name)) for name in self.scalars}),
                "nulls": ("null", found.nulls),
                "density": ("k", density),
            },
            coords={"k": (_K_EDGES[1:] + _K_EDGES[:-1]) / 2},
        )


@settings
class Valleys(AtTemperatures):
    """Local minima below configurations and barriers between them (`qspin.analysis.valleys`).

    Over ``beta``: ``n_found``, the number of minima; over ``valley`` their ``energy``, ``weight`` and, over
    ``spin``, ``spins``; over ``valley`` and ``other`` the ``barrier``.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    most : configurations of each
    n_valleys : that are kept, of lowest energy
    """

    name: ClassVar[str] = "valleys"
    scalars: ClassVar = ("n_found",)
    rules: ClassVar = {name: Rule.FIRST for name in ("energy", "weight", "spins", "barrier")}

    temperatures: Temperatures = None
    most: PositiveInt = 1_000
    n_valleys: PositiveInt = 60

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        found = analysis.valleys(problem, spins, most=self.n_valleys)
        return _with_facts(found)


@settings
class StatesByEnergy(AtTemperatures):
    """Number of different local minima by their energy (`qspin.analysis.states_by_energy`).

    Over ``beta`` and ``bin``, from the lowest energy to the highest: ``energy`` per spin in the middle of the
    bin, ``n_states`` and ``n_configurations_above``. Averages over instances are bin by bin, each within its
    own range.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    most : configurations of each
    bins : of the energy
    """

    name: ClassVar[str] = "states_by_energy"

    temperatures: Temperatures = None
    most: PositiveInt = 1_000
    bins: PositiveInt = 10

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        found = analysis.states_by_energy(problem, spins, bins=self.bins)
        return xr.Dataset(
            {
                "energy": ("bin", found["energy"].values),
                "n_states": ("bin", found["n_states"].values),
                "n_configurations_above": ("bin", found["n_configurations"].values),
            }
        )


@settings
class Rigidity(AtTemperatures):
    """Which bonds and spins are the same in all configurations (`qspin.analysis.rigidity`).

    Over ``beta``: ``edge_rigidity``, ``bulk_rigidity``, ``rigid_share`` and ``null``; over ``edge`` ``bond``,
    with its ends ``i`` and ``j``; over ``spin`` ``neighbours``.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    most : configurations of each
    """

    name: ClassVar[str] = "rigidity"
    scalars: ClassVar = ("edge_rigidity", "bulk_rigidity", "rigid_share", "null")
    rules: ClassVar = {"bond": Rule.FIRST, "neighbours": Rule.FIRST}

    temperatures: Temperatures = None
    most: PositiveInt = 1_000

    def at(self, problem: IsingProblem, spins: np.ndarray) -> xr.Dataset:
        i, j, _ = problem.edges
        return _with_facts(analysis.rigidity(problem, spins)).assign_coords(i=("edge", i), j=("edge", j))


def _is_symmetric(problem: IsingProblem) -> bool:
    """Whether a configuration and its mirror image have the same energy."""
    return not problem.fields.any()


def _scalars(values: dict[str, float]) -> dict[str, Any]:
    return {name: ((), value) for name, value in values.items()}


def _with_facts(found: xr.Dataset) -> xr.Dataset:
    """Numbers among the attributes as variables."""
    return found.assign(
        _scalars({str(name): float(value) for name, value in found.attrs.items()})
    ).drop_attrs()
