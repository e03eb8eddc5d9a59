"""The sources ``mlp`` and ``trained``: spin-glass twins of networks, at one epoch of their training."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from qspin.networks.feedforward import shuffled_weights, twin_from_weights
from qspin.networks.modules import shuffle_parameters
from qspin.networks.training.chains import check_layers, n_weights, train_mlp
from qspin.networks.training.modules import count_parameters, load_state, train_module, untrained
from qspin.networks.training.recipe import Recipe, identity_of, require_kept
from qspin.networks.training.record import StateRecord, TrainingRecord
from qspin.networks.twins import Scale, twin
from qspin.settings import ImportPath, setting_names
from qspin.source import IsingProblem, Preparation, Prepared, Sampler, Source, Tools, Workload, settings

__all__ = ["Mlp", "MlpTraining", "ModuleTraining", "Trained"]

_SHUFFLE_STREAM = 1  # added to the seed of a training, so that shuffling has numbers of its own
_EPOCH = 10_000  # weights that an epoch costs at the least
_TORCH_BYTES = 2**28  # of torch and scikit-learn, which nothing else loads

Layers = Annotated[tuple[PositiveInt, ...], Field(min_length=2)]


def _shared(cls: type, made: Any) -> dict[str, Any]:
    """What settings have in common with those of a class."""
    return {name: getattr(made, name) for name in setting_names(cls)}


# -- trainings -----------------------------------------------------------------------------------


class _Training(Preparation):
    """What all trainings do alike."""

    def identity(self) -> dict[str, Any]:
        recipe: Any = self
        return {"kind": type(self).__qualname__, "version": self.version, **identity_of(recipe)}


def _workload(recipe: Recipe, size: int) -> Workload:
    """In weights and epochs, of which each costs something however small the network is."""
    work = (recipe.epochs + 1) * (_EPOCH + size)
    kernel = f"training on {recipe.data_title} in batches of {recipe.batch_size}"
    return Workload(kernel, float(work), _TORCH_BYTES + 3 * 8 * recipe.n_kept * size)


def _over_epochs(curves: Mapping[str, NDArray[np.float64]], epochs: NDArray[np.int64]) -> xr.Dataset:
    return xr.Dataset({name: ("epoch", v) for name, v in curves.items()}, coords={"epoch": epochs})


@settings
class _Chain(Recipe):
    """What fixes a training of layers in a row, and with it the weights of every epoch."""

    layers: Layers


@settings
class MlpTraining(_Chain, _Training):
    """A training; its arrays hold weights and biases of the epochs that are kept, its curves loss and
    accuracy.
    """

    name: ClassVar[str] = "training"

    @property
    def title(self) -> str:
        return f"training {'-'.join(map(str, self.layers))} on {self.data_title}"

    def workload(self, samplers: Mapping[str, Sampler]) -> Workload:
        return _workload(self, n_weights(self.layers))

    def make(self, tools: Tools) -> Prepared:
        """Train; raises MissingExtraError if torch or scikit-learn is not installed, RunError if the training
        diverges.
        """
        record = train_mlp(self.layers, **_shared(Recipe, self))
        return Prepared(record.arrays(), _over_epochs(record.curves, record.kept))


@settings
class _Architecture(Recipe):
    """What fixes a training of a module."""

    module: ImportPath
    input_shape: tuple[PositiveInt, ...] | None = None


@settings
class ModuleTraining(_Architecture, _Training):
    """A training; its arrays hold the state dicts of the epochs that are kept."""

    name: ClassVar[str] = "training"

    @property
    def title(self) -> str:
        return f"training {self.module.partition(':')[2]} on {self.data_title}"

    def workload(self, samplers: Mapping[str, Sampler]) -> Workload:
        return _workload(self, count_parameters(untrained(self.module, self, self.input_shape)))

    def make(self, tools: Tools) -> Prepared:
        """Train; raises as `qspin.networks.training.modules.train_module`."""
        kept = train_module(self.module, self, self.input_shape)
        return Prepared({**kept.arrays, "epochs": kept.epochs}, _over_epochs(kept.curves, kept.epochs))


# -- problems ------------------------------------------------------------------------------------


@settings
class _AtEpoch(Recipe):
    """What of a training becomes spins, and how."""

    epoch: NonNegativeInt | None = None
    shuffle: bool = False
    shuffle_seed: NonNegativeInt = 0
    biases: bool = False
    scale: Scale = "critical"

    @model_validator(mode="after")
    def _fit_together(self) -> _AtEpoch:
        require_kept(self.kept, self.epochs, self.last)
        if self.shuffle_seed and not self.shuffle:
            raise ValueError("shuffle_seed is of shuffled weights; set shuffle: true, or leave it out")
        return self

    @property
    def last(self) -> int:
        """The epoch after which weights are taken."""
        return self.epochs if self.epoch is None else self.epoch


class _Learned(Source):
    """What both sources do alike."""

    theory_marks = "qspin.networks.inspection.marks:critical_marks"

    @property
    def _how(self) -> Any:
        """Their settings, which the classes below have from another base."""
        return self

    @property
    def instance_key(self) -> str:
        """Draws of a shuffled control are instances of it; else networks that are trained anew."""
        return "shuffle_seed" if self._how.shuffle else "seed"

    def identity(self) -> dict[str, Any]:
        return {**identity_of(self._how), "epoch": self._how.last}

    def controls(self) -> Mapping[str, Source]:
        """The untrained network, and the trained one with shuffled weights."""
        if self._how.shuffle or self._how.epoch == 0:
            return {}
        null = dataclasses.replace(self._how, shuffle=True)
        if 0 not in self._how.kept:
            return {"null": null}
        return {"before": dataclasses.replace(self._how, epoch=0), "null": null}

    def notes(self) -> list[str]:
        sentences = ["In the twin of a network every neuron is a spin and every weight a coupling, J = −W."]
        if self._how.scale == "critical":
            sentences.append(
                "Couplings of a twin are divided by the critical temperature of the same architecture with "
                "random weights, a choice of this project, so that architectures share one temperature axis."
            )
        if self._how.shuffle:
            sentences.append(
                "Shuffled weights are permuted at random within each layer: their scale stays, their "
                "structure goes."
            )
        return sentences


@settings
class Mlp(_Chain, _AtEpoch, _Learned):
    """Spin-glass twin of a multi-layer perceptron, at one epoch of its training.

    Parameters
    ----------
    layers : neurons of each layer, inputs first
    dataset, epochs, learning_rate, batch_size, seed, optimiser, weight_decay, temperature, modulus, context,
    encoding, n_samples, label_noise, backdoor, epochs_kept, noise : of the training, see
        `qspin.networks.training.Recipe`
    epoch : 0: untrained; default: after the last epoch
    shuffle : permute the weights within each layer: scale without structure
    shuffle_seed : of that permutation; a number of them, ``instances: n``, is a distribution of controls
    biases : make biases fields
    scale : ``critical``: divide by the random-weight critical temperature, or ``none``
    """

    name: ClassVar[str] = "mlp"

    def needs(self) -> Mapping[str, Preparation]:
        return {"training": MlpTraining(**_shared(_Chain, self))}

    def outline(self) -> IsingProblem:
        """A twin of this size whose weights are 1.

        Raises
        ------
        InputError
            If the layers do not fit the data set, or the weights of all epochs not into memory.
        MissingExtraError
            If torch or scikit-learn is not installed.
        """
        check_layers(self.layers, self)
        weights = [np.ones((after, before)) for before, after in itertools.pairwise(self.layers)]
        return twin_from_weights(weights, scale=self.scale)

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        """The twin; its groups are the layers.

        Raises
        ------
        InputError
            If what was prepared is no training, or weights are not finite.
        """
        weights, biases = TrainingRecord.of(prepared["training"].arrays).at(self.epoch)
        if self.shuffle:
            weights = shuffled_weights(weights, seed=[self.seed + _SHUFFLE_STREAM, self.shuffle_seed])
        return twin_from_weights(weights, biases if self.biases else None, scale=self.scale)


@settings
class Trained(_Architecture, _AtEpoch, _Learned):
    """Spin-glass twin of any torch module, at one epoch of its training.

    Parameters
    ----------
    module : import path of a class or function that, called without arguments, gives the module; its last
        layer gives a score for each class, or the number of a regression
    input_shape : of an example, such as [1, 8, 8] for digits; default its numbers in a row
    dataset, epochs, learning_rate, batch_size, seed, optimiser, weight_decay, temperature, modulus, context,
    encoding, n_samples, label_noise, backdoor, epochs_kept, noise, epoch, shuffle, shuffle_seed, biases,
    scale : as of ``mlp``
    layers : numbers or names of the layers of the twin that are kept; default all
    max_spins : keep that many, of each layer the same share, drawn by `seed`
    """

    name: ClassVar[str] = "trained"

    layers: tuple[int | str, ...] | None = None
    max_spins: PositiveInt | None = None

    def needs(self) -> Mapping[str, Preparation]:
        return {"training": ModuleTraining(**_shared(_Architecture, self))}

    def outline(self) -> IsingProblem:
        """The twin of the untrained module.

        Raises
        ------
        InputError, CapacityError
            If the path gives no module, it does not fit the data, the twin has no rule for it, or states or
            couplings would not fit in memory.
        """
        return self._twin(untrained(self.module, self, self.input_shape))

    def build(self, prepared: Mapping[str, Prepared]) -> IsingProblem:
        """The twin; its groups are the layers.

        Raises
        ------
        InputError
            If what was prepared is no training of this module.
        """
        state = StateRecord.of(prepared["training"].arrays).at(self.epoch)
        module = load_state(untrained(self.module, self, self.input_shape), state)
        if self.shuffle:
            shuffle_parameters(module, self.shuffle_seed)
        return self._twin(module)

    def _twin(self, module: Any) -> IsingProblem:
        return twin(
            module,
            input_shape=self.input_shape,
            biases=self.biases,
            scale=self.scale,
            layers=self.layers,
            max_spins=self.max_spins,
            seed=self.seed,
        )
