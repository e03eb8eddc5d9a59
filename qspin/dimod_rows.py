"""Rows of a dimod sample set: how often each was read, and where one of ours belongs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError
from qspin.memory import require_memory
from qspin.remarks import Level, Remark
from qspin.validate import checked_array

if TYPE_CHECKING:
    import dimod

    from qspin.problem import IsingProblem
    from qspin.samples import SampleSet

__all__ = ["dimod_of", "on_reported", "rows_of"]

_SINGLE = 1e-5  # share of all terms that a sampler in single precision may be wrong by


class Rows(NamedTuple):
    """Labels in the order of the spins, spins (beta, replica, draw, spin), energies (beta, replica, draw) as
    they were reported, betas (n_betas,), None where they are not known, and what is to be said of them."""

    labels: list[Hashable]
    spins: NDArray[np.int8]
    energies: NDArray[np.float64]
    betas: NDArray[np.float64] | None
    remarks: list[Remark]


def rows_of(sampleset: dimod.SampleSet, labels: Sequence[Hashable] | None) -> Rows:
    """Rows of a dimod sample set, repeated as often as they were read, each in its place.

    Parameters
    ----------
    labels : of the spins, in the order that is wanted; None: as the sample set has them

    Raises
    ------
    InputError
        If it is no dimod sample set of spins or bits, or has other variables.
    CapacityError
        If its repeated reads would not fit in memory.
    """
    repeats = _checked_reads(sampleset)
    spin_set = sampleset.change_vartype("SPIN", inplace=False)
    labels = list(spin_set.variables) if labels is None else list(labels)
    if set(labels) != set(spin_set.variables):
        raise InputError(
            f"the sample set names other variables than the problem: {len(spin_set.variables)} against "
            f"{len(labels)}; pass the problem that was sampled"
        )
    position = {label: k for k, label in enumerate(spin_set.variables)}
    record = spin_set.record
    spins = np.repeat(record.sample[:, [position[label] for label in labels]], repeats, axis=0)
    energies = np.repeat(record.energy.astype(np.float64), repeats)
    betas, shape, order = _grid_of(record, repeats)
    remarks = _on_lost_betas(record) if betas is None else []
    in_place = spins[order].reshape(*shape, len(labels)), energies[order].reshape(shape)
    return Rows(labels, *in_place, betas, remarks)


def _checked_reads(sampleset: dimod.SampleSet) -> NDArray[np.int64]:
    """How often each row of a dimod sample set was read."""
    import dimod

    if not isinstance(sampleset, dimod.SampleSet) or sampleset.vartype not in (dimod.SPIN, dimod.BINARY):
        came = getattr(sampleset, "vartype", None)
        raise InputError(
            "expected a dimod.SampleSet of spins or bits; got "
            + (f"a {type(sampleset).__name__}" if came is None else f"vartype {came}")
        )
    repeats = checked_array(sampleset.record.num_occurrences, "num_occurrences")
    if repeats.dtype.kind not in "iu" or (repeats.size and repeats.min() < 0):
        raise InputError("num_occurrences must be numbers of reads, integers from 0")
    require_memory(1, int(sum(repeats.tolist())), 1, max(len(sampleset.variables), 8))
    return repeats.astype(np.int64)


def _grid_of(
    record: np.recarray, repeats: NDArray[np.integer]
) -> tuple[NDArray[np.float64] | None, tuple[int, int, int], NDArray[np.intp] | slice]:
    """Betas, shape (beta, replica, draw) and row order of a record; reads as replicas unless it was ours."""
    n_rows = int(repeats.sum())
    reads = None, (1, n_rows, 1), slice(None)
    axes = ("beta_index", "replica", "draw")
    if not n_rows or not {"beta", *axes} <= set(record.dtype.names or ()) or (repeats != 1).any():
        return reads
    places = np.stack([record[axis] for axis in axes])
    n_betas, n_replicas, n_draws = (int(n) for n in places.max(axis=1, initial=-1) + 1)
    shape = n_betas, n_replicas, n_draws
    order = np.lexsort(places[::-1])
    expected = np.stack(np.unravel_index(np.arange(n_rows), shape)) if np.prod(shape) == n_rows else None
    if expected is None or not np.array_equal(places[:, order], expected):
        return reads
    by_row = record.beta[order].reshape(n_betas, -1)
    if not np.array_equal(by_row, np.broadcast_to(by_row[:, :1], by_row.shape), equal_nan=True):
        return reads
    return by_row[:, 0], shape, order


def _on_lost_betas(record: np.recarray) -> list[Remark]:
    """What to say of rows that state inverse temperatures and were taken as reads without any."""
    if "beta" not in (record.dtype.names or ()) or record.beta.dtype.kind not in "iuf":
        return []
    stated = record.beta[np.isfinite(record.beta)]
    if not stated.size:
        return []
    text = (
        f"rows state inverse temperatures in the vector beta, {stated.min():.6g} to {stated.max():.6g}, "
        "which are dropped: rows are reads without a temperature unless they are those of to_dimod, one for "
        "each beta_index, replica and draw, with one beta for each beta_index. Choose samples before "
        "to_dimod, or give betas to SampleSet.from_spins"
    )
    return [Remark("betas-dropped", text)]


def dimod_of(samples: SampleSet) -> dimod.SampleSet:
    """All configurations as a dimod sample set, with the vectors from which `rows_of` puts them back."""
    import dimod

    spins, energies, betas = samples.arrays
    row, replica, draw = (axis.ravel() for axis in np.indices(energies.shape))
    return dimod.SampleSet.from_samples(
        (spins.reshape(energies.size, samples.n_spins), list(samples.labels)),
        vartype=dimod.SPIN,
        energy=energies.ravel(),
        info=samples.info,
        sort_labels=False,
        beta=betas[row],
        beta_index=row,
        replica=replica,
        draw=draw,
    )


def on_reported(
    reported: NDArray[np.float64], own: NDArray[np.float64], problem: IsingProblem
) -> list[Remark]:
    """What to say of a sampler that believes in other energies than those of its spins, `own`."""
    terms = np.abs(problem.edges.couplings).sum() + np.abs(problem.fields).sum() + abs(problem.offset)
    wrong = ~(np.abs(reported - own) <= _SINGLE * terms)  # also NaN
    if not wrong.any():
        return []
    k = tuple(np.argwhere(wrong)[0])
    text = (
        f"{int(wrong.sum())} of {wrong.size} energies that the sampler reported are not those of its spins, "
        f"the first {reported[k]:.6g} instead of {own[k]:.6g}: does it see another "
        "problem, or another sign? Those of the spins are kept"
    )
    return [Remark("reported-energies", text, Level.SERIOUS)]
