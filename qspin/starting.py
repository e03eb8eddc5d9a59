"""Configurations that a sampler starts from: one for all, one a replica, or one a replica at every beta."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.errors import InputError
from qspin.labels import in_order, order_of, places_of
from qspin.problem import IsingProblem
from qspin.samples import Best, SampleSet
from qspin.validate import checked_array, checked_spins

__all__ = ["STARTING", "Initial", "initial_digest", "initial_spins", "refuse_initial"]

Initial = SampleSet | Best | xr.DataArray | Mapping[Hashable, int] | ArrayLike
"""What `initial` of a sampler may be, see `initial_spins`."""

STARTING = ("annealer", "ocean", "tempering")
"""Backends that can start from configurations, for messages."""

_AXES = ("beta", "replica", "spin")


def initial_spins(
    problem: IsingProblem,
    initial: Initial,
    *,
    n_replicas: int,
    n_betas: int | None = 1,
    betas: Sequence[float] | None = None,
) -> NDArray[np.int8]:
    """Configurations to start from, for every beta and replica.

    Parameters
    ----------
    initial : array (N,), (replica, N) or (beta, replica, N) in the order of the spins, where one beta or one
        replica is that of all; a mapping from labels to spins; an `xarray.DataArray` over ``spin`` and
        perhaps ``replica``, ``beta`` and ``draw``; the `best` of samples, in the order of the spins; or a
        `SampleSet`. What has labels takes the order of the problem, and of draws the last one counts. Of a
        `SampleSet` all betas are taken where they are those of the ladder, else the coldest for all of them,
        and without any temperature the lowest configuration of each replica; its replicas in turn where they
        are fewer than `n_replicas`, and the first ones where they are more
    n_betas : of the ladder; 1 where a walker starts once, None before a ladder is found
    betas : of the ladder, units of 1/energy; None: not known, and samples match by their number of betas

    Returns
    -------
    int8 (n_betas, n_replicas, N), one beta where the ladder is still to be found

    Raises
    ------
    InputError
        If its shape or labels are not those of the problem, or a value is neither -1 nor +1.

    Examples
    --------
    >>> pair = IsingProblem([[0, -1], [-1, 0]], labels="ab")
    >>> initial_spins(pair, {"b": -1, "a": 1}, n_replicas=2).tolist()
    [[[1, -1], [1, -1]]]
    """
    try:
        if isinstance(initial, SampleSet):
            taken = _of_samples(initial, n_replicas, n_betas, betas)
            given = _ordered(taken, initial.labels, problem)
        else:
            given = _in_order(problem, initial)
        spins = checked_spins(given, problem.n_spins)
    except InputError as error:
        raise InputError(f"initial: {error}") from None
    shape = (1,) * (3 - spins.ndim) + spins.shape
    wanted = (n_betas or 1, n_replicas, problem.n_spins)
    if len(shape) > 3 or any(have not in (1, want) for have, want in zip(shape[:2], wanted[:2], strict=True)):
        several = f", or shape {wanted} for every beta" if wanted[0] > 1 else ""
        none = "; a ladder that is found (betas: auto) has none for every beta" if n_betas is None else ""
        raise InputError(
            f"initial has shape {spins.shape}; expected one configuration of {problem.n_spins} spins, or "
            f"shape {wanted[1:]} for every replica{several}{none}. Of samples, "
            "samples.spins[-1, 0, -1] is one"
        )
    return np.ascontiguousarray(np.broadcast_to(spins.reshape(shape), wanted), dtype=np.int8)


def initial_digest(spins: NDArray[np.int8]) -> str:
    """SHA-256 of configurations to start from (n_betas, n_replicas, N), hex; equal ones have one."""
    same = [(spins == spins[:1]).all(), (spins == spins[:, :1]).all()]
    one = spins[: 1 if same[0] else None, : 1 if same[1] else None]
    sha = hashlib.sha256(f"initial {one.shape} ".encode())
    sha.update(np.packbits(one > 0).tobytes())
    return sha.hexdigest()


def refuse_initial(name: str, initial: Initial | None, why: str) -> None:
    """For a sampler that cannot start from configurations.

    Parameters
    ----------
    name : of the backend
    why : it cannot, as the end of a sentence

    Raises
    ------
    InputError
        If any are given.
    """
    if initial is not None:
        raise InputError(
            f"backend {name!r} takes no initial: {why}. {', '.join(STARTING)} can start from configurations; "
            "leave initial out, or take one of them"
        )


def _in_order(problem: IsingProblem, initial: Any) -> NDArray[Any]:
    """As an array whose last axis is in the order of the spins."""
    if isinstance(initial, Best):
        return initial.spins
    if isinstance(initial, xr.DataArray):
        return _of_labelled(problem, initial)
    if isinstance(initial, Mapping):
        places_of(initial, problem, what="initial")
        return np.array(in_order(initial, problem, setting="initial", what="spin"))
    array = checked_array(initial, "spins")
    if array.dtype.kind == "b":
        raise InputError("spins must be -1 or +1; got truth values; binary values x become spins by 2 x - 1")
    return array


def _of_samples(
    samples: SampleSet, n_replicas: int, n_betas: int | None, betas: Sequence[float] | None
) -> NDArray[Any]:
    """Those for a sampler, (1 or n_betas, n_replicas, N), in the order of the samples."""
    if not samples.energies.size:
        raise InputError("an empty sample set holds no configuration")
    spins, energies, own = samples.spins.values, samples.energies.values, samples.betas
    if np.isnan(own).all():
        by_replica = energies.swapaxes(0, 1).reshape(energies.shape[1], -1)
        row, draw = np.unravel_index(by_replica.argmin(axis=1), (energies.shape[0], energies.shape[2]))
        taken = spins[row, np.arange(len(row)), draw][None]
    elif len(own) == n_betas and (betas is None or np.allclose(own, betas)):
        taken = spins[:, :, -1]
    else:
        taken = spins[[np.nanargmax(own)], :, -1]
    return taken[:, np.arange(n_replicas) % taken.shape[1]]


def _of_labelled(problem: IsingProblem, given: xr.DataArray) -> NDArray[Any]:
    unknown = set(given.dims) - {*_AXES, "draw"}
    if "spin" not in given.dims or unknown:
        raise InputError(
            f"an array with labels has the dimension spin, and may have replica, beta and draw; got "
            f"{tuple(map(str, given.dims))}"
        )
    if "draw" in given.dims:
        given = given.isel(draw=-1)
    axes = [axis for axis in _AXES if axis in given.dims]
    if axes[:1] == ["beta"] and "replica" not in axes:
        given, axes = given.expand_dims("replica"), list(_AXES)
    values = given.transpose(*axes).values
    if "spin" not in given.coords:
        return values
    return _ordered(values, given["spin"].values.tolist(), problem)


def _ordered(values: NDArray[Any], labels: Sequence[Any], problem: IsingProblem) -> NDArray[Any]:
    if list(labels) == list(problem.labels):
        return values
    return values[..., order_of(labels, problem, setting="its labels")]
