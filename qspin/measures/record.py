"""Facts of one sampling, as every table of a report needs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from qspin.measure import IsingProblem, SampleSet, settings
from qspin.measures.averaging import Rule
from qspin.measures.base import NamedMeasure, told

__all__ = ["Record"]


@settings
class Record(NamedMeasure):
    """Sizes, best energy and clocks as variables without dimensions; where the samples come from as
    attributes.

    Variables: ``n_spins``, ``n_couplings``, ``coupling_rms`` (root mean square of the couplings),
    ``n_betas``, ``n_replicas``, ``n_draws``, ``best_energy`` (NaN of an empty set), ``round_trips`` of
    tempering, all together, and ``seconds_CLOCK`` for each clock. Attributes: ``backend``, ``headline``,
    ``seed``, ``status``, ``info`` (JSON) and ``remarks`` (JSON of the sampler's own; `chain_diagnostics` has
    all).
    """

    name: ClassVar[str] = "record"
    rules: ClassVar = {name: Rule.FIRST for name in ("n_betas", "n_replicas", "n_draws")}

    def measured(self, samples: SampleSet, problem: IsingProblem) -> xr.Dataset:
        info, sizes = samples.info, samples.spins.sizes
        couplings = problem.edges.couplings
        facts: dict[str, Any] = {
            "n_spins": samples.n_spins,
            "n_couplings": problem.n_couplings,
            "coupling_rms": float(np.sqrt(np.mean(couplings**2))) if couplings.size else 0.0,
            "n_betas": sizes["beta"],
            "n_replicas": sizes["replica"],
            "n_draws": sizes["draw"],
            "best_energy": samples.best.energy if samples.energies.size else np.nan,
        }
        if "round_trips" in samples.dataset:
            facts["round_trips"] = int(samples.dataset["round_trips"].sum())
        facts |= {f"seconds_{clock}": float(s) for clock, s in info.get("clocks", {}).items()}
        attrs = {name: str(info.get(name, "")) for name in ("backend", "headline", "seed", "status")}
        return xr.Dataset(
            {name: ((), value) for name, value in facts.items()},
            attrs={**attrs, "info": json.dumps(info), **told(samples.remarks)},
        )

    def average(self, results: Sequence[xr.Dataset]) -> xr.Dataset:
        average = super().average(results)
        seed = f"{len(results)} instances"
        info = {**json.loads(results[0].attrs["info"]), "seed": seed}
        return average.assign_attrs(seed=seed, info=json.dumps(info))
