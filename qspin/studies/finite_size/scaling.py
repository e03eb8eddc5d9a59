"""Curves of one quantity at several sizes, with what their crossings need: resampled averages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qspin.analysis import bootstrap, crossings
from qspin.analysis.disorder import on_one_ladder
from qspin.analysis.finite_size import Crossing
from qspin.analysis.overlap import binder_ratio
from qspin.errors import InputError

__all__ = ["BINDER", "LENGTH", "Quantity", "Scaling", "crossings_of", "scaled"]

_Array = NDArray[np.float64]
_RESAMPLED = 500  # of a size with one instance
_FEWEST = 3  # temperatures, between which curves may cross


class Quantity(NamedTuple):
    """What is scaled.

    Parameters
    ----------
    name : of its variable
    heading : for people, plural
    measure : that holds it
    moments : variables that are averaged over instances
    of_averages : from these averages (moment, temperature) and the size
    """

    name: str
    heading: str
    measure: str
    moments: tuple[str, ...]
    of_averages: Callable[[_Array, int], _Array]

    @property
    def title(self) -> str:
        """The heading at the beginning of a sentence."""
        return self.heading[0].upper() + self.heading[1:]


def _length(averages: _Array, size: int) -> _Array:
    """xi / L from averages of the susceptibilities at zero and at the smallest momentum."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(averages[1] > 0, averages[0] / averages[1] - 1, np.nan)
    return np.sqrt(np.maximum(ratio, 0)) / (2 * np.sin(np.pi / size)) / size


BINDER = Quantity(
    "binder", "Binder ratios", "overlap_curve", ("q2", "q4"), lambda averages, size: binder_ratio(*averages)
)
LENGTH = Quantity("xi_over_l", "correlation lengths over L", "correlation_length", ("chi0", "chik"), _length)


class Scaling(NamedTuple):
    """A quantity of one model with one backend at several sizes.

    Parameters
    ----------
    where : values of other axes, in words
    temperatures : of all sizes, (n,)
    curves, errors : size -> values (n,)
    resampled : size -> values (n_resamples, n), over instances, or within the errors where there is one
    n_instances, n_spins : by size
    """

    family: str
    backend: str
    where: str
    quantity: Quantity
    temperatures: _Array
    curves: dict[int, _Array]
    errors: dict[int, _Array]
    resampled: dict[int, _Array]
    n_instances: dict[int, int]
    n_spins: dict[int, int]

    @property
    def label(self) -> str:
        return ", ".join(filter(None, [self.family, self.backend, self.where]))

    def dataset(self) -> xr.Dataset:
        """Over ``size`` and ``temperature``."""
        sizes = sorted(self.curves)
        name = self.quantity.name
        return xr.Dataset(
            {
                name: (("size", "temperature"), np.stack([self.curves[size] for size in sizes])),
                f"{name}_error": (("size", "temperature"), np.stack([self.errors[size] for size in sizes])),
                "n_instances": ("size", [self.n_instances[size] for size in sizes]),
                "n_spins": ("size", [self.n_spins[size] for size in sizes]),
            },
            coords={"size": sizes, "temperature": self.temperatures},
            attrs={"family": self.family, "backend": self.backend, "where": self.where},
        )


def scaled(
    family: str, backend: str, where: str, quantity: Quantity, by_size: Mapping[int, Sequence[xr.Dataset]]
) -> Scaling:
    """Averages over instances at common temperatures.

    Parameters
    ----------
    by_size : size -> results of the measure of the quantity, one an instance

    Raises
    ------
    InputError
        If there are fewer than two sizes, or they have no temperatures in common.
    """
    if len(by_size) < 2:
        raise InputError(
            f"sizes that could be measured: {', '.join(map(str, by_size)) or 'none'}; two are needed"
        )
    everything = on_one_ladder([result for group in by_size.values() for result in group])
    rest = iter(everything)
    curves, errors, resampled = {}, {}, {}
    for size, group in by_size.items():
        own = [next(rest) for _ in group]
        curves[size], errors[size], resampled[size] = _average(own, quantity, size)
    return Scaling(
        family, backend, where, quantity, everything[0]["temperature"].values, curves, errors, resampled,
        {size: len(group) for size, group in by_size.items()},
        {size: int(group[0].attrs["n_spins"]) for size, group in by_size.items()},
    )  # fmt: skip


def _average(group: Sequence[xr.Dataset], quantity: Quantity, size: int) -> tuple[_Array, _Array, _Array]:
    """Value, error and resampled values: by bootstrap over instances; of one, within its error."""
    if len(group) > 1:
        moments = np.stack([[result[name].values for name in quantity.moments] for result in group])
        return bootstrap(moments, lambda sample: quantity.of_averages(sample.mean(axis=0), size))
    (only,) = group
    value, error = only[quantity.name].values, only[f"{quantity.name}_error"].values
    noise = np.random.default_rng(size).normal(size=(_RESAMPLED, len(value)))
    return value, error, value + np.nan_to_num(error) * noise


def crossings_of(scaling: Scaling) -> Iterator[tuple[Crossing, bool]]:
    """Crossings of neighbouring sizes and of the widest pair, which crosses at the steepest angle; and
    whether it is the widest. None where there are too few temperatures.
    """
    if len(scaling.temperatures) < _FEWEST:
        return
    arguments = scaling.temperatures, scaling.curves, scaling.resampled
    ends = (min(scaling.curves), max(scaling.curves))
    for found in crossings(*arguments):
        yield found, found.sizes == ends
    if len(scaling.curves) > 2:
        curves, resampled = ({k: own[k] for k in ends} for own in arguments[1:])
        yield crossings(scaling.temperatures, curves, resampled)[0], True
