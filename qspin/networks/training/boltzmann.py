"""The source ``boltzmann``: a Boltzmann machine, at one epoch of its training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from qspin.errors import CapacityError, nearest_name
from qspin.memory import require_bytes
from qspin.networks.training.binary import BINARY, BinaryData, Bits, binary_data
from qspin.networks.training.loop import torch_session
from qspin.networks.training.modules import load_state
from qspin.networks.training.recipe import EpochsKept, kept_epochs, require_kept
from qspin.networks.training.record import StateRecord, weights_by_name
from qspin.remarks import stored
from qspin.settings import setting_names
from qspin.source import (
    IsingProblem,
    Preparation,
    Prepared,
    Sampler,
    Source,
    Tools,
    Workload,
    deciding_settings,
    settings,
    workload_of,
)

if TYPE_CHECKING:
    from qspin.networks.boltzmann import BoltzmannFit, Machine

__all__ = ["Boltzmann", "BoltzmannTraining"]

_NO_BACKEND = ("exact", "cd", "pcd")
_STEP = 1_000_000  # products that what torch is called for at each step costs at the least
_CHAINS = 100  # that persist
_ANNEALED = 200_000  # configurations of an annealed likelihood: chains and temperatures
_TORCH_BYTES = 2**28
_OVER_EVALUATIONS = {
    "log_likelihood": "log_likelihood_train",
    "held_out": "log_likelihood_test",
    "log_likelihood_error": "log_likelihood_error",
    "bounds_gap": "bounds_gap",
}
_SPENT = ("seconds", "paid_seconds", "samples")
_SHOWN = 25  # images that are kept to be looked at
_OVER_STEPS = ("gradient_norm", "gradient_noise", "persistence", "beta_effective", "beta_effective_error")


def _known(name: str) -> str:
    if name not in BINARY:
        raise ValueError(f"no binary data {name!r}: {nearest_name(name, BINARY)}")
    return name


Name = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": sorted(BINARY)})]


@settings
class _Recipe:
    """What fixes a training of a machine."""

    dataset: Name = "bars_and_stripes"
    size: PositiveInt | None = None
    hidden: PositiveInt = 16
    hidden_units: Literal["binary", "gaussian"] = "binary"
    units: Literal["spins", "bits"] = "spins"
    spread: NonNegativeFloat = 0.01
    sampler: Annotated[str, Field(min_length=1)] = "pcd"
    epochs: PositiveInt = 100
    learning_rate: PositiveFloat = 0.02
    schedule: Literal["constant", "linear"] = "constant"
    batch_size: PositiveInt | None = None
    weight_decay: NonNegativeFloat = 0.0
    centred: bool = True
    likelihood: Literal["auto", "exact", "ais", "tempering", "none"] = "auto"
    seed: NonNegativeInt = 0
    epochs_kept: EpochsKept = "logarithmic"

    @model_validator(mode="after")
    def _recipe_fits_together(self) -> _Recipe:
        _ = self.data  # refuses options that the data do not take
        require_kept(self.kept, self.epochs)
        return self

    @property
    def data(self) -> BinaryData:
        return binary_data(self.dataset, size=self.size)

    @property
    def kept(self) -> Sequence[int]:
        """Epochs whose parameters are kept, ascending; 0 is before the first."""
        return kept_epochs(self.epochs, self.epochs_kept)

    @property
    def n_kept(self) -> int:
        return self.epochs + 1 if self.epochs_kept == "all" else len(self.kept)

    @property
    def steps_an_epoch(self) -> int:
        data = self.data
        n = data.n_rows - (-(-data.n_rows // 5) if data.has_test else 0)
        return 1 if self.batch_size is None else math.ceil(n / self.batch_size)

    @property
    def n_parameters(self) -> int:
        n = self.data.n_visible
        return n * self.hidden + n + self.hidden

    def machine(self) -> Machine:
        """As training finds it.

        Raises
        ------
        CapacityError
            If an exact phase is asked for, and would take too many configurations; or memory is too small.
        """
        from qspin.networks.boltzmann import HybridBoltzmannMachine, RestrictedBoltzmannMachine
        from qspin.networks.boltzmann.fitting.choice import phase_of

        kept = 24 * self.n_kept * self.n_parameters
        require_bytes(kept, f"a machine at {self.n_kept} epochs", "keep fewer")
        of_kind = {"binary": RestrictedBoltzmannMachine, "gaussian": HybridBoltzmannMachine}
        machine = of_kind[self.hidden_units](
            self.data.n_visible, self.hidden, self.units, spread=self.spread, seed=self.seed
        )
        if self.sampler in _NO_BACKEND:
            try:
                phase_of(self.sampler).check(machine)
            except CapacityError as error:
                told = f"sampler {self.sampler} with {self.hidden} hidden units: {error}"
                raise CapacityError(told, key=("sampler",)) from None
        return machine


@settings
class BoltzmannTraining(_Recipe, Preparation):
    """A training; its arrays hold the state dicts of the epochs that are kept and some of the data as images,
    its curves likelihoods and how well the sampler followed, with what was spent until then as coordinates:
    seconds, paid seconds and samples of the negative phase.
    """

    version: ClassVar[int] = 2
    name: ClassVar[str] = "training"
    own_samplers: ClassVar[tuple[str, ...]] = _NO_BACKEND

    @property
    def title(self) -> str:
        size = "" if self.size is None else f" of size {self.size}"
        units = f"{self.data.n_visible}-{self.hidden}"
        return f"training a Boltzmann machine {units} on {self.dataset}{size} by {self.sampler}"

    @property
    def uses(self) -> tuple[str, ...]:
        return () if self.sampler in _NO_BACKEND else (self.sampler,)

    def identity(self) -> dict[str, Any]:
        """A backend counts by what it is, which who plans adds, not by its label."""
        own = deciding_settings(self)
        if self.epochs_kept != "all":
            own["epochs_kept"] = list(self.kept)
        if self.uses:
            own["sampler"] = "a backend"
        return {"kind": type(self).__qualname__, "version": self.version, **own}

    def check(self, samplers: Mapping[str, Sampler]) -> None:
        """Raises InputError where a backend cannot sample the machine at beta = 1."""
        from qspin.networks.boltzmann.fitting.choice import phase_of

        if self.uses:
            phase_of(samplers[self.sampler]).check(self.machine())

    def workload(self, samplers: Mapping[str, Sampler]) -> Workload | None:
        """In products, of about a nanosecond, and by a backend in the unit of its calls beside; None where it
        does not tell what a call takes.
        """
        negative = self._negative_phase(samplers)
        if negative is None:
            return None
        n_steps, n_parameters = self.epochs * self.steps_an_epoch, self.n_parameters
        rows = self.batch_size or self.data.n_rows
        work = n_steps * (_STEP + rows * n_parameters + negative.work) + self.n_kept * self._evaluation
        paid = None if negative.paid_seconds is None else n_steps * negative.paid_seconds
        return Workload(
            f"training a Boltzmann machine by {negative.kernel}",
            float(work),
            _TORCH_BYTES + 24 * self.n_kept * n_parameters + negative.memory,
            paid_seconds=paid,
            n_parts=negative.n_parts,
        )

    def _negative_phase(self, samplers: Mapping[str, Sampler]) -> Workload | None:
        """Of one step."""
        if self.uses:
            return workload_of(samplers[self.sampler], self.machine().problem())
        drawn = 2**self._smaller_side if self.sampler == "exact" else _CHAINS
        return Workload(self.sampler, float(drawn * self.n_parameters))

    @property
    def _evaluation(self) -> int:
        """Products of one likelihood."""
        if self.likelihood == "none":
            return 0
        exact = 2**self._smaller_side
        return self.n_parameters * (exact if self.likelihood == "exact" else min(exact, _ANNEALED))

    @property
    def _smaller_side(self) -> int:
        return min(self.data.n_visible, self.hidden)

    def make(self, tools: Tools) -> Prepared:
        """Train; raises as `qspin.networks.fit_boltzmann`."""
        from qspin.networks.boltzmann import fit_boltzmann

        machine = self.machine()
        learned, unseen = self.data.split(self.seed)
        train, test = (None if rows is None else self._values(rows) for rows in (learned, unseen))
        n = self.steps_an_epoch
        with torch_session(self.seed):
            fit = fit_boltzmann(
                machine,
                train,
                tools.samplers[self.sampler] if self.uses else self.sampler,
                seed=self.seed,
                n_steps=n * self.epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                schedule=self.schedule,
                weight_decay=self.weight_decay,
                centred=self.centred,
                held_out=test,
                evaluate_every=n * self.epochs,
                keep_at=[n * epoch for epoch in self.kept],
                likelihood=self.likelihood,
                checkpoint=tools.checkpoint,
            )
        states = [_arrays(machine, fit.kept[n * epoch]) for epoch in self.kept]
        arrays = {name: np.stack([state[name] for state in states]) for name in states[0]}
        arrays |= {"epochs": np.array(self.kept), "images": self._images(learned)}
        return Prepared(arrays, _curves(fit, self.kept, n))

    def _images(self, rows: Bits) -> Bits:
        """Evenly taken out of rows, in their two dimensions."""
        n = min(len(rows), _SHOWN)
        return rows[np.arange(n) * len(rows) // n].reshape(n, *self.data.shape)

    def _values(self, bits: Any) -> Any:
        return bits if self.units == "bits" else 2 * bits - 1


def _arrays(machine: Machine, state: Mapping[str, Any]) -> dict[str, Any]:
    machine.load_state_dict(dict(state))
    return weights_by_name(machine)


def _curves(fit: BoltzmannFit, kept: Sequence[int], steps_an_epoch: int) -> xr.Dataset:
    """Over ``epoch``: likelihoods there, means over the steps since the epoch before that was kept, and as
    coordinates what was spent until then."""
    steps = [steps_an_epoch * epoch for epoch in kept]
    found: dict[str, Any] = {}
    evaluated = fit.curves.steps_done.values.tolist()
    if evaluated:
        at = [evaluated.index(step) for step in steps]
        found = {name: fit.curves[own].values[at] for own, name in _OVER_EVALUATIONS.items()}
    between = list(zip([0, *steps[:-1]], steps, strict=True))
    for name in _OVER_STEPS:
        values = fit.curves[name].values
        found[name] = np.array([values[a:b].mean() if b > a else math.nan for a, b in between])
    told = {name: v for name, v in found.items() if np.isfinite(v).any() and (v[np.isfinite(v)] != 0).any()}
    spent = {name: np.append(0.0, fit.curves[name].values.cumsum())[steps] for name in _SPENT}
    coords = {"epoch": list(kept), **{name: ("epoch", values) for name, values in spent.items()}}
    curves = xr.Dataset({name: ("epoch", v) for name, v in told.items()}, coords=coords)
    return curves.assign_attrs(remarks=stored(fit.remarks)) if fit.remarks else curves


@settings
class Boltzmann(_Recipe, Source):
    """A restricted Boltzmann machine, at one epoch of its training; at beta = 1 it is a model of the data.

    Parameters
    ----------
    dataset : ``bars_and_stripes``, or ``digits``, the 8x8 digits of scikit-learn in black and white, of which
        a fifth is for testing; see `qspin.networks.training.binary`
    size : lines of bars and stripes, default 3: images of size x size pixels
    hidden : hidden units
    hidden_units : ``binary``, or ``gaussian``: a Hopfield model of visible units alone
    units : ``spins`` or ``bits``
    spread : standard deviation of the weights at first
    sampler : negative phase: ``exact``, ``cd``, ``pcd``, or the label of a backend of the config, which
        samples the machine at beta = 1; see `qspin.networks.fit_boltzmann`
    epochs : passes over the data
    learning_rate, batch_size, weight_decay, centred, likelihood : as of `qspin.networks.fit_boltzmann`
    schedule : of the learning rate: ``constant``, or ``linear``: it falls to nothing at the last step, which
        averages out what samples and batches scatter
    seed : of the first weights, the split, batches and samples
    epochs_kept : ``all``; ``logarithmic``: 0, 1, 2, 4, 8 ... and the last; or a list. Parameters are kept and
        likelihoods found there
    epoch : 0: untrained; default: after the last epoch
    """

    name: ClassVar[str] = "boltzmann"

    epoch: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _is_kept(self) -> Boltzmann:
        require_kept(self.kept, self.epochs, self.last)
        return self

    @property
    def last(self) -> int:
        """The epoch after which parameters are taken."""
        return self.epochs if self.epoch is None else self.epoch

    def needs(self) -> Mapping[str, Preparation]:
        return {
            "training": BoltzmannTraining(**{name: getattr(self, name) for name in setting_names(_Recipe)})
        }

    def identity(self) -> dict[str, Any]:
        """All of the training, and the epoch."""
        return {**self.needs()["training"].identity(), "epoch": self.last}

    def outline(self) -> IsingProblem:
        """The untrained machine.

        Raises
        ------
        CapacityError
            If an exact phase would take too many configurations, or states do not fit into memory.
        """
        return self.machine().problem()

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        """The machine in spins; visible and hidden units are groups.

        Raises
        ------
        InputError
            If what was prepared is no training of this machine.
        """
        state = StateRecord.of(prepared["training"].arrays).at(self.epoch)
        machine: Any = load_state(self.machine(), state)
        return machine.problem()

    def controls(self) -> Mapping[str, Source]:
        """The untrained machine."""
        if self.epoch == 0 or 0 not in self.kept:
            return {}
        return {"before": dataclasses.replace(self, epoch=0)}

    def notes(self) -> list[str]:
        return ["A Boltzmann machine is a model of its data, exp(−E), at beta = 1."]
