"""Are degenerate ground states found equally often?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin import analysis
from qspin.measure import InputError, IsingProblem, SampleSet, settings
from qspin.measures.at_temperatures import Temperatures, chosen_rows
from qspin.measures.averaging import Rule, averaged
from qspin.measures.base import MEASURED_RULES, NamedMeasure, known_ground_energy, places_of, without_need

__all__ = ["FairSampling"]


@settings
class FairSampling(NamedMeasure):
    """How often each ground state was found (`qspin.analysis.fair_sampling`).

    Over ``beta`` and ``state``, those that are known of the problem and all that were found: ``count``; over
    ``state`` and ``spin`` ``spins``; over ``beta`` ``n_found``, ``p_value`` of chi-squared for equal
    probabilities of the states that are known or were found there, and ``reason`` where none was found.

    Parameters
    ----------
    temperatures : nearest rows are taken, or so many of the coldest; default the coldest
    ground_energy : lowest energy of the problem, offset included; default the known one
    """

    name: ClassVar[str] = "fair_sampling"
    needs: ClassVar[frozenset[str]] = frozenset({"spins", "problem:ground_energy"})
    rules: ClassVar = {"count": Rule.FIRST, "spins": Rule.FIRST}

    temperatures: Temperatures = None
    ground_energy: float | None = None

    def __post_init__(self) -> None:
        if self.ground_energy is not None:
            without_need(self, "problem:ground_energy")

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        energy = known_ground_energy(problem) if self.ground_energy is None else self.ground_energy
        known = problem.known.ground_states if problem.known is not None else None
        rows, found, reasons = chosen_rows(samples, self.temperatures), [], []
        for row in rows:
            try:
                found.append(
                    analysis.fair_sampling(
                        samples, row=row, ground_energy=energy, problem=problem, states=known
                    )
                )
                reasons.append("")
            except InputError as error:
                found.append(_nothing(samples.n_spins))
                reasons.append(str(error))
        states = [np.empty((0, samples.n_spins), np.int8) if known is None else known]
        every = np.unique(np.concatenate([*states, *(one["spins"].values for one in found)]), axis=0)
        result = xr.Dataset(
            {
                "count": (("beta", "state"), np.array([_counts(one, every) for one in found])),
                "spins": (("state", "spin"), every),
                "n_found": ("beta", [one.attrs["n_found"] for one in found]),
                "p_value": ("beta", [one.attrs["p_value"] for one in found]),
                "reason": ("beta", np.array(reasons)),
            },
            coords={"spin": samples.dataset["spin"].values},
        )
        places = places_of(samples).isel(beta=rows)
        return result.assign(places.data_vars).assign_coords(places.coords)

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        return averaged(results, {**MEASURED_RULES, **self.rules}, skip_unknown=True)


def _nothing(n_spins: int) -> xr.Dataset:
    """What is found where no ground state is."""
    none = {
        "count": ("state", np.empty(0, int)),
        "spins": (("state", "spin"), np.empty((0, n_spins), np.int8)),
    }
    return xr.Dataset(none, attrs={"n_found": 0, "p_value": float("nan")})


def _counts(found: xr.Dataset, every: NDArray[np.int8]) -> list[int]:
    """Counts of all states, in their order."""
    own = {
        spins.tobytes(): int(n) for spins, n in zip(found["spins"].values, found["count"].values, strict=True)
    }
    return [own.get(spins.tobytes(), 0) for spins in every]
