"""SampleSet: labelled configurations with their energies and where they came from."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from qspin.archives import parse_json
from qspin.clamping import Clamping
from qspin.dimod_rows import dimod_of, on_reported, rows_of
from qspin.errors import CapacityError, InputError
from qspin.files import atomic_write
from qspin.labels import labels_from_json
from qspin.problem import IsingProblem
from qspin.provenance import checked_info
from qspin.remarks import Remark, remarks_from
from qspin.sample_files import (
    check_content,
    check_energies,
    content_of,
    of_this_version,
    read_only,
    require_file,
)
from qspin.sample_parts import DIMS, Arrays, Best, Extra, Parts
from qspin.sealed import read_sealed
from qspin.spectrum import energy_tolerance, rounding_of
from qspin.validate import checked_labels, checked_spins

if TYPE_CHECKING:
    import dimod

__all__ = ["DIMS", "Arrays", "Best", "SampleSet"]


class SampleSet:
    """Configurations drawn from one problem by one sampler, over one `xarray.Dataset`.

    Dims are ``("beta", "replica", "draw", "spin")``: *replica* counts independent copies, *draw* recorded
    configurations along one copy, which are correlated. Hardware reads are replicas with one draw. The
    coordinate ``beta`` is NaN where the sampler has no thermostat.

    Build one with `from_spins`, `from_dimod` or `load`. It never changes: what is handed out are copies over
    arrays that cannot be written to, and of a `dataset` that was edited ``SampleSet(dataset)`` makes another.

    Parameters
    ----------
    dataset : as `dataset` of another gives it
    handed_over : as of `from_spins`

    Raises
    ------
    InputError
        If it is no dataset that `from_spins` could have made.
    """

    _parts: Parts | None = None

    def __init__(self, dataset: xr.Dataset, *, handed_over: bool = False):
        self._labelled = read_only(dataset, handed_over=handed_over)
        check_content(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """By its dataset: arrays come out of a pickle writable."""
        return partial(type(self), handed_over=True), (self._labelled,)

    @classmethod
    def from_spins(
        cls,
        problem: IsingProblem,
        spins: ArrayLike,
        betas: ArrayLike | None = None,
        info: Mapping[str, Any] | None = None,
        extra: Extra | None = None,
        *,
        handed_over: bool = False,
    ) -> SampleSet:
        """Label configurations and compute their energies.

        Parameters
        ----------
        problem : what was sampled
        spins : array (beta, replica, draw, spin) of -1 and +1
        betas : inverse temperatures (n_betas,), units of 1/energy: from 0, finite, in any order, and NaN for
            rows without a thermostat; None: one such row
        info : provenance, from `run_info`; plain JSON values
        extra : further variables of the dataset, name -> (dims, values); files hold numbers and text
        handed_over : whether arrays are left to the sample set, which then takes them as they are; they are
            copied otherwise, since whoever gave them may go on writing to them

        Raises
        ------
        InputError
            If shapes do not fit the problem or the betas, betas are none that samples can have, or `info` or
            `extra` cannot be stored.
        """
        _require_problem(problem)
        checked_info(info)
        spins = checked_spins(spins, problem.n_spins)
        if spins.ndim != 4:
            raise InputError(f"spins must have dims {DIMS}; got shape {spins.shape}")
        energies = problem.energies(spins)
        provenance = {
            **(info or {}),
            "problem": problem.digest,
            "energy_tolerance": energy_tolerance(problem),
        }
        return cls._assemble(
            spins, energies, problem.labels, betas, provenance, extra, handed_over=handed_over
        )

    @classmethod
    def _assemble(
        cls,
        spins: NDArray[Any],
        energies: NDArray[np.float64],
        labels: Sequence[Hashable],
        betas: ArrayLike | None,
        info: Mapping[str, Any],
        extra: Extra | None = None,
        *,
        handed_over: bool,
    ) -> SampleSet:
        text = json.dumps({"status": "complete", "remarks": [], **info}, sort_keys=True)
        parts = Parts.of(spins, energies, labels, betas, text, extra or {}, handed_over=handed_over)
        if not parts.is_plain:
            return cls(parts.dataset(), handed_over=handed_over)
        samples = object.__new__(cls)
        samples._parts = parts
        return samples

    # -- what it holds ---------------------------------------------------------------------------

    @cached_property
    def _labelled(self) -> xr.Dataset:
        """Everything, with labels; put together when it is first asked for, and never handed out."""
        assert self._parts is not None  # whoever gave a dataset has it here
        return self._parts.dataset()

    @property
    def dataset(self) -> xr.Dataset:
        """Everything, with labels: a copy over the same arrays, which may be edited and stays apart."""
        return self._labelled.copy(deep=False)

    @property
    def arrays(self) -> Arrays:
        """Spins, energies and betas as plain read-only arrays, without the time that labels take."""
        if (parts := self._parts) is not None:
            return parts.arrays
        spins, energies, betas = (self._labelled[name].values for name in ("spins", "energies", "beta"))
        return Arrays(spins, energies, betas)

    @property
    def is_as_made(self) -> bool:
        """Whether they came as plain arrays: energies are those that were computed from the spins."""
        return self._parts is not None

    @property
    def spins(self) -> xr.DataArray:
        """int8 (beta, replica, draw, spin)."""
        return self._labelled["spins"].copy(deep=False)

    @property
    def energies(self) -> xr.DataArray:
        """float64 (beta, replica, draw), units of energy, recomputed from the spins."""
        return self._labelled["energies"].copy(deep=False)

    @property
    def betas(self) -> NDArray[np.float64]:
        """Inverse temperatures (n_betas,); NaN where the sampler has no thermostat."""
        return self.arrays.betas

    @property
    def temperatures(self) -> NDArray[np.float64]:
        """1 / beta (n_betas,), units of energy; infinite at beta = 0, NaN without a thermostat."""
        with np.errstate(divide="ignore"):
            return 1.0 / self.betas

    @property
    def info(self) -> dict[str, Any]:
        """Backend, settings, seed, problem digest, versions, clocks, status and remarks; a copy."""
        parts = self._parts
        info = parse_json(str(self._labelled.attrs.get("info")) if parts is None else parts.info)
        if not isinstance(info, dict):
            raise InputError("the info of a sample set is a mapping")
        return info

    @property
    def remarks(self) -> list[Remark]:
        """What the sampler says of these samples, in its order."""
        return remarks_from(self.info["remarks"])

    @cached_property
    def labels(self) -> Sequence[Hashable]:
        """Names of the spins, as the problem gave them."""
        if (parts := self._parts) is not None:
            return parts.labels
        return labels_from_json(str(self._labelled.attrs.get("labels")))

    @cached_property
    def energy_tolerance(self) -> float:
        """Energies no further apart than this are equal, units of energy.

        By the rounding of the problem's energies (`qspin.spectrum`); where no problem was given, of these.
        """
        stored = self.info.get("energy_tolerance")
        return rounding_of(self.arrays.energies, self.n_spins) if stored is None else float(stored)

    @property
    def has_averages(self) -> bool:
        """Whether averages over draws were taken while sampling, and of the draws only the last ones kept."""
        return "overlap_moments" in self._labelled

    @property
    def n_spins(self) -> int:
        if (parts := self._parts) is not None:
            return parts.arrays.spins.shape[-1]
        return self._labelled.sizes["spin"]

    @property
    def best(self) -> Best:
        """The configuration of lowest energy.

        Raises
        ------
        InputError
            If the set is empty.
        """
        spins, energies, betas = self.arrays
        if not energies.size:
            raise InputError("an empty sample set has no best configuration")
        b, r, d = (int(k) for k in np.unravel_index(np.argmin(energies), energies.shape))
        return Best(spins[b, r, d].copy(), float(energies[b, r, d]), float(betas[b]), r, d)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim} {size}" for dim, size in zip(DIMS, self.arrays.spins.shape, strict=True))
        source = self.info.get("backend", "unknown backend")
        return f"SampleSet({sizes}; {source}, {self.info['status']})"

    def _repr_html_(self) -> str:
        return self._labelled._repr_html_()

    # -- files and dimod -------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write NetCDF (HDF5), spins compressed; whole or not at all.

        The attribute ``checksum`` is one of the content, and the file ends in one of all its bytes, which
        other programs do not see; `load` compares them. Folders on the way to it are made.

        Raises
        ------
        InputError
            If `path` is none, or `load` would refuse what would be written.
        RunError
            If the file cannot be written.
        """
        # through memory: the HDF5 library does not survive a disk that fills up under it
        atomic_write(path, content_of(self, self._labelled))

    @classmethod
    def load(cls, path: str | os.PathLike[str], problem: IsingProblem | None = None) -> SampleSet:
        """Read what `save` wrote.

        Parameters
        ----------
        path : the file
        problem : what was sampled, if it is at hand: the samples are held against it, see `verify`

        Raises
        ------
        InputError
            If there is no such file, it is not a sample set, it is damaged, or it is of another problem.
        CapacityError
            If it would not fit in memory.
        """
        require_file(path)
        try:
            samples = cls(of_this_version(read_sealed(path)), handed_over=True)
            if problem is not None:
                samples.verify(problem)
        except CapacityError:
            raise
        except InputError as error:
            raise InputError(
                f"{path} is not a readable NetCDF sample set: {error}; remove it to sample again"
            ) from error
        return samples

    def verify(self, problem: IsingProblem) -> None:
        """Hold the samples against the problem that was sampled.

        Raises
        ------
        InputError
            If they are of another problem, or an energy is not that of its spins.
        """
        _require_problem(problem)
        if self.info.get("problem") != problem.digest or list(self.labels) != list(problem.labels):
            raise InputError("it holds samples of another problem")
        check_energies(self, problem, energy_tolerance(problem))

    def of_the_whole(self, problem: IsingProblem) -> SampleSet:
        """The same samples as those of the whole problem, with the clamped spins in their places.

        Parameters
        ----------
        problem : that was sampled, the clamped one, which knows the whole: what `IsingProblem.clamped`
            returned, and not the whole itself

        Raises
        ------
        InputError
            If no spin of this problem is clamped, the samples are of another one, or hold averages alone.
        """
        clamping = Clamping.of(problem)
        if self.has_averages:
            raise InputError("clamped spins are put back among spins, and these samples hold averages alone")
        if self.info.get("problem") != problem.digest:
            raise InputError(
                "these samples are not of this clamped problem: give the one that was sampled, as "
                "problem.clamped({...}) returned it"
            )
        share = f"{len(clamping.held)} of {clamping.whole.n_spins}"
        text = f"{share} spins were clamped: the others follow their distribution under that condition"
        info = _with_remarks(self.info, [Remark("clamped", text)])
        spins, kept = clamping.restored(self.arrays.spins), {"sweeps_to_target"} & set(self._labelled)
        extra = {name: (("replica",), self._labelled[name].values) for name in kept}
        return SampleSet.from_spins(clamping.whole, spins, self.betas, info, extra, handed_over=True)

    @classmethod
    def from_dimod(
        cls,
        sampleset: dimod.SampleSet,
        problem: IsingProblem | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> SampleSet:
        """From a dimod sample set: every read is a replica with one draw and no known temperature.

        Rows written by `to_dimod` return to their (beta, replica, draw) if all are there, each once; for
        others a remark says that their temperatures are dropped. Reads with ``num_occurrences`` above one are
        repeated.

        Parameters
        ----------
        sampleset : of either vartype
        problem : what was sampled; energies are recomputed from it, and the spins take its order. Without
            it the energies are those that the sample set reports, and a remark says so.
        info : provenance, from `run_info`

        Raises
        ------
        InputError
            If it is no dimod sample set of spins or bits, or has other variables than the problem.
        CapacityError
            If its repeated reads would not fit in memory.
        """
        if problem is not None:
            _require_problem(problem)
        checked_info(info)
        order = None if problem is None else problem.labels
        labels, spins, energies, betas, remarks = rows_of(sampleset, order)
        if problem is not None:
            samples = cls.from_spins(problem, spins, betas, info, handed_over=True)
            if not (told := [*remarks, *on_reported(energies, samples.arrays.energies, problem)]):
                return samples
            return cls.from_spins(problem, spins, betas, _with_remarks(info, told), handed_over=True)
        text = "energies are those reported by the dimod sample set, not recomputed: no problem was given"
        provenance = _with_remarks(info, [*remarks, Remark("energies-not-recomputed", text)])
        if not np.isfinite(energies).all():
            raise InputError("the sample set reports energies that are not finite; pass the problem")
        provenance["problem"] = None
        spins = checked_spins(spins, len(labels))
        names = checked_labels(labels, len(labels))
        return cls._assemble(spins, energies, names, betas, provenance, handed_over=True)

    def to_dimod(self) -> dimod.SampleSet:
        """All configurations, vartype SPIN; beta, its index, replica and draw are vectors."""
        return dimod_of(self)


def _with_remarks(info: Mapping[str, Any] | None, remarks: Sequence[Remark]) -> dict[str, Any]:
    told = [*(info or {}).get("remarks", []), *(remark.plain() for remark in remarks)]
    return {**(info or {}), "remarks": told}


def _require_problem(problem: object) -> None:
    if not isinstance(problem, IsingProblem):
        raise InputError(f"expected a qspin.IsingProblem; got a {type(problem).__name__}")
