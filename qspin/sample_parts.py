"""What a sample set is made of before anybody asks for it with labels.

A labelled dataset takes longer to put together than a small problem to sample, and many callers, such as a
training that samples at every step, only look at the arrays.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.labelled import index_of, variable_of
from qspin.labels import coordinate_of, labels_to_json
from qspin.sealed import FORMAT
from qspin.validate import checked_array, locked

__all__ = ["DIMS", "Arrays", "Best", "Extra", "Parts", "checked_betas"]

DIMS = ("beta", "replica", "draw", "spin")

_OWN = ("spins", "energies", "beta", "spin")  # names of the variables of every sample set

Extra = Mapping[str, tuple[str | tuple[str, ...], ArrayLike]]
"""Further variables of a dataset: name -> (dims, values)."""


class Arrays(NamedTuple):
    """Samples without labels, read-only.

    Parameters
    ----------
    spins : int8 (n_betas, n_replicas, n_draws, n_spins)
    energies : float64 (n_betas, n_replicas, n_draws), units of energy
    betas : float64 (n_betas,), inverse temperatures, units of 1/energy; NaN without a thermostat
    """

    spins: NDArray[np.int8]
    energies: NDArray[np.float64]
    betas: NDArray[np.float64]


class Best(NamedTuple):
    """The configuration of lowest energy, copied out of its sample set."""

    spins: NDArray[np.int8]
    energy: float
    beta: float
    replica: int
    draw: int


@dataclass(frozen=True, eq=False)
class Parts:
    """Arrays, labels, provenance as JSON text, and further variables."""

    arrays: Arrays
    labels: Sequence[Hashable]
    info: str
    extra: Extra

    @classmethod
    def of(
        cls,
        spins: NDArray[Any],
        energies: NDArray[np.float64],
        labels: Sequence[Hashable],
        betas: ArrayLike | None,
        info: str,
        extra: Extra,
        *,
        handed_over: bool,
    ) -> Parts:
        """Of spins and energies that were checked; arrays are copied unless they are `handed_over`.

        Raises
        ------
        InputError
            If betas are not one for each row of spins, or none that samples can have, or a further variable
            takes the name of one that every sample set has.
        """
        if taken := sorted(set(_OWN) & set(extra)):
            raise InputError(
                f"extra variables need names of their own; {taken[0]!r} is one that every sample set has"
            )
        ladder = np.array([np.nan]) if betas is None else checked_betas(betas)
        if ladder.shape != spins.shape[:1]:
            raise InputError(
                f"one beta is needed for each of {spins.shape[0]} rows of spins; got shape {ladder.shape}"
            )
        spins = spins.astype(np.int8, copy=not handed_over)
        arrays = Arrays(locked(spins.view()), locked(energies.view()), locked(ladder))
        return cls(arrays, labels, info, extra if handed_over else _copied(extra))

    @property
    def is_plain(self) -> bool:
        """Whether further variables are certain to fit, so that a dataset can be made of it at any time."""
        sizes = dict(zip(DIMS, self.arrays.spins.shape, strict=True))
        for given in self.extra.values():
            if len(given) != 2 or not _is_numbers(given[1]):
                return False
            dims, shape = (given[0],) if isinstance(given[0], str) else given[0], np.shape(given[1])
            if len(dims) != len(shape) or len(set(dims)) < len(dims):
                return False
            if any(sizes.setdefault(dim, size) != size for dim, size in zip(dims, shape, strict=True)):
                return False
        return sizes.keys().isdisjoint(self.extra)

    def dataset(self) -> xr.Dataset:
        """With labels, over the same arrays. Raises InputError if further variables do not fit."""
        spins, energies, betas = self.arrays
        variables = {"spins": variable_of(DIMS, spins), "energies": variable_of(DIMS[:3], energies)}
        coords = {"beta": index_of("beta", betas), "spin": index_of("spin", coordinate_of(self.labels))}
        attributes = {"qspin": FORMAT, "labels": labels_to_json(self.labels), "info": self.info}
        try:  # all at once: every later assignment merges everything anew
            further = {name: variable_of(*given) for name, given in self.extra.items()}
            return xr.Dataset(variables | further, coords, attributes)
        except (ValueError, TypeError) as error:
            raise InputError(f"extra variables do not fit the samples: {error}") from error


def checked_betas(betas: ArrayLike) -> NDArray[np.float64]:
    """Inverse temperatures of the rows of a sample set, in any order, a copy; NaN without a thermostat.

    Raises
    ------
    InputError
        If one is negative or infinite.
    """
    given = checked_array(betas, "betas").astype(np.float64)
    wrong = given[(given < 0) | np.isinf(given)]
    if not wrong.size:
        return given
    if np.isinf(wrong[0]):
        hint = "of configurations of lowest energy, or of no temperature, it is nan"
    else:
        hint = "samples of exp(+|beta| E) are those of problem.scaled(-1.0) at |beta|"
    raise InputError(f"betas must be finite and not negative, or nan; got {wrong[0]:g}: {hint}")


def _is_numbers(values: Any) -> bool:
    return type(values) is np.ndarray and values.dtype.kind in "biuf"


def _copied(extra: Extra) -> Extra:
    """With arrays of its own, where they are arrays."""
    return {
        name: (given[0], np.array(given[1])) if len(given) == 2 and _is_numbers(given[1]) else given
        for name, given in extra.items()
    }
