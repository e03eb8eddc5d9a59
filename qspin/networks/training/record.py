"""What a training leaves behind: weights at the epochs that are kept, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError

__all__ = ["StateRecord", "TrainingRecord", "weights_by_name"]

_NO_RECORD = "it is no whole record of a training"
_EPOCHS = "epochs"
_STATE = "state "  # begins the names of what a state dict holds


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """One training of linear layers in a row, epoch 0 being the untrained network.

    Parameters
    ----------
    weights, biases : a layer each; float64 (kept, out, in) and (kept, out)
    curves : loss (cross-entropy, nats, or mean squared error) and accuracy on training and test set, and
        whatever else the recipe asks for, each float64 (kept,)
    epochs : those that are kept, int64 (kept,), ascending; None: all from 0 on
    """

    weights: list[NDArray[np.float64]]
    biases: list[NDArray[np.float64]]
    curves: dict[str, NDArray[np.float64]]
    epochs: NDArray[np.int64] | None = None

    @property
    def kept(self) -> NDArray[np.int64]:
        """Epochs, ascending."""
        return np.arange(len(self.weights[0])) if self.epochs is None else self.epochs

    @property
    def n_epochs(self) -> int:
        """The last one that is kept."""
        return int(self.kept[-1])

    def at(self, epoch: int | None) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Weights and biases after `epoch` epochs; None is the last.

        Raises
        ------
        InputError
            If that one was not kept, or the training did not run that long.
        """
        k = _row(self.kept, epoch)
        return [layer[k] for layer in self.weights], [layer[k] for layer in self.biases]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights and biases by name, from which `of` makes a record."""
        arrays: dict[str, NDArray[Any]] = {} if self.epochs is None else {_EPOCHS: self.epochs}
        for k, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            arrays |= {f"weights_{k}": weights, f"biases_{k}": biases}
        return arrays

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> TrainingRecord:
        """A record without curves from what `arrays` gave.

        Raises
        ------
        InputError
            If these are no weights and biases of layers that follow each other.
        """
        n_layers = sum(name.startswith("weights_") for name in arrays)
        try:
            record = cls(
                [arrays[f"weights_{k}"] for k in range(n_layers)],
                [arrays[f"biases_{k}"] for k in range(n_layers)],
                {},
                arrays.get(_EPOCHS),
            )
        except KeyError as error:
            raise InputError(f"{_NO_RECORD}: it has no {error}") from error
        record._check_shapes()
        return record

    def _check_shapes(self) -> None:
        """Layers that follow each other, one set of them for every epoch."""
        arrays = [*self.weights, *self.biases]
        if not arrays or any(array.dtype.kind != "f" or not array.size for array in arrays):
            raise InputError(f"{_NO_RECORD}: weights and biases are real numbers")
        shapes = [(w.shape, b.shape) for w, b in zip(self.weights, self.biases, strict=True)]
        steps, width = len(self.weights[0]), self.weights[0].shape[-1]
        _check_epochs(self.kept, steps)
        for weights, biases in shapes:
            if len(biases) != 2 or weights != (steps, biases[-1], width) or biases[0] != steps:
                raise InputError(f"{_NO_RECORD}: its layers do not fit each other; got {shapes}")
            width = biases[-1]


@dataclass(frozen=True, eq=False)
class StateRecord:
    """One training of any module.

    Parameters
    ----------
    states : name in the state dict -> values (kept, ...)
    epochs : those that are kept, int64 (kept,), ascending
    """

    states: dict[str, NDArray[Any]]
    epochs: NDArray[np.int64]

    def at(self, epoch: int | None) -> dict[str, NDArray[Any]]:
        """The state after `epoch` epochs; None is the last. Raises as `TrainingRecord.at`."""
        k = _row(self.epochs, epoch)
        return {name: values[k] for name, values in self.states.items()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> StateRecord:
        """From the arrays of a preparation. Raises InputError for those of another one."""
        states = {n.removeprefix(_STATE): values for n, values in arrays.items() if n.startswith(_STATE)}
        if _EPOCHS not in arrays or not states:
            raise InputError(f"{_NO_RECORD}: it has no {_EPOCHS!r}, or no state")
        epochs = arrays[_EPOCHS]
        for values in states.values():
            if not values.ndim:
                raise InputError(f"{_NO_RECORD}: states are those of {len(epochs)} epochs")
            _check_epochs(epochs, len(values))
        return cls(states, epochs)


def weights_by_name(module: Any) -> dict[str, NDArray[Any]]:
    """The state dict of a module as arrays that are its own, by the names that `StateRecord.of` knows."""
    return {f"{_STATE}{name}": v.detach().cpu().numpy().copy() for name, v in module.state_dict().items()}


def _check_epochs(epochs: NDArray[Any], steps: int) -> None:
    is_count = epochs.ndim == 1 and epochs.dtype.kind in "iu" and len(epochs) == steps
    if not is_count or not steps or epochs[0] < 0 or (np.diff(epochs) <= 0).any():
        raise InputError(f"{_NO_RECORD}: its epochs must ascend from 0 on, one for each of {steps} states")


def _row(kept: NDArray[np.int64], epoch: int | None) -> int:
    if epoch is None:
        return len(kept) - 1
    if not 0 <= epoch <= kept[-1]:
        raise InputError(f"epoch must lie between 0 and {kept[-1]}, the length of training; got {epoch}")
    if not (found := np.flatnonzero(kept == epoch)).size:
        raise InputError(f"epoch {epoch} was not kept; those that were: {', '.join(map(str, kept))}")
    return int(found[0])
