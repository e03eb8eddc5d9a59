"""Files that hold samples: what each holds, and how it is laid over a problem."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import dimod
import numpy as np
from numpy.typing import ArrayLike, NDArray

from qspin.archives import file_content, parse_json
from qspin.errors import InputError, shown
from qspin.problem import IsingProblem
from qspin.sampler import GivenFile, Level, Remark, order_of, require_memory
from qspin.samples import SampleSet

__all__ = ["FORMS", "Bits", "Fitted", "Held", "held_in"]

_HDF5 = b"\x89HDF"
_ODD = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, MemoryError)  # of dimod


class Bits(NamedTuple):
    """How bit strings are to be read.

    Parameters
    ----------
    order : ``left``: the first spin is the leftmost bit; ``qiskit``: the rightmost
    one : the spin that bit 1 stands for; None: not said
    labels : of the spins in this order; None: as the problem has them
    """

    order: str = "left"
    one: int | None = None
    labels: tuple[Any, ...] | None = None


class Fitted(NamedTuple):
    """Spins (beta, replica, draw, spin) in the order of a problem, and what the file says beside them.

    Parameters
    ----------
    betas : (n_betas,), units of 1/energy; None: the file has none
    extra : further variables of the dataset, name -> (dims, values)
    origin : where they come from, plain JSON
    target : what ``info["target"]`` says of replicas that were to stop at an energy
    """

    spins: NDArray[np.int8]
    betas: NDArray[np.float64] | None
    extra: Mapping[str, tuple[tuple[str, ...], ArrayLike]]
    remarks: list[Remark]
    origin: dict[str, Any]
    target: dict[str, Any] | None = None


class Held(Protocol):
    """What a file holds."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many betas, replicas and draws."""
        ...

    @property
    def has_betas(self) -> bool:
        """Whether it says at which temperatures it was sampled."""
        ...

    @property
    def is_stopped(self) -> bool:
        """Whether replicas were to stop at an energy, so that they follow none of these temperatures."""
        ...

    @property
    def is_measured(self) -> bool:
        """Whether it has effective inverse temperatures that were measured."""
        ...

    @property
    def is_averaged(self) -> bool:
        """Whether averages were taken, and of the spins only the last ones kept."""
        ...

    def fitted(self, problem: IsingProblem, bits: Bits) -> Fitted:
        """Raises InputError for samples of another problem."""
        ...


@dataclass(frozen=True)
class _OfQspin:
    """NetCDF, as `SampleSet.save` writes it."""

    samples: SampleSet

    @property
    def shape(self) -> tuple[int, int, int]:
        n_betas, n_replicas, n_draws = self.samples.energies.shape
        return n_betas, n_replicas, n_draws

    @property
    def has_betas(self) -> bool:
        return bool(np.isfinite(self.samples.betas).all())

    @property
    def is_stopped(self) -> bool:
        return "target" in self.samples.info

    @property
    def is_measured(self) -> bool:
        return "beta_effective" in self.samples.dataset

    @property
    def is_averaged(self) -> bool:
        return self.samples.has_averages

    def fitted(self, problem: IsingProblem, bits: Bits) -> Fitted:
        _refuse_bits(bits, "a file of qspin")
        info = self.samples.info
        theirs = info.get("problem")
        if list(self.samples.labels) != list(problem.labels):
            raise InputError(
                f"holds samples of {self.samples.n_spins} spins with other labels than the "
                f"{problem.n_spins} of the problem, or in another order"
            )
        if theirs not in (problem.digest, None):
            raise InputError(
                f"holds samples of another problem: its digest is {str(theirs)[:12]}, that of the problem "
                f"{problem.digest[:12]}"
            )
        extra = {
            str(name): (tuple(map(str, variable.dims)), variable.values)
            for name, variable in self.samples.dataset.data_vars.items()
            if name not in ("spins", "energies")
        }
        remarks = self.samples.remarks
        if info["status"] != "complete":
            text = f"the samples were {info['status']}: the run that made them did not reach its end"
            remarks = [*remarks, Remark("given-unfinished", text, Level.SERIOUS)]
        betas = self.samples.betas if self.has_betas else None
        origin = {"format": "netcdf", "info": info}
        return Fitted(self.samples.spins.values, betas, extra, remarks, origin, info.get("target"))


class _OfOthers:
    """What files of others do not say."""

    is_stopped = False
    is_measured = False
    is_averaged = False


@dataclass(frozen=True)
class _OfDimod(_OfOthers):
    """A dimod sample set as JSON, as its `to_serializable` gives it."""

    sampleset: dimod.SampleSet

    @functools.cached_property
    def _grid(self) -> SampleSet:
        """Its rows in their places, whatever energies it reports."""
        record = self.sampleset.record.copy()
        record.energy[:] = 0
        return SampleSet.from_dimod(
            dimod.SampleSet(record, self.sampleset.variables, {}, self.sampleset.vartype)
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        n_betas, n_replicas, n_draws = self._grid.energies.shape
        return n_betas, n_replicas, n_draws

    @property
    def has_betas(self) -> bool:
        return bool(np.isfinite(self._grid.betas).all())

    def fitted(self, problem: IsingProblem, bits: Bits) -> Fitted:
        _refuse_bits(bits, "a dimod sample set")
        try:
            samples = SampleSet.from_dimod(self.sampleset, problem)
        except InputError as error:
            raise InputError(f"does not fit the problem: {error}") from None
        betas = samples.betas if self.has_betas else None
        origin = {"format": "dimod", "vartype": self.sampleset.vartype.name}
        return Fitted(samples.spins.values, betas, {}, samples.remarks, origin)


@dataclass(frozen=True)
class _OfCounts(_OfOthers):
    """Bit strings and how often each was read."""

    counts: Mapping[str, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        return 1, sum(self.counts.values()), 1

    @property
    def has_betas(self) -> bool:
        return False

    def fitted(self, problem: IsingProblem, bits: Bits) -> Fitted:
        n_bits = len(next(iter(self.counts)))
        if n_bits != problem.n_spins:
            raise InputError(f"holds strings of {n_bits} bits; the problem has {problem.n_spins} spins")
        n_reads = self.shape[1]
        require_memory(1, n_reads, 1, problem.n_spins)
        one = 1 if bits.one is None else bits.one
        rows = np.array([[one if bit == "1" else -one for bit in word] for word in self.counts], np.int8)
        rows = rows.reshape(len(self.counts), n_bits)
        if bits.order == "qiskit":
            rows = rows[:, ::-1]
        if bits.labels is not None:
            rows = rows[:, order_of(bits.labels, problem, setting="labels")]
        spins = np.repeat(rows, list(self.counts.values()), axis=0)[None, :, None]
        origin = {"format": "counts", "bit_order": bits.order, "one": one, "n_distinct": len(rows)}
        return Fitted(np.ascontiguousarray(spins), None, {}, [], origin)


def _netcdf(path: str) -> Held:
    return _OfQspin(SampleSet.load(path))


def _serialized(path: str) -> Held:
    plain = parse_json(file_content(path))
    try:
        sampleset = dimod.SampleSet.from_serializable(plain)
        if not isinstance(sampleset, dimod.SampleSet):
            raise TypeError(f"it is a {type(sampleset).__name__}")
        return _OfDimod(sampleset)
    except _ODD as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
        raise InputError(
            f"is no dimod sample set ({reason}); expected the JSON of SampleSet.to_serializable()"
        ) from error


def _counts(path: str) -> Held:
    plain = parse_json(file_content(path))
    if not isinstance(plain, dict) or not plain:
        raise InputError(f'holds no counts; expected JSON such as {{"0101": 12}}, got {shown(plain)}')
    counts: dict[str, int] = {}
    for word, count in plain.items():
        if not set(bits := word.replace(" ", "")) <= {"0", "1"}:
            raise InputError(f"counts bit strings, such as 0101; got {shown(word)}")
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise InputError(f"counts reads as integers from 0; got {shown(count)} of {word!r}")
        counts[bits] = counts.get(bits, 0) + count
    if len(set(map(len, counts))) > 1:
        raise InputError(f"counts strings of different lengths: {sorted(set(map(len, counts)))} bits")
    if not sum(counts.values()):
        raise InputError("holds no reads: all counts are 0")
    return _OfCounts(counts)


FORMS: Mapping[str, Callable[[str], Held]] = {"netcdf": _netcdf, "dimod": _serialized, "counts": _counts}
"""How files are read, by the name of their format."""


def held_in(file: GivenFile, form: str) -> Held:
    """What a file holds.

    Parameters
    ----------
    form : a name of `FORMS`, or ``auto``, by content

    Raises
    ------
    InputError
        If there is no such file, it has changed, or is none of these.
    CapacityError
        If it would not fit in memory.
    """
    return _read(file.unchanged(), file.content(), form)


@functools.lru_cache(maxsize=2)
def _read(path: str, content: str, form: str) -> Held:
    try:
        return FORMS[_form(path) if form == "auto" else form](path)
    except InputError as error:
        if type(error) is not InputError:
            raise
        raise InputError(f"{path} {error}".replace(f"{path} {path}", path), key=("path",)) from error


def _form(path: str) -> str:
    """By content."""
    with open(path, "rb") as file:
        if file.read(len(_HDF5)) == _HDF5:
            return "netcdf"
    try:
        plain = parse_json(file_content(path))
    except InputError as error:
        raise InputError(
            f"is neither NetCDF nor JSON; expected samples as {', '.join(FORMS)} ({error})"
        ) from None
    return "dimod" if isinstance(plain, dict) and plain.get("type") == "SampleSet" else "counts"


def _refuse_bits(bits: Bits, what: str) -> None:
    """Settings of bit strings have no place where spins have names."""
    if bits != Bits():
        raise InputError(f"is {what}, which names its spins: leave bit_order, one and labels out")
