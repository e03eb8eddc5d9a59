"""The source ``mlp``: the spin-glass twin of a multi-layer perceptron, at one epoch of its training."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import xarray as xr
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from qspin.networks.feedforward import shuffled_weights, twin_from_weights
from qspin.networks.training import TrainingRecord, check_training, train_mlp
from qspin.networks.twins import Scale
from qspin.settings import setting_names
from qspin.source import (
    IsingProblem,
    Preparation,
    Prepared,
    Source,
    Tools,
    Workload,
    deciding_settings,
    settings,
)

__all__ = ["Mlp", "MlpTraining"]

_SHUFFLE_STREAM = 1  # added to the seed of a training, so that shuffling has numbers of its own
_EPOCH = 10_000  # weights that an epoch costs at the least
_TORCH_BYTES = 2**28  # of torch and scikit-learn, which nothing else loads

Layers = Annotated[tuple[PositiveInt, ...], Field(min_length=2)]


@settings
class Training:
    """What fixes a training, and with it the weights of every epoch.

    Parameters
    ----------
    layers : neurons of each layer, inputs first
    dataset : ``digits`` or ``digits_small``, see `qspin.networks.training.train_mlp`
    epochs, learning_rate, batch_size : of the training
    seed : of split, initial weights and batches; not of sampling
    """

    layers: Layers
    dataset: Literal["digits", "digits_small"] = "digits"
    epochs: NonNegativeInt = 100
    learning_rate: PositiveFloat = 1e-3
    batch_size: PositiveInt = 64
    seed: NonNegativeInt = 0


@settings
class MlpTraining(Training, Preparation):
    """A training; its arrays hold weights and biases of every epoch, its curves loss and accuracy."""

    name: ClassVar[str] = "training"

    @property
    def title(self) -> str:
        return f"training {'-'.join(map(str, self.layers))} on {self.dataset}"

    def workload(self) -> Workload:
        """In weights and epochs, of which each costs something however small the network is."""
        n_weights = sum(before * after for before, after in itertools.pairwise(self.layers))
        work = (self.epochs + 1) * (_EPOCH + n_weights)
        kernel = f"training on {self.dataset} in batches of {self.batch_size}"
        return Workload(kernel, float(work), _TORCH_BYTES + 3 * 8 * (self.epochs + 1) * n_weights)

    def make(self, tools: Tools) -> Prepared:
        """Train.

        Raises
        ------
        MissingExtraError
            If torch or scikit-learn is not installed.
        RunError
            If the training diverges.
        """
        record = train_mlp(**{name: getattr(self, name) for name in setting_names(Training)})
        curves = xr.Dataset(
            {name: ("epoch", values) for name, values in record.curves.items()},
            coords={"epoch": np.arange(record.n_epochs + 1)},
        )
        return Prepared(record.arrays(), curves)


@settings
class Mlp(Training, Source):
    """Spin-glass twin of a multi-layer perceptron, at one epoch of its training.

    Parameters
    ----------
    layers, dataset, epochs, learning_rate, batch_size, seed : of the training, see `MlpTraining`
    epoch : 0: untrained; default: after the last epoch
    shuffle : permute the weights within each layer: scale without structure
    shuffle_seed : of that permutation; a number of them, ``instances: n``, is a distribution of controls
    biases : make biases fields
    scale : ``critical``: divide by the random-weight critical temperature, or ``none``
    """

    name: ClassVar[str] = "mlp"

    epoch: NonNegativeInt | None = None
    shuffle: bool = False
    shuffle_seed: NonNegativeInt = 0
    biases: bool = False
    scale: Scale = "critical"

    @model_validator(mode="after")
    def _fit_together(self) -> Mlp:
        if self.epoch is not None and self.epoch > self.epochs:
            raise ValueError(f"epoch {self.epoch} lies after the last of {self.epochs} epochs")
        if self.shuffle_seed and not self.shuffle:
            raise ValueError("shuffle_seed is of shuffled weights; set shuffle: true, or leave it out")
        return self

    @property
    def _training(self) -> MlpTraining:
        return MlpTraining(**{name: getattr(self, name) for name in setting_names(Training)})

    def needs(self) -> Mapping[str, Preparation]:
        return {"training": self._training}

    def outline(self) -> IsingProblem:
        """A twin of this size whose weights are 1.

        Raises
        ------
        InputError
            If the layers do not fit the data set, or the weights of all epochs not into memory.
        MissingExtraError
            If torch or scikit-learn is not installed.
        """
        check_training(self.layers, self.dataset, self.epochs)
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

    @property
    def instance_key(self) -> str:
        """Draws of a shuffled control are instances of it; else networks that are trained anew."""
        return "shuffle_seed" if self.shuffle else "seed"

    def identity(self) -> dict[str, Any]:
        return {**deciding_settings(self), "epoch": self.epochs if self.epoch is None else self.epoch}

    def controls(self) -> Mapping[str, Source]:
        """The untrained network, and the trained one with shuffled weights."""
        if self.shuffle or self.epoch == 0:
            return {}
        return {
            "before": dataclasses.replace(self, epoch=0),
            "null": dataclasses.replace(self, shuffle=True),
        }

    def notes(self) -> list[str]:
        sentences = ["In the twin of a network every neuron is a spin and every weight a coupling, J = −W."]
        if self.scale == "critical":
            sentences.append(
                "Couplings of a twin are divided by the critical temperature of the same architecture with "
                "random weights, a choice of this project, so that architectures share one temperature axis."
            )
        if self.shuffle:
            sentences.append(
                "Shuffled weights are permuted at random within each layer: their scale stays, their "
                "structure goes."
            )
        return sentences
