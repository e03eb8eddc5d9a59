"""Instances of one disorder: averages in the place of single curves, and sizes held against each other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from qspin.analysis import bootstrap, crossings, disorder_curve, disorder_distribution, interpolated
from qspin.analysis.overlap import binder_ratio
from qspin.experiment.config import RunConfig
from qspin.experiment.remarks import kind_of
from qspin.studies.wording import with_error

__all__ = ["binder_curves", "crossing_sentences", "with_families"]

Results = Mapping[tuple[str, str], xr.Dataset]

_MEANS = ("energy", "heat_capacity", "q_link", "beta_effective", "beta_matched", "chain_break_fraction")
_SHARED = ("coupling_scale",)
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
            members = {m: results[m, backend] for m in families[family] if (m, backend) in results}
            group = on_one_ladder(list(members.values()))
            if group is None or len(group) < 2:  # nothing in common, or one alone: instances stay single
                found.update({(m, backend): d for m, d in members.items()})
            else:
                found[family, backend] = _averaged(group)
    return found


def on_one_ladder(group: list[xr.Dataset]) -> list[xr.Dataset] | None:
    """Results at common temperatures; None where there are none.

    Instances with one ladder stay as they are, rows of devices without a thermostat correspond to each other.
    Ladders of their own, as ``betas: auto`` finds them, are interpolated on a geometric ladder over the range
    that all of them cover, with as many temperatures as half of them have at least.
    """
    betas = [d["beta"].values for d in group]
    if all(np.array_equal(own, betas[0], equal_nan=True) for own in betas[1:]):
        return group
    finite = [1 / own[own > 0] for own in betas]
    if any(np.isnan(own).any() for own in betas) or not all(len(t) > 1 for t in finite):
        return None
    low, high = max(t.min() for t in finite), min(t.max() for t in finite)
    if not low < high:
        return None
    temperatures = np.geomspace(low, high, max(2, int(np.median([len(t) for t in finite]))))[::-1]
    temperatures[[0, -1]] = high, low  # exactly, so that the ends lie within every ladder
    return [_interpolated(d, temperatures) for d in group]


def _interpolated(result: xr.Dataset, temperatures: np.ndarray) -> xr.Dataset:
    """Averages by monotone cubics, P(q) linearly, diagnostics of the nearest temperature, all in ln T."""
    known = np.log(result["temperature"].values)
    nearest = [int(np.nanargmin(np.abs(known - t))) for t in np.log(temperatures)]
    found = xr.Dataset(coords={"beta": 1 / temperatures, "temperature": ("beta", temperatures)})
    for name, values in result.data_vars.items():
        if f"{name}_error" in result and name != "density":
            found[name], found[f"{name}_error"] = (
                ("beta", v) for v in interpolated(result, str(name), temperatures)
            )
        elif name == "density":
            order = np.argsort(known)
            columns = [
                np.interp(np.log(temperatures), known[order], column[order]) for column in values.values.T
            ]
            found = found.assign_coords(q=result["q"])
            found["density"], found["width"] = (("beta", "q"), np.stack(columns, axis=1)), result["width"]
        elif name in _WORST:
            found[name] = ("beta", values.values[nearest])
    return found.assign_attrs(result.attrs)


def _averaged(group: list[xr.Dataset]) -> xr.Dataset:
    first = group[0]
    parts = [disorder_curve(group, int(first.attrs["n_spins"]))] if "q_abs" in first else []
    if "density" in first:
        parts.append(disorder_distribution(group))
    result = xr.merge(parts, compat="override", join="exact", combine_attrs="drop") if parts else xr.Dataset()
    result = result.assign_coords(beta=first["beta"], **_mean_temperatures(group))
    for name in _MEANS:
        if name in first:
            values = np.stack([d[name].values for d in group])
            mean, error, _ = bootstrap(values, lambda sample: sample.mean(axis=0))
            result[name], result[f"{name}_error"] = ("beta", mean), ("beta", error)
    for name in _SHARED:
        if name in first:
            result[name] = first[name]
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
        "notes": json.dumps(
            list(dict.fromkeys(n for d in group for n in json.loads(d.attrs.get("notes", "[]"))))
        ),
        "info": json.dumps(info),
        "n_instances": len(group),
    }
    return result


def _mean_temperatures(group: list[xr.Dataset]) -> dict[str, Any]:
    """Those of a ladder, or the mean over instances of what a device reached, with its standard error."""
    first = group[0]
    if "temperature_error" not in first.coords:
        return {"temperature": first["temperature"]}
    reached = np.stack([d["temperature"].values for d in group])
    mean, error, _ = bootstrap(reached, lambda sample: sample.mean(axis=0))
    return {"temperature": ("beta", mean), "temperature_error": ("beta", error)}


def _counted(warnings: list[str], n: int) -> list[str]:
    kinds: dict[str, list[str]] = {}
    for warning in warnings:
        kinds.setdefault(kind_of(warning), []).append(warning)
    return [f"{len(group)} of {n} instances; the first: {group[0]}" for group in kinds.values()]


def binder_curves(
    config: RunConfig, results: Results, backend: str
) -> dict[str, tuple[dict[int, np.ndarray], dict[int, np.ndarray], np.ndarray, dict[int, np.ndarray]]]:
    """By kind of problem: linear size -> Binder ratio, its error, the temperatures, and resampled curves."""
    kinds: dict[str, dict[int, list[xr.Dataset]]] = {}
    for members in config.families.values():
        spec: Any = config.problems[members[0]]
        group = [results[m, backend] for m in members if (m, backend) in results]
        if len(group) > 1 and all("q2" in d and np.isfinite(d["beta"]).all() for d in group):
            kinds.setdefault(spec.kind, {})[_size(spec, group[0])] = group
    found = {}
    for kind, by_size in kinds.items():
        everything = on_one_ladder([d for group in by_size.values() for d in group])
        if len(by_size) < 2 or everything is None:
            continue
        curves, errors, resampled, rest = {}, {}, {}, iter(everything)
        for size, group in by_size.items():
            moments = np.stack([[d["q2"].values, d["q4"].values] for d in itertools.islice(rest, len(group))])
            curves[size], errors[size], resampled[size] = bootstrap(
                moments, lambda sample: binder_ratio(*sample.mean(axis=0))
            )
        found[kind] = curves, errors, everything[0]["temperature"].values, resampled
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
