"""Instances of one disorder: averages in the place of single curves, and sizes held against each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from qspin.analysis import bootstrap, crossings, disorder_curve, disorder_distribution
from qspin.analysis.overlap import binder_ratio
from qspin.errors import InputError
from qspin.experiment.config import RunConfig
from qspin.experiment.findings import with_error

__all__ = ["binder_curves", "crossing_sentences", "with_families"]

Results = Mapping[tuple[str, str], xr.Dataset]

_MEANS = ("energy", "heat_capacity", "q_link")
_WORST: Mapping[str, Any] = {
    "ess": np.nanmin,
    "r_hat": np.nanmax,
    "r_hat_overlap": np.nanmax,
    "swap_rate": np.nanmin,
}


def with_families(config: RunConfig, results: Results) -> dict[tuple[str, str], xr.Dataset]:
    """The same results with every family of two or more instances averaged; errors are over instances."""
    families = {label: members for label, members in config.families.items() if len(members) > 1}
    owner = {member: label for label, members in families.items() for member in members}
    found: dict[tuple[str, str], xr.Dataset] = {}
    for (problem, backend), result in results.items():
        family = owner.get(problem)
        if family is None:
            found[problem, backend] = result
        elif (family, backend) not in found:
            group = [results[m, backend] for m in families[family] if (m, backend) in results]
            try:
                found[family, backend] = _averaged(group)
            except InputError:  # ladders of their own: instances stay single
                found.update(
                    {(m, backend): results[m, backend] for m in families[family] if (m, backend) in results}
                )
    return found


def _averaged(group: list[xr.Dataset]) -> xr.Dataset:
    first = group[0]
    parts = [disorder_curve(group, int(first.attrs["n_spins"]))] if "q_abs" in first else []
    if "density" in first:
        parts.append(disorder_distribution(group))
    result = xr.merge(parts, compat="override", join="exact", combine_attrs="drop") if parts else xr.Dataset()
    result = result.assign_coords(beta=first["beta"], temperature=first["temperature"])
    for name in _MEANS:
        if name in first:
            values = np.stack([d[name].values for d in group])
            mean, error, _ = bootstrap(values, lambda sample: sample.mean(axis=0))
            result[name], result[f"{name}_error"] = ("beta", mean), ("beta", error)
    for name, worst in _WORST.items():
        if name in first:
            values = np.stack([d[name].values for d in group])
            known = ~np.isnan(values).all(axis=0)
            result[name] = ("beta", np.full(values.shape[1], np.nan))
            result[name].values[known] = worst(values[:, known], axis=0)
    warnings = [w for d in group for w in json.loads(d.attrs["warnings"])]
    info = {**json.loads(first.attrs["info"]), "seed": f"{len(group)} instances"}
    result.attrs = {
        **first.attrs,
        "best_energy": float(np.mean([d.attrs["best_energy"] for d in group])),
        "coupling_rms": float(np.mean([d.attrs["coupling_rms"] for d in group])),
        "warnings": json.dumps(_counted(warnings, len(group))),
        "info": json.dumps(info),
        "n_instances": len(group),
    }
    return result


def _counted(warnings: list[str], n: int) -> list[str]:
    kinds: dict[str, list[str]] = {}
    for warning in warnings:
        kinds.setdefault(warning[:25], []).append(warning)
    return [f"{len(group)} of {n} instances; the first: {group[0]}" for group in kinds.values()]


def binder_curves(
    config: RunConfig, results: Results, backend: str
) -> dict[str, tuple[dict[int, np.ndarray], dict[int, np.ndarray], np.ndarray, dict[int, np.ndarray]]]:
    """By kind of problem: linear size -> Binder ratio, its error, the temperatures, and resampled curves."""
    kinds: dict[str, dict[int, list[xr.Dataset]]] = {}
    for members in config.families.values():
        spec: Any = config.problems[members[0]]
        group = [results[m, backend] for m in members if (m, backend) in results]
        if len(group) > 1 and all("q2" in d for d in group) and np.isfinite(group[0]["temperature"]).all():
            kinds.setdefault(spec.kind, {})[_size(spec, group[0])] = group
    found = {}
    for kind, by_size in kinds.items():
        ladders = {tuple(group[0]["beta"].values) for group in by_size.values()}
        if len(by_size) < 2 or len(ladders) != 1:
            continue
        curves, errors, resampled = {}, {}, {}
        for size, group in by_size.items():
            moments = np.stack([[d["q2"].values, d["q4"].values] for d in group])
            curves[size], errors[size], resampled[size] = bootstrap(
                moments, lambda sample: binder_ratio(*sample.mean(axis=0))
            )
        temperatures = next(iter(by_size.values()))[0]["temperature"].values
        found[kind] = curves, errors, temperatures, resampled
    return found


def _size(spec: Any, result: xr.Dataset) -> int:
    shape = getattr(spec, "shape", None)
    return int(shape[0]) if shape is not None else int(result.attrs["n_spins"])


def crossing_sentences(config: RunConfig, results: Results) -> list[str]:
    """Where Binder ratios of neighbouring sizes cross."""
    sentences = []
    for backend in config.backends:
        for kind, (curves, _, temperatures, resampled) in binder_curves(config, results, backend).items():
            if len(temperatures) < 3:
                continue
            pairs = crossings(temperatures, curves, resampled)
            if len(curves) > 2:  # the widest pair crosses at the steepest angle
                ends = (min(curves), max(curves))
                pairs += crossings(
                    temperatures, {k: curves[k] for k in ends}, {k: resampled[k] for k in ends}
                )
            for found in pairs:
                small, large = found.sizes
                if np.isnan(found.temperature):
                    text = f"do not cross between T = {temperatures.min():.3g} and {temperatures.max():.3g}"
                else:
                    text = f"cross at T = {with_error(found.temperature, found.error)}"
                sentences.append(
                    f"With {backend}, Binder ratios of {kind}, sizes {small} and {large}, {text}; "
                    f"{found.share:.0%} of resampled disorder averages cross."
                )
    return sentences
