"""How results of instances of the disorder become one: a rule for every variable."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis.disorder import on_one_ladder
from qspin.analysis.resampling import bounded_interval, jackknife
from qspin.errors import InputError
from qspin.remarks import Level, Remark, by_level, remarks_of, stored

__all__ = ["Rule", "averaged", "common_ladder", "counted"]

_PARTS = ("_error", "_low", "_high")


class Rule(enum.Enum):
    """What becomes of a variable. Text is always taken from the first instance."""

    MEAN = enum.auto()
    """Mean with its standard error over instances as NAME_error, in the place of those of single instances.
    Where they have a 95 % interval NAME_low to NAME_high, that of a mean that is not negative."""
    LEAST = enum.auto()
    """The smallest of all instances that know it: the worst of what should be large."""
    MOST = enum.auto()
    """The largest of all instances that know it: the worst of what should be small."""
    FIRST = enum.auto()
    """That of the first instance: what all of them share, or an example."""


def averaged(
    results: Sequence[xr.Dataset],
    rules: Mapping[str, Rule] | None = None,
    *,
    skip_unknown: bool = False,
) -> xr.Dataset:
    """Results of one measure over instances.

    Temperatures that were measured or matched become means with ``temperature_error``. Other coordinates may
    differ: values that an instance does not have do not count. Remarks are told once a code, with the number
    of instances.

    Parameters
    ----------
    results : of two instances or more, on ladders with a common range (`on_one_ladder`)
    rules : by name of the variable; default `Rule.MEAN`
    skip_unknown : take means over the instances that know a value, and leave out those of which less was told
        than of others; otherwise a value that one of them does not know is NaN

    Raises
    ------
    InputError
        If there are fewer than two, their ladders have nothing in common, or their shapes differ.
    """
    rules = dict(rules or {})
    if len(results) < 2:
        raise InputError(f"an average over the disorder needs at least two instances; got {len(results)}")
    if skip_unknown:
        results = _telling(results)
    if len(results) < 2:
        return results[0].assign_attrs(_attributes(results))
    group, is_padded = _aligned(common_ladder(results, rules), rules)
    first = group[0]
    skip = is_padded or skip_unknown
    found = xr.Dataset(coords={**first.coords, **_mean_temperatures(group)})
    for name in map(str, first.data_vars):
        if _owner(first, name) is not None:
            continue
        rule = Rule.FIRST if first[name].dtype.kind in "OUST" else rules.get(name, Rule.MEAN)
        found = found.assign(_ruled(group, name, rule, skip))
    return found.assign_attrs(_attributes(results))


def common_ladder(results: Sequence[xr.Dataset], rules: Mapping[str, Rule]) -> list[xr.Dataset]:
    """Results at common temperatures; what is not averaged is taken from the nearest temperature."""
    return on_one_ladder(results, [name for name, rule in rules.items() if rule is not Rule.MEAN])


def _telling(results: Sequence[xr.Dataset]) -> list[xr.Dataset]:
    """Those with as many variables as any."""
    most = max(len(result.data_vars) for result in results)
    return [result for result in results if len(result.data_vars) == most]


def _owner(result: xr.Dataset, name: str) -> str | None:
    """The variable that another one is the error or an end of the interval of."""
    for part in _PARTS:
        if name.endswith(part) and name.removesuffix(part) in result:
            return name.removesuffix(part)
    return None


def _aligned(group: list[xr.Dataset], rules: Mapping[str, Rule]) -> tuple[list[xr.Dataset], bool]:
    """Results over the union of their coordinates but ``beta``, and whether that added any."""
    first = group[0]
    dims = [dim for dim in first.sizes if dim != "beta"]
    if all(result[dim].equals(first[dim]) for dim in dims for result in group[1:]):
        return group, False
    kinds = {str(name): first[name].dtype.kind for name in first.data_vars}
    fill: dict[str, Any] = {name: "" if kind in "OUST" else np.nan for name, kind in kinds.items()}
    fill |= {name: 0 for name, rule in rules.items() if rule is Rule.FIRST and kinds.get(name) == "i"}
    try:
        return list(xr.align(*group, join="outer", exclude={"beta"}, fill_value=fill)), True
    except ValueError as error:
        raise InputError(f"results of these instances do not fit each other: {error}") from error


def _ruled(group: list[xr.Dataset], name: str, rule: Rule, skip: bool) -> dict[str, Any]:
    """One variable, with its error and interval."""
    first = group[0][name]
    if rule is Rule.FIRST:
        return {name: first}
    shapes = {result[name].shape for result in group}
    if len(shapes) > 1:
        raise InputError(f"{name} has shapes {sorted(shapes)}: instances of one shape can be averaged")
    values = np.stack([result[name].values for result in group]).astype(float)
    if rule is not Rule.MEAN:
        return {name: (first.dims, _extreme(values, rule))}
    mean, error = _mean_of_known(values) if skip else jackknife(values)
    found: dict[str, Any] = {name: (first.dims, mean), f"{name}_error": (first.dims, error)}
    if f"{name}_low" in group[0]:
        n = len(values)
        left_out = (n * mean - values) / (n - 1)
        ends = bounded_interval(mean, np.maximum(left_out, 0), np.inf)
        found |= {f"{name}{part}": (first.dims, end) for part, end in zip(_PARTS[1:], ends, strict=True)}
    return found


def _extreme(values: NDArray[np.float64], rule: Rule) -> NDArray[np.float64]:
    """The smallest or largest (...) of values (instance, ...) that are known; NaN where none is."""
    away = np.inf if rule is Rule.LEAST else -np.inf
    worst = np.min if rule is Rule.LEAST else np.max
    unknown = np.isnan(values)
    return np.where(unknown.all(axis=0), np.nan, worst(np.where(unknown, away, values), axis=0))


def _mean_of_known(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard error over the instances that have a value."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known, values, 0).sum(axis=0) / n
        squares = np.where(known, (values - mean) ** 2, 0).sum(axis=0)
        return mean, np.where(n > 1, np.sqrt(squares / (n - 1) / n), np.nan)


def _mean_temperatures(group: list[xr.Dataset]) -> dict[str, Any]:
    """Those of a ladder, or the mean over instances of what a device reached, with its standard error."""
    if "temperature_error" not in group[0].coords:
        return {}
    mean, error = jackknife(np.stack([result["temperature"].values for result in group]))
    return {"temperature": ("beta", mean), "temperature_error": ("beta", error)}


# -- facts and remarks ---------------------------------------------------------------------------


def _attributes(results: Sequence[xr.Dataset]) -> dict[str, Any]:
    attrs = {**results[0].attrs, "n_instances": len(results)}
    if "remarks" in attrs:
        told = [remarks_of(result.attrs) for result in results]
        attrs["remarks"] = stored(counted(told))
    return attrs


def counted(told: Sequence[Sequence[Remark]]) -> list[Remark]:
    """Remarks of instances, each code once, the most serious first.

    Examples
    --------
    >>> one = Remark("few-draws", "two draws a replica are too few to tell")
    >>> [remark.text for remark in counted([[one], []])]
    ['1 of 2 instances; the first: two draws a replica are too few to tell']
    """
    by_code: dict[str, list[tuple[int, Remark]]] = {}
    for k, remarks in enumerate(told):
        for remark in remarks:
            by_code.setdefault(remark.code, []).append((k, remark))
    order = list(Level)
    found = []
    for code, group in by_code.items():
        texts = [remark.text for _, remark in group]
        n = len({k for k, _ in group})
        text = texts[0]
        if n < len(told) or len(set(texts)) > 1:
            text = f"{n} of {len(told)} instances; the first: {text}"
        found.append(Remark(code, text, min((remark.level for _, remark in group), key=order.index)))
    return list(by_level(found))
