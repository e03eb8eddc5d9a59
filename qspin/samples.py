"""SampleSet: labelled configurations with their energies and where they came from."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin import __version__
from qspin.errors import InputError
from qspin.files import atomic_write
from qspin.memory import machine_memory, require_bytes, require_memory
from qspin.problem import IsingProblem, labels_from_json, labels_to_json
from qspin.settings import settings_of
from qspin.spectrum import energy_tolerance, rounding_of
from qspin.validate import checked_spins

if TYPE_CHECKING:
    import dimod

__all__ = [
    "Best",
    "SampleSet",
    "allocate_spins",
    "library_versions",
    "machine_memory",
    "require_bytes",
    "require_memory",
    "run_info",
]

DIMS = ("beta", "replica", "draw", "spin")
_FORMAT = 1
_LIBRARIES = ("qspin", "numpy", "scipy", "numba", "xarray", "dimod")


class Best(NamedTuple):
    """The configuration of lowest energy, copied out of its sample set."""

    spins: NDArray[np.int8]
    energy: float
    beta: float
    replica: int
    draw: int


class SampleSet:
    """Configurations drawn from one problem by one sampler, over one `xarray.Dataset`.

    Dims are ``("beta", "replica", "draw", "spin")``: *replica* counts independent copies, *draw* recorded
    configurations along one copy, which are correlated. Hardware reads are replicas with one draw. The
    coordinate ``beta`` is NaN where the sampler has no thermostat.

    Build one with `from_spins`, `from_dimod` or `load`.
    """

    def __init__(self, dataset: xr.Dataset):
        missing = {"spins", "energies"} - set(dataset.data_vars)
        if missing or dataset["spins"].dims != DIMS or "qspin" not in dataset.attrs:
            raise InputError(
                f"a sample set has variables 'spins' {DIMS} and 'energies' and the attribute 'qspin'; "
                f"got {dict(dataset.sizes)} with {sorted(map(str, dataset.data_vars))}"
            )
        self.dataset = dataset

    @classmethod
    def from_spins(
        cls,
        problem: IsingProblem,
        spins: ArrayLike,
        betas: ArrayLike | None = None,
        info: Mapping[str, Any] | None = None,
        extra: Mapping[str, tuple[str | tuple[str, ...], ArrayLike]] | None = None,
    ) -> SampleSet:
        """Label configurations and compute their energies.

        Parameters
        ----------
        problem : what was sampled
        spins : array (beta, replica, draw, spin) of -1 and +1
        betas : inverse temperatures (n_betas,), units of 1/energy; None: no thermostat, one column of NaN
        info : provenance, from `run_info`; plain JSON values
        extra : further variables of the dataset, name -> (dims, values)

        Raises
        ------
        InputError
            If shapes do not fit the problem or the betas.
        """
        spins = checked_spins(spins, problem.n_spins)
        if spins.ndim != 4:
            raise InputError(f"spins must have dims {DIMS}; got shape {spins.shape}")
        energies = problem.energies(spins)
        about = {"problem": problem.digest, "energy_tolerance": energy_tolerance(problem)}
        return cls._assemble(spins, energies, problem.labels, betas, {**(info or {}), **about}, extra)

    @classmethod
    def _assemble(
        cls,
        spins: NDArray[Any],
        energies: NDArray[np.float64],
        labels: Sequence[Hashable],
        betas: ArrayLike | None,
        info: Mapping[str, Any],
        extra: Mapping[str, tuple[str | tuple[str, ...], ArrayLike]] | None = None,
    ) -> SampleSet:
        ladder = np.array([np.nan]) if betas is None else np.asarray(betas, dtype=np.float64)
        if ladder.shape != spins.shape[:1]:
            raise InputError(
                f"one beta is needed for each of {spins.shape[0]} rows of spins; got shape {ladder.shape}"
            )
        dataset = xr.Dataset(
            {
                "spins": (DIMS, spins.astype(np.int8, copy=False)),
                "energies": (DIMS[:3], energies),
                **(extra or {}),
            },
            coords={"beta": ladder, "spin": _coordinate(labels)},
            attrs={
                "qspin": _FORMAT,
                "labels": labels_to_json(labels),
                "info": json.dumps({"status": "complete", "warnings": [], **info}, sort_keys=True),
            },
        )
        return cls(dataset)

    # -- what it holds ---------------------------------------------------------------------------

    @property
    def spins(self) -> xr.DataArray:
        """int8 (beta, replica, draw, spin)."""
        return self.dataset["spins"]

    @property
    def energies(self) -> xr.DataArray:
        """float64 (beta, replica, draw), units of energy, recomputed from the spins."""
        return self.dataset["energies"]

    @property
    def betas(self) -> NDArray[np.float64]:
        """Inverse temperatures (n_betas,); NaN where the sampler has no thermostat."""
        return self.dataset["beta"].values

    @property
    def temperatures(self) -> NDArray[np.float64]:
        """1 / beta (n_betas,), units of energy; infinite at beta = 0, NaN without a thermostat."""
        with np.errstate(divide="ignore"):
            return 1.0 / self.betas

    @cached_property
    def info(self) -> dict[str, Any]:
        """Backend, settings, seed, problem digest, versions, clocks, status and warnings."""
        return json.loads(self.dataset.attrs["info"])

    @cached_property
    def labels(self) -> Sequence[Hashable]:
        """Names of the spins, as the problem gave them."""
        return labels_from_json(self.dataset.attrs["labels"])

    @cached_property
    def energy_tolerance(self) -> float:
        """Energies no further apart than this are equal, units of energy.

        By the rounding of the problem's energies (`qspin.spectrum`); where no problem was given, of these.
        """
        stored = self.info.get("energy_tolerance")
        return rounding_of(self.energies.values, self.n_spins) if stored is None else float(stored)

    @property
    def has_averages(self) -> bool:
        """Whether averages over draws were taken while sampling, and of the draws only the last ones kept."""
        return "overlap_moments" in self.dataset

    @property
    def n_spins(self) -> int:
        return self.dataset.sizes["spin"]

    @property
    def best(self) -> Best:
        """The configuration of lowest energy.

        Raises
        ------
        InputError
            If the set is empty.
        """
        energies = self.energies.values
        if not energies.size:
            raise InputError("an empty sample set has no best configuration")
        b, r, d = (int(k) for k in np.unravel_index(np.argmin(energies), energies.shape))
        return Best(self.spins.values[b, r, d].copy(), float(energies[b, r, d]), float(self.betas[b]), r, d)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim} {size}" for dim, size in self.spins.sizes.items())
        source = self.info.get("backend", "unknown backend")
        return f"SampleSet({sizes}; {source}, {self.info['status']})"

    def _repr_html_(self) -> str:
        return self.dataset._repr_html_()

    # -- files and dimod -------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write NetCDF (HDF5), spins compressed; whole or not at all.

        Raises
        ------
        RunError
            If the file cannot be written.
        """
        # through memory: the HDF5 library does not survive a disk that fills up under it
        compressed = {"spins": {"zlib": True, "complevel": 1}}
        atomic_write(path, self.dataset.to_netcdf(engine="h5netcdf", encoding=compressed))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SampleSet:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If there is no such file or it is not a sample set.
        """
        if not Path(path).is_file():
            raise InputError(f"no sample file at {path}")
        try:
            with xr.open_dataset(path, engine="h5netcdf") as stored:
                return cls(stored.load())
        except InputError:
            raise
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path} is not a readable NetCDF sample set: {error}") from error

    @classmethod
    def from_dimod(
        cls,
        sampleset: dimod.SampleSet,
        problem: IsingProblem | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> SampleSet:
        """From a dimod sample set: every read is a replica with one draw and no known temperature.

        Rows written by `to_dimod` return to their (beta, replica, draw). Reads with ``num_occurrences`` above
        one are repeated.

        Parameters
        ----------
        sampleset : of either vartype
        problem : what was sampled; energies are recomputed from it, and the spins take its order. Without
            it the energies are those that the sample set reports, and a warning in `info` says so.
        info : provenance, from `run_info`
        """
        spin_set = sampleset.change_vartype("SPIN", inplace=False)
        labels = list(spin_set.variables) if problem is None else list(problem.labels)
        if set(labels) != set(spin_set.variables):
            raise InputError(
                f"the sample set names other variables than the problem: {len(spin_set.variables)} against "
                f"{len(labels)}; pass the problem that was sampled"
            )
        position = {label: k for k, label in enumerate(spin_set.variables)}
        columns = [position[label] for label in labels]
        record = spin_set.record
        repeats = np.asarray(record.num_occurrences)
        spins = np.repeat(record.sample[:, columns], repeats, axis=0)
        energies = np.repeat(record.energy.astype(np.float64), repeats)
        betas, shape, order = _grid(record, repeats)
        spins = spins[order].reshape(*shape, len(labels))
        if problem is not None:
            return cls.from_spins(problem, spins, betas, info)
        provenance = dict(info or {})
        provenance["warnings"] = [
            *provenance.get("warnings", []),
            "energies are those reported by the dimod sample set, not recomputed: no problem was given",
        ]
        return cls._assemble(
            spins, energies[order].reshape(shape), _plain(labels), betas, {**provenance, "problem": None}
        )

    def to_dimod(self) -> dimod.SampleSet:
        """All configurations, vartype SPIN; beta, its index, replica and draw are vectors."""
        import dimod

        shape = self.energies.shape
        row, replica, draw = (axis.ravel() for axis in np.indices(shape))
        return dimod.SampleSet.from_samples(
            (self.spins.values.reshape(self.energies.size, self.n_spins), list(self.labels)),
            vartype=dimod.SPIN,
            energy=self.energies.values.ravel(),
            info=self.info,
            sort_labels=False,
            beta=self.betas[row],
            beta_index=row,
            replica=replica,
            draw=draw,
        )


def run_info(
    sampler: object,
    seed: int,
    *,
    clocks: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
    status: str = "complete",
    **facts: Any,
) -> dict[str, Any]:
    """Provenance of one `sample` call as JSON values.

    Parameters
    ----------
    sampler : its settings are recorded, and its class attribute `name` (or its class name) as the backend
    seed : the seed that was used
    clocks : seconds spent, kept apart: compile, prepare, queue, device, sample
    warnings : what a reader of the samples must know
    status : ``complete`` or ``interrupted``
    facts : whatever else the backend wants to record
    """
    return {
        "backend": getattr(type(sampler), "name", type(sampler).__name__),
        "settings": settings_of(sampler),
        "seed": seed,
        "versions": library_versions(),
        "clocks": {name: round(float(seconds), 6) for name, seconds in (clocks or {}).items()},
        "status": status,
        "warnings": list(warnings),
        **facts,
    }


def library_versions(names: Sequence[str] = _LIBRARIES) -> dict[str, str]:
    """Versions by distribution name, of qspin the one that runs; what is not installed is left out."""
    return {name: version for name in names if (version := _version(name)) is not None}


@functools.cache
def _version(name: str) -> str | None:
    if name == "qspin":  # installed as qspin-framework, or not at all
        return __version__
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def allocate_spins(n_betas: int, n_replicas: int, n_draws: int, n_spins: int) -> NDArray[np.int8]:
    """An int8 array (beta, replica, draw, spin) to be filled; raises as `require_memory`."""
    require_memory(n_betas, n_replicas, n_draws, n_spins)
    return np.empty((n_betas, n_replicas, n_draws, n_spins), dtype=np.int8)


def _coordinate(labels: Sequence[Hashable]) -> NDArray[Any]:
    """Labels as an index that NetCDF can hold: integers and strings as they are, the rest by repr."""
    if isinstance(labels, range) or all(type(label) is int for label in labels):
        return np.asarray(labels, dtype=np.int64)
    return np.array([label if isinstance(label, str) else repr(label) for label in labels], dtype=object)


def _plain(labels: list[Hashable]) -> Sequence[Hashable]:
    return range(len(labels)) if labels == list(range(len(labels))) else tuple(labels)


def _grid(
    record: np.recarray, repeats: NDArray[np.integer]
) -> tuple[NDArray[np.float64] | None, tuple[int, int, int], NDArray[np.intp] | slice]:
    """Betas, shape (beta, replica, draw) and row order of a record; reads as replicas unless it was ours."""
    n_rows = int(repeats.sum())
    reads = None, (1, n_rows, 1), slice(None)
    axes = ("beta_index", "replica", "draw")
    if not {"beta", *axes} <= set(record.dtype.names or ()) or (repeats != 1).any():
        return reads
    places = np.stack([record[axis] for axis in axes])
    n_betas, n_replicas, n_draws = (int(n) for n in places.max(axis=1, initial=-1) + 1)
    shape = n_betas, n_replicas, n_draws
    order = np.lexsort(places[::-1])
    expected = np.stack(np.unravel_index(np.arange(n_rows), shape)) if np.prod(shape) == n_rows else None
    if expected is None or not np.array_equal(places[:, order], expected):
        return reads
    return record.beta[order].reshape(shape)[:, 0, 0], shape, order
