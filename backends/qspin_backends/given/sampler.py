"""Samples from elsewhere, brought into a run as if a backend had sampled them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from qspin.errors import CapacityError, InputError
from qspin.problem import IsingProblem
from qspin.sampler import (
    FileSetting,
    Initial,
    Ladder,
    Level,
    Remark,
    Seed,
    Workload,
    checked_arguments,
    refuse_initial,
    report_progress,
    resolved_seed,
    run_info,
    samples_bytes,
    settings,
)
from qspin.samples import SampleSet
from qspin_backends.given.forms import Bits, Fitted, Held, held_in

__all__ = ["Given"]


@settings
class Given:
    """Samples that a file holds, of hardware, another program or an earlier run.

    Nothing is drawn: every seed gives the same samples. They are refused if they are of another problem, as
    far as the file can tell, and their energies are computed anew from the spins.

    Parameters
    ----------
    path : the file; what it holds decides, not where it lies
    format : ``netcdf`` (of `SampleSet.save`), ``dimod`` (JSON of a dimod sample set's `to_serializable`),
        ``counts`` (JSON, bit string -> number of reads, such as ``{"0101": 12}``), or ``auto``, by content
    betas : inverse temperatures of its rows, units of 1/energy, where the file has none and they are known
    bit_order : of counts: ``left``: the leftmost bit is the first spin; ``qiskit``: the rightmost is
    one : of counts: the spin that bit 1 stands for. 1 by default, as x = (1 + s) / 2 has it; in Qiskit's
        order it has to be said, since a qubit in state 1 has Z = -1
    labels : of counts: the spins in the order of the bits; default the order of the problem
    """

    name: ClassVar[str] = "samples"
    samples_version: ClassVar[int] = 1
    is_paid: ClassVar[bool] = False

    path: FileSetting
    format: Literal["auto", "netcdf", "dimod", "counts"] = "auto"
    betas: Ladder | None = None
    bit_order: Literal["left", "qiskit"] = "left"
    one: Literal[-1, 1] | None = None
    labels: tuple[str | int, ...] | None = None

    @model_validator(mode="after")
    def _fit_together(self) -> Given:
        if self.bit_order == "qiskit" and self.one is None:
            raise ValueError(
                "bit_order 'qiskit' needs one, the spin that bit 1 stands for: -1 where spins are Pauli Z of "
                "the qubits, 1 where bits are x = (1 + s) / 2"
            )
        return self

    @property
    def offers(self) -> frozenset[str] | None:
        """What the samples have, see `qspin.sampler.OFFERS`; None where the file is not there.

        Raises
        ------
        InputError
            If the file is none of samples.
        """
        if not Path(self.path.path).is_file():
            return None
        held = self._held()
        n_betas, n_replicas, n_draws = held.shape
        is_thermal = self.betas is not None or (held.has_betas and not held.is_stopped)
        has = {
            "thermostat": is_thermal,
            "thermometer": held.is_measured,
            "ladder": is_thermal and n_betas > 1,
            "replicas": n_replicas > 1,
            "draws": n_draws > 3 and not held.is_averaged,
            "spins": not held.is_averaged,
        }
        return frozenset(name for name, is_there in has.items() if is_there)

    def check(self, problem: IsingProblem) -> None:
        """Refuse samples of another problem; raises as `sample`."""
        self._betas(self._fitted(problem))

    def workload(self, problem: IsingProblem) -> Workload:
        """What reading the file will take, see `qspin.sampler.Workload`; raises as `check`."""
        n_betas, n_replicas, n_draws = self._held().shape
        n_values = n_betas * n_replicas * n_draws * problem.n_spins
        kept = samples_bytes(n_betas, n_replicas, n_draws, problem.n_spins)
        return Workload(self.name, float(n_values), 2 * kept, kept)

    @checked_arguments
    def sample(
        self, problem: IsingProblem, *, seed: Seed = None, initial: Initial | None = None
    ) -> SampleSet:
        """Returns the spins of the file (beta, replica, draw, spin) and the variables that stand beside them;
        reads of dimod and of counts are replicas with one draw. ``info["given"]`` says where they come from.

        Raises
        ------
        InputError
            If the file is not there, damaged, in no known format, or holds samples of another problem, or if
            `initial` configurations are given.
        CapacityError
            If it would not fit in memory.
        """
        refuse_initial(self.name, initial, "its samples were drawn elsewhere")
        seed = resolved_seed(seed)
        start = time.perf_counter()
        fitted = self._fitted(problem)
        betas, remarks = self._betas(fitted), list(fitted.remarks)
        if self.betas is not None:
            text = "betas were given for samples that carry none: whether these follow them was not tested"
            remarks.append(Remark("betas-given", text))
        text = "the samples were read from a file: every seed gives the same"
        remarks.append(Remark("read-from-file", text, Level.NOTE))
        facts: dict[str, Any] = {} if fitted.target is None else {"target": fitted.target}
        clocks = {"prepare": time.perf_counter() - start, "sample": 0.0}
        report_progress(1.0)
        info = run_info(
            self,
            seed,
            clocks=clocks,
            remarks=remarks,
            headline=f"{fitted.origin['format']} file {Path(self.path.path).name}",
            **facts,
            given={"file": Path(self.path.path).name, "sha256": self.path.content(), **fitted.origin},
        )
        return SampleSet.from_spins(problem, fitted.spins, betas, info, fitted.extra)

    def _held(self) -> Held:
        return held_in(self.path, self.format)

    def _fitted(self, problem: IsingProblem) -> Fitted:
        held = self._held()
        try:
            return held.fitted(problem, Bits(self.bit_order, self.one, self.labels))
        except CapacityError:
            raise
        except InputError as error:
            raise InputError(f"{self.path} {error}", key=error.key or ("path",)) from None

    def _betas(self, fitted: Fitted) -> NDArray[np.float64] | None:
        """Of the file, or those that were given; None where nobody knows them."""
        if self.betas is None:
            return fitted.betas if fitted.betas is not None else _unknown(len(fitted.spins))
        if fitted.betas is not None:
            raise InputError(
                f"{self.path} has betas of its own, {fitted.betas.tolist()}: leave betas out", key=("betas",)
            )
        if len(self.betas) != len(fitted.spins):
            raise InputError(
                f"{self.path} holds {len(fitted.spins)} rows of samples and betas has {len(self.betas)}; "
                "give one for each",
                key=("betas",),
            )
        return np.array(self.betas)


def _unknown(n_rows: int) -> NDArray[np.float64]:
    return np.full(n_rows, np.nan)
