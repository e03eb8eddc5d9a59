"""From the sample files of a run to analysis.nc and metrics.csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from qspin.analysis import (
    at_measured_temperatures,
    chain_diagnostics,
    energy_curve,
    equilibrium_warnings,
    has_measured_temperatures,
    link_overlap_curve,
    overlap_curve,
    overlap_distribution,
)
from qspin.experiment.families import with_families
from qspin.experiment.store import RunFolder, Task
from qspin.files import atomic_write
from qspin.samples import SampleSet

__all__ = ["COLUMNS", "analyse", "load_analysis"]

COLUMNS = (
    "q_abs", "q_abs_error", "q2", "q2_error", "binder", "binder_error", "q_link", "q_link_error",
    "energy", "energy_error", "heat_capacity", "heat_capacity_error", "ess", "r_hat", "ess_overlap",
    "r_hat_overlap", "swap_rate", "coupling_scale", "beta_effective", "beta_effective_error",
    "chain_break_fraction",
)  # fmt: skip


def analyse(folder: RunFolder) -> dict[tuple[str, str], xr.Dataset]:
    """Analyse every finished task; samples of one replica have no overlaps, and a warning says so.

    Returns
    -------
    results of every task; the file holds the averages of families of instances in the place of these
    """
    results = {
        (task.problem_label, task.backend_label): _analysed(
            task, folder.samples(task), links=folder.config.analysis.link_overlap
        )
        for task in folder.tasks()
        if folder.has_samples(task)
    }
    stored = with_families(folder.config, results)
    tree = xr.DataTree.from_dict({f"/{problem}/{backend}": d for (problem, backend), d in stored.items()})
    atomic_write(folder.analysis_file, tree.to_netcdf(None, engine="h5netcdf"))
    atomic_write(folder.metrics_file, _table(results))
    return results


def load_analysis(folder: RunFolder) -> dict[tuple[str, str], xr.Dataset]:
    """(problem or family label, backend label) -> what `analyse` stored, in the order of the config."""
    with xr.open_datatree(folder.analysis_file, engine="h5netcdf") as tree:
        stored = {
            tuple(node.path.strip("/").split("/")): node.to_dataset(inherit=False).load()
            for node in tree.leaves
        }
    config = folder.config
    owner = {member: label for label, members in config.families.items() for member in members}
    labels = dict.fromkeys(name for p in config.problems for name in (owner.get(p, p), p))
    order = [(label, backend) for label in labels for backend in config.backends]
    return {key: stored[key] for key in order if key in stored}


def _analysed(task: Task, samples: SampleSet, *, links: bool) -> xr.Dataset:
    warnings = equilibrium_warnings(samples)
    parts = [energy_curve(samples), chain_diagnostics(samples)]
    if samples.spins.sizes["replica"] >= 2 and samples.n_spins:
        parts += [overlap_curve(samples), overlap_distribution(samples)]
        if links and task.problem.n_couplings:
            parts.append(link_overlap_curve(samples, task.problem))
    else:
        warnings.append(
            "there are fewer than two replicas, so there are no overlaps: raise n_replicas, "
            "or n_reads of a device"
        )
    result = xr.merge(parts, compat="equals", join="exact")
    if has_measured_temperatures(samples):
        result = at_measured_temperatures(result, samples)
    best = samples.best
    result.attrs = {
        "n_spins": samples.n_spins,
        "n_couplings": task.problem.n_couplings,
        "coupling_rms": float(np.sqrt(np.mean(task.problem.edges.couplings**2)))
        if task.problem.n_couplings
        else 0.0,
        "n_replicas": samples.spins.sizes["replica"],
        "n_draws": samples.spins.sizes["draw"],
        "best_energy": best.energy,
        "warnings": json.dumps(warnings),
        "info": json.dumps(samples.info),
    }
    if "round_trips" in samples.dataset:
        result.attrs["round_trips"] = int(samples.dataset["round_trips"].sum())
    return result


def _table(results: dict[tuple[str, str], xr.Dataset]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["problem", "backend", "temperature", "beta", *COLUMNS])
    for (problem, backend), result in results.items():
        writer.writerows([problem, backend, *row] for row in _rows(result))
    return text.getvalue()


def _rows(result: xr.Dataset) -> Iterator[list[Any]]:
    for k, beta in enumerate(result["beta"].values):
        values = [float(result[name].values[k]) if name in result else np.nan for name in COLUMNS]
        temperature = float(result["temperature"].values[k])
        yield [_cell(value) for value in (temperature, float(beta), *values)]


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.10g}"
