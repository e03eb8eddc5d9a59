"""From the sample files of a run to analysis.nc, metrics.csv and comparison.csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from qspin.analysis import (
    at_matched_temperatures,
    at_measured_temperatures,
    chain_diagnostics,
    energy_curve,
    equilibrium_remarks,
    has_measured_temperatures,
    link_overlap_curve,
    overlap_curve,
    overlap_distribution,
)
from qspin.errors import InputError, named
from qspin.experiment.comparison import Compared, Comparing, Fits, reference_of
from qspin.experiment.families import with_families
from qspin.experiment.netcdf import tree_to_netcdf
from qspin.experiment.store import RunFolder, Task
from qspin.experiment.verdicts import verdict_table
from qspin.files import atomic_write
from qspin.remarks import Level
from qspin.samples import SampleSet

__all__ = ["COLUMNS", "Analysis", "analyse", "load_analysis"]

COLUMNS = (
    "q_abs", "q_abs_error", "q2", "q2_error", "binder", "binder_error", "q_link", "q_link_error",
    "energy", "energy_error", "heat_capacity", "heat_capacity_error", "ess", "r_hat", "ess_overlap",
    "r_hat_overlap", "swap_rate", "coupling_scale", "beta_effective", "beta_effective_error",
    "chain_break_fraction", "beta_matched", "beta_matched_error", "temperature_error", "q_abs_low",
    "q_abs_high", "q2_low", "q2_high", "binder_low", "binder_high", "heat_capacity_low", "heat_capacity_high",
)  # fmt: skip


class Analysis(dict[tuple[str, str], xr.Dataset]):
    """(problem label, backend label) -> what was found in one task; and how the backends compare.

    Parameters
    ----------
    results : of every task
    compared : of the backends on every problem
    failed : tasks whose samples are there and could not be analysed, each with the reason
    """

    def __init__(
        self, results: Mapping[tuple[str, str], xr.Dataset], compared: Compared, failed: Sequence[str] = ()
    ):
        super().__init__(results)
        self.compared = compared
        self.failed = list(failed)


def analyse(folder: RunFolder) -> Analysis:
    """Analyse every finished task; write analysis.nc, metrics.csv and comparison.csv.

    Samples of one replica have no overlaps, and a warning says so. Samples without a thermostat are put at
    the temperatures at which the reference of their problem has their mean energies. A task whose analysis
    fails is left out and named in `Analysis.failed`.

    Returns
    -------
    results of every task; the file holds the averages of families of instances in the place of these
    """
    comparing = Comparing(folder.config)
    results: dict[tuple[str, str], xr.Dataset] = {}
    failed: list[str] = []
    for problem, tasks in _by_problem(folder).items():
        read = ((label, folder.whole_samples(task)) for label, task in tasks.items())
        samples = {label: found for label, found in read if found is not None}
        reweighting, fits, unfitted = comparing.fitted(samples)
        own: dict[str, xr.Dataset] = {}
        for label, found in samples.items():
            try:
                if label in unfitted:
                    raise unfitted[label]
                own[label] = _analysed(
                    tasks[label], found, fits.get(label), links=folder.config.analysis.link_overlap
                )
            except Exception as error:  # one task never costs the report; it is told, and exits 1
                failed.append(f"{tasks[label].label}: its analysis failed: {_told(error)}")
        results.update({(problem, label): result for label, result in own.items()})
        warnings = {label: json.loads(result.attrs["warnings"]) for label, result in own.items()}
        kept = {label: samples[label] for label in own}
        if reference_of(kept) != reference_of(samples):  # nothing is held against another one in its place
            reweighting = None
        comparing.add(tasks, kept, warnings, reweighting, fits)
    analysis = Analysis(results, comparing.judged(), failed)
    stored = with_families(folder.config, results)
    groups = {f"{problem}/{backend}": d for (problem, backend), d in stored.items()}
    atomic_write(folder.analysis_file, tree_to_netcdf(groups))
    atomic_write(folder.metrics_file, _table(results))
    atomic_write(folder.path / "comparison.csv", verdict_table(analysis.compared.verdicts))
    return analysis


def _by_problem(folder: RunFolder) -> dict[str, dict[str, Task]]:
    found: dict[str, dict[str, Task]] = {}
    for task in folder.tasks():
        found.setdefault(task.problem_label, {})[task.backend_label] = task
    return found


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) if isinstance(error, InputError) else named(error)


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


def _analysed(task: Task, samples: SampleSet, fits: Fits | None, *, links: bool) -> xr.Dataset:
    diagnostics = chain_diagnostics(samples)
    remarks = equilibrium_remarks(samples, diagnostics)
    warnings = [remark.text for remark in remarks if remark.level != Level.NOTE]
    parts = [energy_curve(samples), diagnostics]
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
        "notes": json.dumps([remark.text for remark in remarks if remark.level == Level.NOTE]),
        "info": json.dumps(samples.info),
    }
    if fits is not None:
        betas, errors = zip(*((fit.beta, fit.error) for fit in fits.rows), strict=True)
        result = at_matched_temperatures(result, betas, errors, fits.reference)
        result.attrs["temperature_reasons"] = json.dumps([fit.reason for fit in fits.rows])
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
