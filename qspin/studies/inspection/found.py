"""What was measured of a model and of its controls, taken out of the results of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.analysis.curves import Curve
from qspin.studies.cells import by_place
from qspin.studies.inspection.draws import Against, Densities, agreeing
from qspin.study import Cell, ProblemLine, Results

__all__ = ["CHAINS", "CURVE", "DENSITY", "comparisons", "densities_of", "sure_at"]

CURVE, DENSITY, CHAINS = "overlap_curve", "overlap_distribution", "chain_diagnostics"


def comparisons(
    results: Results, line: ProblemLine, controls: Sequence[tuple[str, ProblemLine]]
) -> Iterator[Against]:
    curves, chains = by_place(results, CURVE), by_place(results, CHAINS)
    for backend in results.asked.backends:
        own = curves.get((line.label, backend))
        if own is None or not own.points:
            continue
        model = own.points[0].result
        for role, control in controls:
            draws = curves.get((control.label, backend))
            if draws is None or not draws.points:
                continue
            doubts = [chains.get((label, backend)) for label in (line.label, control.label)]
            yield _against(role, control.label, backend, model, draws, doubts)


def _against(
    role: str, label: str, backend: str, model: xr.Dataset, draws: Cell, chains: Sequence[Cell | None]
) -> Against:
    curve = Curve(model)
    temperature = curve.ladder[np.isfinite(curve.ladder)]
    own, own_error, _ = curve.at(temperature)
    values = [Curve(point.result).at(temperature) for point in draws.points]
    is_sure = sure_at(chains, 1 / temperature)
    return Against(
        label, role, backend, temperature, own, own_error,
        np.array([one[0] for one in values]), np.array([one[1] for one in values]), is_sure,
    )  # fmt: skip


def sure_at(chains: Sequence[Cell | None], betas: ArrayLike) -> NDArray[np.bool_]:
    """At which inverse temperatures the replicas of all that was sampled agree."""
    at = np.atleast_1d(np.asarray(betas, dtype=np.float64))
    diagnostics = [point.result for cell in chains if cell is not None for point in cell.points]
    return np.all([agreeing(one, at) for one in [None, *diagnostics]], axis=0)


def densities_of(
    results: Results,
    line: ProblemLine,
    controls: Sequence[tuple[str, ProblemLine]],
    temperature: float,
    has_fields: bool,
) -> Iterator[Densities]:
    """With the first backend that has them."""
    cells, chains = by_place(results, DENSITY), by_place(results, CHAINS)
    backend = next((b for b in results.asked.backends if (line.label, b) in cells), None)
    if backend is None or not cells[line.label, backend].points:
        return
    model = _nearest(cells[line.label, backend].points[0].result, temperature)
    for _, control in controls:
        cell = cells.get((control.label, backend))
        if cell is not None and len(cell.points) > 1:
            draws = [_nearest(point.result, temperature)["density"].values for point in cell.points]
            sure = sure_at([chains.get((own, backend)) for own in (line.label, control.label)], model["beta"])
            yield Densities(
                control.label, float(model["temperature"]), model["q"].values, model["width"].values,
                model["density"].values, model["density_error"].values, np.array(draws),
                has_fields, bool(sure[0]),
            )  # fmt: skip


def _nearest(found: xr.Dataset, temperature: float) -> xr.Dataset:
    distance = np.abs(np.log(found["temperature"].values / temperature))
    return found.isel(beta=int(np.nanargmin(distance)))
