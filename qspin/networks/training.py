"""Train a small network and keep what its twin needs: the weights of every epoch, loss and accuracy."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qspin.errors import InputError, MissingExtraError, RunError, nearest_name
from qspin.memory import require_bytes
from qspin.networks.twins import weights_of
from qspin.progress import report_progress

__all__ = ["DATASETS", "TrainingRecord", "check_training", "train_mlp"]

DATASETS = {"digits": (64, 10), "digits_small": (12, 3)}
"""Name -> inputs and classes."""

_TEST_SHARE = 0.2
_CURVES = ("loss_train", "loss_test", "accuracy_train", "accuracy_test")


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """One training, epoch 0 being the untrained network.

    Parameters
    ----------
    weights, biases : a layer each; float64 (epochs + 1, out, in) and (epochs + 1, out)
    curves : loss (cross-entropy, nats) and accuracy on training and test set, each float64 (epochs + 1,)
    """

    weights: list[NDArray[np.float64]]
    biases: list[NDArray[np.float64]]
    curves: dict[str, NDArray[np.float64]]

    @property
    def n_epochs(self) -> int:
        return len(self.weights[0]) - 1

    def at(self, epoch: int | None) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
        """Weights and biases after `epoch` epochs; None is the last.

        Raises
        ------
        InputError
            If the training did not run that long.
        """
        k = self.n_epochs if epoch is None else epoch
        if not 0 <= k <= self.n_epochs:
            raise InputError(f"epoch must lie between 0 and {self.n_epochs}, the length of training; got {k}")
        return [layer[k] for layer in self.weights], [layer[k] for layer in self.biases]

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Weights and biases by name, from which `of` makes a record."""
        weights = {f"weights_{k}": layer for k, layer in enumerate(self.weights)}
        return weights | {f"biases_{k}": layer for k, layer in enumerate(self.biases)}

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
            )
        except KeyError as error:
            raise InputError(f"it is no whole record of a training: it has no {error}") from error
        record._check_shapes()
        return record

    def _check_shapes(self) -> None:
        """Layers that follow each other, one set of them for every epoch."""
        arrays = [*self.weights, *self.biases]
        if not arrays or any(array.dtype.kind != "f" or not array.size for array in arrays):
            raise InputError("it is no whole record of a training: weights and biases are real numbers")
        shapes = [(w.shape, b.shape) for w, b in zip(self.weights, self.biases, strict=True)]
        steps, width = len(self.weights[0]), self.weights[0].shape[-1]
        for weights, biases in shapes:
            if len(biases) != 2 or weights != (steps, biases[-1], width) or biases[0] != steps:
                raise InputError(
                    f"it is no whole record of a training: its layers do not fit each other; got {shapes}"
                )
            width = biases[-1]


def train_mlp(
    layers: Sequence[int],
    *,
    dataset: str = "digits",
    epochs: int = 100,
    learning_rate: float = 1e-3,
    batch_size: int = 64,
    seed: int = 0,
) -> TrainingRecord:
    """Train a ReLU network with Adam and cross-entropy, on one thread, so that a seed fixes the result.

    Parameters
    ----------
    layers : neurons of each layer, inputs first; they must fit the data set (digits: 64 ... 10)
    dataset : ``digits``, the 1797 handwritten 8x8 digits bundled with scikit-learn, or ``digits_small``, the
        537 zeros, ones and twos among them, coarse enough for twins of twenty spins: means over 2x2 pixels,
        without the outer columns, 12 inputs and 3 classes; a fifth is for testing
    epochs, learning_rate, batch_size : of the training
    seed : of the split, the initial weights and the order of batches

    Raises
    ------
    MissingExtraError
        If torch or scikit-learn is not installed.
    InputError
        If the layers do not fit the data.
    RunError
        If the training diverges.
    """
    check_training(layers, dataset, epochs)
    with _torch_session(seed) as torch:
        train_x, test_x, train_y, test_y = (torch.as_tensor(part) for part in _load(dataset, seed))
        model = _mlp(torch, layers)
        optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate)
        loss_of = torch.nn.functional.cross_entropy
        snapshots = [weights_of(model)]
        curves: dict[str, list[float]] = {name: [] for name in _CURVES}
        _measure(torch, model, curves, train=(train_x, train_y), test=(test_x, test_y))
        for epoch in range(epochs):
            for batch in torch.randperm(len(train_x)).split(batch_size):
                optimiser.zero_grad()
                loss_of(model(train_x[batch]), train_y[batch]).backward()
                optimiser.step()
            _measure(torch, model, curves, train=(train_x, train_y), test=(test_x, test_y))
            if not np.isfinite(curves["loss_train"][-1]):
                raise RunError(
                    f"training diverged in epoch {epoch + 1}; lower learning_rate ({learning_rate})"
                )
            snapshots.append(weights_of(model))
            report_progress(
                (epoch + 1) / epochs,
                f"epoch {epoch + 1} of {epochs}",
                loss=curves["loss_train"][-1],
                accuracy=curves["accuracy_test"][-1],
            )
    n_layers = len(layers) - 1
    return TrainingRecord(
        [np.stack([weights[k] for weights, _ in snapshots]) for k in range(n_layers)],
        [np.stack([biases[k] for _, biases in snapshots]) for k in range(n_layers)],
        {name: np.array(values) for name, values in curves.items()},
    )


def check_training(layers: Sequence[int], dataset: str, epochs: int = 0) -> None:
    """Refuse a training that cannot start, without importing torch.

    Raises
    ------
    CapacityError
        If the weights of all epochs would not fit in memory.
    InputError
        For an unknown data set or layers that do not fit it.
    MissingExtraError
        If torch or scikit-learn is not installed.
    """
    if dataset not in DATASETS:
        raise InputError(f"no data set {dataset!r}: {nearest_name(dataset, DATASETS)}")
    inputs, classes = DATASETS[dataset]
    if len(layers) < 2 or (layers[0], layers[-1]) != (inputs, classes):
        raise InputError(
            f"{dataset} has {inputs} inputs and {classes} classes, so layers must read "
            f"[{inputs}, ..., {classes}]; got {list(layers)}"
        )
    n_weights = sum(before * after for before, after in itertools.pairwise(layers))
    require_bytes(
        16 * (epochs + 1) * n_weights, f"{n_weights} weights in {epochs + 1} epochs", "take fewer of either"
    )
    for module, package in (("torch", "torch"), ("sklearn", "scikit-learn")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError("training a network", extra="torch", module=package)


@contextlib.contextmanager
def _torch_session(seed: int) -> Iterator[Any]:
    """torch with its random numbers and threads set for this block and restored after it."""
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield torch
        finally:
            torch.set_num_threads(threads)


def _load(dataset: str, seed: int) -> list[NDArray[Any]]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, targets = load_digits(return_X_y=True)
    if dataset == "digits_small":
        few = targets < DATASETS[dataset][1]
        blocks = images[few].reshape(-1, 8, 8)[:, :, 1:7].reshape(-1, 4, 2, 3, 2)
        images, targets = blocks.mean(axis=(2, 4)).reshape(-1, 12), targets[few]
    return train_test_split(
        (images / 16).astype(np.float32), targets, test_size=_TEST_SHARE, stratify=targets, random_state=seed
    )


def _mlp(torch: Any, layers: Sequence[int]) -> Any:
    modules: list[Any] = []
    for before, after in itertools.pairwise(layers):
        modules += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def _measure(torch: Any, model: Any, curves: dict[str, list[float]], **sets: Any) -> None:
    with torch.no_grad():
        for name, (inputs, targets) in sets.items():
            scores = model(inputs)
            curves[f"loss_{name}"].append(float(torch.nn.functional.cross_entropy(scores, targets)))
            curves[f"accuracy_{name}"].append(float((scores.argmax(1) == targets).double().mean()))
